"""A drawing of lines, areas and words, as SVG and, of the same points, as pixels.

No plotting library: matplotlib and what it needs is larger than everything else on a kiosk together, and the small SVG
libraries draw no PNG.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
_SCALE = 2
_SHIFT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through `points`; `colour` is "#rrggbb", `dashed` lines are drawn broken."""

    points: tuple[Point, ...]
    colour: str = "#222222"
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A closed area, see-through by `opacity`."""

    points: tuple[Point, ...]
    colour: str
    opacity: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`text` at a point of its baseline: its beginning, middle or end. `upright`: turned to read upwards."""

    at: Point
    text: str
    size: float = 13.0
    anchor: str = "start"
    upright: bool = False
    colour: str = "#222222"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn, in order, on white; units are pixels, y downwards."""

    width: int
    height: int
    title: str
    items: tuple[Line | Area | Words, ...] = field(default=())


def as_svg(drawing: Drawing) -> str:
    """Return the drawing as one SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}" font-family="sans-serif">',
        f"<title>{escape(_printable(drawing.title))}</title>",
        f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>',
    ]
    for item in drawing.items:
        match item:
            case Line():
                dash = ' stroke-dasharray="5 4"' if item.dashed else ""
                parts.append(
                    f'<polyline points="{_path(item.points)}" fill="none" stroke="{item.colour}" '
                    f'stroke-width="{item.width:g}" stroke-linejoin="round"{dash}/>'
                )
            case Area():
                parts.append(
                    f'<polygon points="{_path(item.points)}" fill="{item.colour}" fill-opacity="{item.opacity:g}"/>'
                )
            case Words():
                x, y = item.at
                turn = f' transform="rotate(-90 {x:g} {y:g})"' if item.upright else ""
                parts.append(
                    f'<text x="{x:g}" y="{y:g}" font-size="{item.size:g}" text-anchor="{item.anchor}" '
                    f'fill="{item.colour}"{turn}>{escape(_printable(item.text))}</text>'
                )
    return "\n".join([*parts, "</svg>", ""])


def as_pixels(drawing: Drawing) -> NDArray[np.uint8]:
    """Return the drawing as (2 height, 2 width, 3) RGB."""
    canvas = np.full((drawing.height * _SCALE, drawing.width * _SCALE, 3), 255, np.uint8)
    for item in drawing.items:
        match item:
            case Line():
                for part in _dashes(item.points) if item.dashed else [item.points]:
                    width = max(1, round(item.width * _SCALE))
                    cv2.polylines(canvas, [_fixed(part)], False, _rgb(item.colour), width, cv2.LINE_AA, _SHIFT)
            case Area():
                over = canvas.copy()
                cv2.fillPoly(over, [_fixed(item.points)], _rgb(item.colour), cv2.LINE_AA, _SHIFT)
                canvas = np.asarray(cv2.addWeighted(over, item.opacity, canvas, 1 - item.opacity, 0), np.uint8)
            case Words():
                _write(canvas, item)
    return canvas


def _write(canvas: NDArray[np.uint8], words: Words) -> None:
    text = _printable(words.text).encode("ascii", "replace").decode()
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, words.size * _SCALE / 30
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    if not width:
        return
    stamp = np.full((height + below + 4, width + 4), 0, np.uint8)
    cv2.putText(stamp, text, (2, height + 2), font, scale, 255, max(1, round(scale * 1.9)), cv2.LINE_AA)
    before = {"start": 0, "middle": width // 2, "end": width}[words.anchor]
    left, top = round(words.at[0] * _SCALE) - before - 2, round(words.at[1] * _SCALE) - height - 2
    if words.upright:
        stamp = np.rot90(stamp)
        left = round(words.at[0] * _SCALE) - height - 2
        top = round(words.at[1] * _SCALE) + before - width - 2
    top, left = max(0, top), max(0, left)
    place = canvas[top : top + stamp.shape[0], left : left + stamp.shape[1]]
    ink = stamp[: place.shape[0], : place.shape[1], None].astype(np.float32) / 255
    place[:] = (place * (1 - ink) + np.array(_rgb(words.colour), np.float32) * ink).round().astype(np.uint8)


def _dashes(points: Sequence[Point], *, on: float = 5.0, off: float = 4.0) -> list[tuple[Point, ...]]:
    path = np.asarray(points, np.float64)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(path, axis=0).T))]
    parts = []
    for start in np.arange(0, along[-1], on + off):
        ends = np.array([start, *along[(along > start) & (along < start + on)], min(start + on, along[-1])])
        x, y = (np.interp(ends, along, path[:, axis]) for axis in range(2))
        parts.append(tuple(zip(x.tolist(), y.tolist(), strict=True)))
    return parts


def _fixed(points: Sequence[Point]) -> NDArray[np.int32]:
    return np.asarray(np.round(np.asarray(points) * _SCALE * 2**_SHIFT), np.int32).reshape(-1, 1, 2)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
