"""Whether a face is worth encoding, and the one thing its owner can do to make it better. *Pure*.

What the limits mean was measured with SFace on photographs of the bench, made worse step by step: bad ones lower the
scores of the right person and raise nobody else's, so these limits save time and give hints; they do not keep out
strangers, the threshold does. `hadir bench quality` says how often each hint is right.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from config import Quality as QualitySettings
from terminal.covering import covered
from terminal.faces import Box, Face, Picture
from terminal.faces.alignment import aligned

_FACE_ROWS, _FACE_COLUMNS = slice(20, 100), slice(16, 96)
_MOST_OUTSIDE = 0.2
_FULL_SIZE_PX = 100.0
_FULL_SHARPNESS = 4.0
"""Times the limit: sharper than this scores no better."""
_LEAST_SCORE, _FULL_SCORE = 0.75, 0.95
"""YuNet's for a face just found and for one that could not be plainer. Of all that is measured here, this tells best
which of a track's frames will score highest: it sees turned, hidden and blurred faces alike."""
_COMFORT = 0.25
"""The outer quarters of the allowed brightness lower the value."""
MASK_ODDS = 2.3
"""Log-odds from which a face is called covered: ten to one."""
_MASKED_VALUE = 0.5
_SIDES, _ABOVE = 1.25, 1.0
"""How far around the middle of a face its surroundings are looked at, in face sizes."""


class Reason(StrEnum):
    """What is wrong with a face in a frame; `screens` has the words for it."""

    TOO_FAR = "too_far"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    HOLD_STILL = "hold_still"
    TURN_TO_SCREEN = "turn_to_screen"
    OUT_OF_VIEW = "out_of_view"
    BACKLIT = "backlit"
    MASK = "mask"
    ONE_AT_A_TIME = "one_at_a_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured of one face.

    `size_px`: shorter side of its box. `brightness`: mean grey, 0 to 255. `sharpness`: see `sharpness_of`. `yaw`: how
    far the nose is off the middle of the eyes, in eye distances, to either side. `outside`: part of the box that the
    picture does not show, 1 when an eye, the nose or the mouth is not in it. `surroundings`: mean grey beside and above
    the head, that of the face where nothing of them is seen. `covered`: see `covering`. `score`: the detector's.
    """

    size_px: float
    brightness: float
    sharpness: float
    yaw: float
    outside: float
    surroundings: float = 0.0
    covered: float = -5.0
    score: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a face is for encoding: `value` 0 to 1, comparable within a track; no `reason` when good enough.

    `advice` is what would make a good enough face better: it is encoded all the same, for the advice may be wrong.
    """

    value: float
    reason: Reason | None
    advice: Reason | None = None


def assess(picture: Picture, face: Face, settings: QualitySettings) -> Quality:
    """Return how good `face`, found in `picture`, is for encoding."""
    return judge(measure(picture, face), settings)


def judge(measures: Measures, settings: QualitySettings) -> Quality:
    """Return the quality that `measures` amount to; the reason is the first thing its owner should change."""
    reason = _reason(measures, settings)
    advice = _advice(measures, settings) if reason is None else None
    range_ = max(1.0, settings.max_brightness - settings.min_brightness)
    to_limit = min(measures.brightness - settings.min_brightness, settings.max_brightness - measures.brightness)
    size = _part(measures.size_px / _FULL_SIZE_PX)
    sharpness = _part(measures.sharpness / max(1e-6, _FULL_SHARPNESS * settings.min_sharpness))
    value = (
        math.sqrt(size * sharpness)
        * _part((measures.score - _LEAST_SCORE) / (_FULL_SCORE - _LEAST_SCORE))
        * (1 - 0.5 * _part(measures.yaw / settings.max_yaw))
        * (0.5 + 0.5 * _part(to_limit / range_ / _COMFORT))
        * (1 - _part(measures.outside))
        * (_MASKED_VALUE if advice is Reason.MASK else 1.0)
    )
    return Quality(value=value, reason=reason, advice=advice)


def measure(picture: Picture, face: Face) -> Measures:
    """Return what can be seen of `face` in `picture`, looked at as the encoder will see it: aligned, 112 px wide."""
    crop = aligned(picture, face.landmarks)
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    brightness = float(grey[_FACE_ROWS, _FACE_COLUMNS].mean())
    return Measures(
        size_px=min(face.box.width, face.box.height),
        brightness=brightness,
        sharpness=sharpness_of(grey),
        yaw=abs(yaw_of(face.landmarks)),
        outside=_outside(picture, face),
        surroundings=surroundings(picture, face.box, otherwise=brightness),
        covered=covered(crop),
        score=face.score,
    )


