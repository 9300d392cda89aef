"""A person cut out of a portrait and given the rest of a body, ready to walk through a painted room.

GrabCut (Rother, Kolmogorov, Blake 2004) is seeded from the face box: heads and shoulders are where they are. Portraits
end at the chest or the waist; below that the clothes are drawn out downwards, softer and darker the lower they are.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box

FACE_PX = 220
"""Height of the face box in every figure."""
ABOVE, BELOW, BESIDE = 1.25, 6.2, 1.5
"""How far a figure reaches from the middle of its face, in face heights."""

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A standing person: `colour` (h, w, 3) BGR, `cover` (h, w) from 0 to 255, `middle` the face's middle in pixels."""

    colour: Image
    cover: Image
    middle: tuple[float, float]


def cut_out(portrait: Image, face: Box) -> Figure:
    """Return the figure of the person whose `face` is in the BGR `portrait`, scaled to FACE_PX."""
    scale = FACE_PX / face.height
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    photo = np.asarray(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    middle = (face.x + face.width / 2) * scale, (face.y + face.height / 2) * scale
    face_width = face.width * scale
    cover = _matte(photo, middle, face_width)
    colour = _without_fringe(photo, cover)
    return _stand(colour, cover, middle)


def _matte(photo: Image, middle: tuple[float, float], face_width: float) -> Plane:
    """Return how much of each pixel is the person, 0 to 1, feathered by about a pixel."""
    shrink = 100 / FACE_PX
    small = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    x, y = middle[0] * shrink, middle[1] * shrink
    across, down = face_width * shrink, 100.0

    def ellipse(mask: Image, value: int, *, rise: float, wide: float, tall: float) -> None:
        axes = int(wide * across), int(tall * down)
        cv2.ellipse(mask, (int(x), int(y - rise * down)), axes, 0, 0, 360, value, -1)

    def trapezoid(mask: Image, value: int, *half_widths: tuple[float, float]) -> None:
        right = [[x + half * across, y + drop * down] for half, drop in half_widths]
        left = [[x - half * across, y + drop * down] for half, drop in reversed(half_widths)]
        cv2.fillPoly(mask, [np.array(right + left, np.int32)], value)

    inside = np.zeros(small.shape[:2], np.uint8)
    ellipse(inside, 1, rise=0.1, wide=1.05, tall=1.0)
    trapezoid(inside, 1, (1.0, 0), (1.15, 0.55), (1.65, 0.95), (1.72, 9))
    marks = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    marks[inside == 0] = cv2.GC_BGD
    ellipse(marks, cv2.GC_PR_FGD, rise=0.1, wide=0.56, tall=0.66)
    trapezoid(marks, cv2.GC_PR_FGD, (0.5, 0.4), (0.6, 0.7), (1.5, 1.1), (1.7, 2), (1.7, 9))
    ellipse(marks, cv2.GC_FGD, rise=0.08, wide=0.47, tall=0.55)
    trapezoid(marks, cv2.GC_FGD, (0.3, 0.4), (0.35, 0.75), (1.0, 1.25), (1.0, 9))
    cv2.setRNGSeed(1)  # GrabCut starts its colour models at random
    cv2.grabCut(small, marks, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    person = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = _largest_piece(person).astype(np.float32)
    full = cv2.resize(person, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(full, (0, 0), 1.8)
    return np.asarray(np.clip((soft - 0.25) / 0.6, 0, 1), np.float32)


def _largest_piece(person: Image) -> Image:
    """Return `person` without islands of background that were taken for it."""
    opened = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return person
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    grown = np.asarray(cv2.dilate((labels == largest).astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8)
    return np.asarray(person & grown, np.uint8)


def _without_fringe(photo: Image, cover: Plane) -> Image:
    """Return the photo with the old background's colour gone from the person's edge."""
    core = cv2.erode((cover > 0.98).astype(np.float32), np.ones((5, 5), np.uint8))
    weight = cv2.GaussianBlur(core, (0, 0), 6)
    spread = cv2.GaussianBlur(photo * core[..., None], (0, 0), 6) / np.maximum(weight, 1e-4)[..., None]
    keep = cv2.GaussianBlur(core, (0, 0), 1)[..., None]
    cleaned = np.where(weight[..., None] > 1e-3, photo * keep + spread * (1 - keep), photo)
    return np.asarray(np.clip(cleaned, 0, 255), np.uint8)


def _stand(colour: Image, cover: Plane, middle: tuple[float, float]) -> Figure:
    """Return the cut-out on a canvas tall enough for a body, with shoulders and clothes continued past the photo."""
    height, width = int((ABOVE + BELOW) * FACE_PX), int(2 * BESIDE * FACE_PX)
    origin_x, origin_y = width / 2, ABOVE * FACE_PX
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns - origin_x + middle[0], rows - origin_y + middle[1]
    photo_height, photo_width = cover.shape
    last_x, last_y = photo_width - 1.0, photo_height - 1.0

    beyond = np.maximum(np.maximum(-x, x - last_x), 0)
    arm = 0.26 * FACE_PX
    bend = arm * (1 - np.sqrt(np.clip(1 - (beyond / arm) ** 2, 0, 1))) + 0.35 * beyond
    source_x = _slow_at_edge(x, 0, last_x, 0.1 * FACE_PX)
    source_y = _slow_at_edge(y - bend, -1e9, last_y, 0.4 * FACE_PX)
    drawn = cv2.remap(colour, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.remap(cover, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Above the photo there is nobody; a head that touches its upper edge keeps a soft end.
    inside = inside * np.clip(source_y + 1, 0, 1) * (beyond < arm)

    drop = (rows - origin_y) / FACE_PX
    off_axis = np.abs(columns - origin_x) / FACE_PX
    half = np.interp(drop[:, 0], (0, 1.9, 2.3, 3.4, 6.2), (9, 1.4, 1.0, 0.85, 0.62)).astype(np.float32)[:, None]
    body = np.clip((half - off_axis) * 30 + 0.5, 0, 1)
    gap = np.interp(drop[:, 0], (0, 4.2, 6.2), (-1, 0, 0.09)).astype(np.float32)[:, None]
    legs = np.clip((off_axis - gap) * 30 + 0.5, 0, 1)
    inside = inside * body * np.where(drop > 4.0, legs, 1)
    waist = max(min((last_y - middle[1]) / FACE_PX, 3.5), 1.0)
    return Figure(
        colour=_darker_below(np.asarray(drawn, np.uint8), inside, drop, waist),
        cover=np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.0) * 255, np.uint8),
        middle=(origin_x, origin_y),
    )


def _slow_at_edge(position: Plane, first: float, last: float, reach: float) -> Plane:
    """Return `position`, but nearing `first` and `last` ever more slowly from `reach` pixels before them."""
    over = np.maximum(position - (last - reach), 0)
    under = np.maximum((first + reach) - position, 0)
    held = np.clip(position, first + reach, last - reach)
    return np.asarray(
        held + reach * (1 - np.exp(-over / reach)) - reach * (1 - np.exp(-under / reach)), dtype=np.float32
    )


def _darker_below(drawn: Image, inside: Plane, drop: Plane, waist: float) -> Image:
    """Return the body with its clothes fading to one dark cloth below the photo's end."""
    band = (drop > waist - 0.4) & (drop < waist + 0.2) & (inside > 0.9)
    cloth = np.median(drawn[band], axis=0) if band.any() else np.array([40.0, 36, 34])
    streaky = cv2.GaussianBlur(drawn, (0, 0), 14)
    lower = np.clip((drop - waist) / 0.5, 0, 1)[..., None]
    bottom = np.clip((drop - waist - 0.3) / 1.2, 0, 1)[..., None]
    folds = 1 + 0.06 * np.sin(np.arange(drawn.shape[1]) / 23.0)[None, :, None]
    clothed = drawn * (1 - lower) + streaky * lower
    clothed = clothed * (1 - bottom) + cloth * 0.8 * folds * bottom
    shade = np.interp(drop[:, 0], (0.8, 2.0, 6.2), (1.0, 0.9, 0.35))[:, None, None]
    return np.asarray(np.clip(clothed * shade, 0, 255), np.uint8)
