"""DET curves (ISO/IEC 19795-1): false non-matches against false matches, both on logarithmic axes, as SVG and PNG."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from enroll.evaluate.dataset import DatasetRefused
from enroll.evaluate.drawing import Area, Drawing, Line, Words, as_pixels, as_svg

_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 560.0, 48.0, 430.0
_WIDTH, _HEIGHT = 860, 490
_FMR, _FNMR = (1e-5, 1e-1), (1e-3, 1.0)
_COLOURS = ("#1b6ca8", "#c8442b", "#2e8b57", "#8a5ab5", "#c98a00", "#4a4a4a", "#d2529b", "#008c95")

Points = Sequence[tuple[float, float, float, float, float]]
"""(threshold, FMR, FNMR, lowest and highest FNMR)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line of the drawing, with the 95 % band around it if `band`."""

    name: str
    points: Points
    band: bool = True


def det(title: str, curves: Sequence[Curve]) -> Drawing:
    """Return the curves drawn with axes, ticks and a legend. FNMR below 0.1 % is drawn at the edge."""
    items: list[Line | Area | Words] = [*_axes(title)]
    drawn = [(curve, _COLOURS[place % len(_COLOURS)]) for place, curve in enumerate(curves) if curve.points]
    for curve, colour in drawn:
        if curve.band and len(curve.points) > 1:
            upper = [(_x(fmr), _y(high)) for _, fmr, _, _, high in curve.points]
            lower = [(_x(fmr), _y(low)) for _, fmr, _, low, _ in reversed(curve.points)]
            items.append(Area(points=tuple(upper + lower), colour=colour, opacity=0.14))
    for place, (curve, colour) in enumerate(drawn):
        dashed = place >= len(_COLOURS)
        line = tuple((_x(fmr), _y(fnmr)) for _, fmr, fnmr, _, _ in curve.points)
        items.append(Line(points=line if len(line) > 1 else line * 2, colour=colour, width=2.2, dashed=dashed))
        y = _TOP + 16 + 24 * place
        items.append(Line(points=((_RIGHT + 16, y - 4), (_RIGHT + 44, y - 4)), colour=colour, width=2.2, dashed=dashed))
        items.append(Words(at=(_RIGHT + 50, y), text=curve.name[:36], size=12))
    note = _TOP + 30 + 24 * len(drawn)
    items.append(Words(at=(_RIGHT + 16, note), text="shaded: 95 % interval, by person", size=11, colour="#666666"))
    return Drawing(width=_WIDTH, height=_HEIGHT, title=title, items=tuple(items))


def write(drawing: Drawing, folder: Path, name: str) -> tuple[Path, Path]:
    """Return the SVG and the PNG that now hold the drawing in `folder`. Raises DatasetRefused."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80]
    svg, png = folder / f"{safe}.svg", folder / f"{safe}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        svg.write_text(as_svg(drawing), encoding="utf-8")
        pixels = cv2.cvtColor(as_pixels(drawing), cv2.COLOR_RGB2BGR)
        done, content = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        png.write_bytes(content.tobytes() if done else b"")
    except OSError as error:
        raise DatasetRefused(
            f"{os.fspath(folder)} cannot be written ({error.strerror}); give another folder"
        ) from error
    return svg, png


def _axes(title: str) -> list[Line | Area | Words]:
    items: list[Line | Area | Words] = [Words(at=(_LEFT, 26), text=title, size=15)]
    for exponent in range(-5, 0):
        for step in range(1, 10):
            rate = step * 10.0**exponent
            if rate > _FMR[1] * 1.001:
                break
            strong = step == 1
            items.append(_grid(((_x(rate), _TOP), (_x(rate), _BOTTOM)), strong=strong))
        items.append(
            Words(at=(_x(10.0**exponent), _BOTTOM + 18), text=_percent(10.0**exponent), anchor="middle", size=12)
        )
    for exponent in range(-3, 1):
        for step in range(1, 10):
            rate = step * 10.0**exponent
            if rate > _FNMR[1] * 1.001:
                break
            items.append(_grid(((_LEFT, _y(rate)), (_RIGHT, _y(rate))), strong=step == 1))
        items.append(
            Words(at=(_LEFT - 8, _y(10.0**exponent) + 4), text=_percent(10.0**exponent), anchor="end", size=12)
        )
    corners = ((_LEFT, _TOP), (_RIGHT, _TOP), (_RIGHT, _BOTTOM), (_LEFT, _BOTTOM), (_LEFT, _TOP))
    items.append(Line(points=corners, colour="#444444"))
    middle = (_LEFT + _RIGHT) / 2
    items.append(Words(at=(middle, _BOTTOM + 42), text="false match rate (FMR)", anchor="middle", size=13))
    words = "false non-match rate (FNMR)"
    items.append(Words(at=(22, (_TOP + _BOTTOM) / 2), text=words, anchor="middle", size=13, upright=True))
    return items


def _grid(points: tuple[tuple[float, float], ...], *, strong: bool) -> Line:
    return Line(points=points, colour="#c4c4c4" if strong else "#ececec", width=1.0 if strong else 0.5)


def _percent(rate: float) -> str:
    return f"{100 * rate:g} %"


def _x(fmr: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * _share(fmr, *_FMR)


def _y(fnmr: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * _share(fnmr, *_FNMR)


def _share(value: float, low: float, high: float) -> float:
    return math.log(min(max(value, low), high) / low) / math.log(high / low)