def sharpness_of(crop: NDArray[np.uint8]) -> float:
    """Return how much fine detail `crop`, (112, 112) grey, has in the direction that has less, in thousandths.

    The energy of the second derivative relative to the contrast, the smaller of across and down. The customary variance
    of the Laplacian cannot tell noise from detail, darkness from blur, or see motion, which blurs one direction only.
    Smoothed without rounding to whole greys: in a soft picture the steps between them would be all the detail there is.
    """
    smooth = np.asarray(cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 1.2), np.float32)
    contrast = float(smooth[_FACE_ROWS, _FACE_COLUMNS].var()) + 9.0  # 9: the noise of a usual sensor
    across = cv2.Sobel(smooth, cv2.CV_32F, 2, 0)[_FACE_ROWS, _FACE_COLUMNS]
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 2)[_FACE_ROWS, _FACE_COLUMNS]
    return 1000 * min(float(across.var()), float(down.var())) / contrast


def yaw_of(landmarks: NDArray[np.float32]) -> float:
    """Return how far the nose is off the middle of the eyes, in eye distances; positive towards the person's own left.

    `landmarks` are those of terminal.faces.Face. Infinite where the eyes are one point.
    """
    right_eye, left_eye, nose = (np.asarray(landmarks[at], np.float64) for at in range(3))
    between = left_eye - right_eye
    squared = float(between @ between)
    if squared < 1e-6:
        return float("inf")
    return float((nose - (right_eye + left_eye) / 2) @ between) / squared


def _reason(measures: Measures, settings: QualitySettings) -> Reason | None:
    if measures.outside > _MOST_OUTSIDE:
        return Reason.OUT_OF_VIEW
    if measures.size_px < settings.min_face_px:
        return Reason.TOO_FAR
    if measures.brightness < settings.min_brightness:
        return Reason.BACKLIT if _backlit(measures, settings) else Reason.TOO_DARK
    if measures.brightness > settings.max_brightness:
        return Reason.TOO_BRIGHT
    if measures.yaw > settings.max_yaw:
        return Reason.TURN_TO_SCREEN
    if measures.sharpness < settings.min_sharpness:
        return Reason.HOLD_STILL
    return None


def _advice(measures: Measures, settings: QualitySettings) -> Reason | None:
    if measures.covered > MASK_ODDS:
        return Reason.MASK
    return Reason.BACKLIT if _backlit(measures, settings) else None


def _backlit(measures: Measures, settings: QualitySettings) -> bool:
    return measures.surroundings > settings.max_backlight * max(1.0, measures.brightness)


def _part(value: float) -> float:
    return min(1.0, max(0.0, value))


def _outside(picture: Picture, face: Face) -> float:
    height, width = picture.shape[:2]
    if (face.landmarks < 0).any() or (face.landmarks >= (width, height)).any():
        return 1.0
    box = face.box
    seen_width = min(width, box.x + box.width) - max(0.0, box.x)
    seen_height = min(height, box.y + box.height) - max(0.0, box.y)
    if box.area <= 0 or seen_width <= 0 or seen_height <= 0:
        return 1.0
    return 1.0 - float(seen_width * seen_height / box.area)


def surroundings(picture: Picture, box: Box, *, otherwise: float) -> float:
    """Return the mean grey beside and above the head, `otherwise` where neither is in the picture.

    A sixteenth of the pixels is enough for a mean.
    """
    height, width = picture.shape[:2]
    (x, y), size = box.centre, max(box.width, box.height)
    left, right = _within(x - _SIDES * size, width), _within(x + _SIDES * size, width)
    top, bottom = _within(y - _ABOVE * size, height), _within(y + 0.6 * size, height)
    beside = [(slice(top, bottom, 4), slice(left, _within(x - 0.65 * size, width), 4))]
    beside += [(slice(top, bottom, 4), slice(_within(x + 0.65 * size, width), right, 4))]
    above = (slice(top, _within(y - 0.75 * size, height), 4), slice(left, right, 4))
    pixels = np.concatenate([picture[place].reshape(-1, 3) for place in (*beside, above)])
    if not len(pixels):
        return otherwise
    return float(pixels.mean(axis=0) @ (0.299, 0.587, 0.114))


def _within(place: float, length: int) -> int:
    return int(min(max(place, 0), length))
