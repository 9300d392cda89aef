"""Whether the pictures that come from a camera are worth looking at: dark, blinded, frozen, of wrong colours. *Pure*.

A picture is measured by 32 cells along its longer side, and a fingerprint for whether it is the very same as before.
A sign has to stay for two seconds before anything is said, so that a hand passing or a lamp being switched says
nothing; good pictures for half a second are believed. What the limits mean was measured on the clips of the bench:
`tests/terminal/test_camera_life_clips.py` keeps them there.

What cannot be told: a lens under white paper, which is bright and empty as a wall is; a still scene replayed with noise
added; red and blue swapped while nobody is in view, or only people whose skin reflects as much blue as red.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box, Picture
from terminal.sighting import CameraTrouble

TROUBLE_S = 2.0
"""A sign that has been there for so long is told; good pictures take back twice as much time as they last."""
DARK_FROZEN_S = 60.0
"""TROUBLE_S of a picture of which next to nothing is lit: a driver's compression may leave no noise in darkness."""
SWAPPED_S = 1.5
"""Of faces, which are not always in view."""
FINE_S = 0.5
"""Pictures without any sign for so long are fine again."""

_GREY = np.array((0.299, 0.587, 0.114), np.float32)
_SAMPLED, _CELLS = 320, 32
"""Pixels, and cells that are means of them, along the longer side."""
_DARK, _FLAT = 40.0, 8.0
"""Brightest cells below the first, and above the darkest by less than the second: the detector finds a face in a
picture that was dimmed to a contrast of 37 between its cells, none in one of 18; darkness without anything in it has
one of 2 or less."""
_WHITE, _ALL_BUT = 230.0, 3.0
"""Of the cells, 97 % are brighter: what is left is smaller than a face."""
_LIT = 40.0
_LIT_SHARE, _LITTLE_LIT_SHARE = 0.5, 0.1
_NOTHING, _FULL = 16.0, 240.0
"""A channel of nothing but less, or more, is dead. In 2,000 photographs and 19 clips each channel's brightest cells
have 115 or more."""
_COLOURED, _ONE_HUE = 0.6, 0.95
"""Saturation of 95 % of the lit cells, and length of the mean of their hues as unit vectors. Photographs have 0.46."""
_NATURAL, _SWAPPED, _BLUER = 0.05, -0.08, -0.05
"""Logarithm of red over blue of a face's upper half: above the first it is skin; below the second, and below that of
the whole picture by the third, it is not. Skin reflects more red than blue whoever it is of: of 363 live photographs
and 19 clips none was below -0.01, though one person in those was at 0.0 throughout."""
_KNOWN_PICTURES = 4
"""A driver that is stuck may hand out its buffers in turn, and has four."""
_LONGEST_STEP_S = 0.5


class _Sign(IntEnum):
    """What a picture, or the faces in it, may show; the first is what is told where several hold."""

    BLACK = 0
    BLINDED = 1
    FROZEN = 2
    TINTED = 3
    SWAPPED = 4


_NO_TIME = (0.0,) * len(_Sign)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured of one picture.

    `dark` and `bright`: greys of its darkest cells, and of its brightest but for one or two, which may be hot pixels'.
    `white`: the grey that 97 % of them exceed. `lit`: part of them with light in them. `least` and `most`: the darkest
    and brightest hundredth of each channel, `middle` its median. `saturation`: that of the palest twentieth of the lit
    cells; `one_hue`: 1 when all of them have the same hue. `fingerprint` is equal for equal pictures.
    """

    dark: float
    bright: float
    white: float
    lit: float
    least: tuple[float, float, float]
    middle: tuple[float, float, float]
    most: tuple[float, float, float]
    saturation: float
    one_hue: float
    fingerprint: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is known of a camera since it was opened; `trouble` is what is to be told.

    `signs_s` says for each sign how long it has been there, `fine_s` how long there has been none; `natural_s` is that
    for the colours of faces. `known` has the fingerprints of the last different pictures.
    """

    trouble: CameraTrouble | None = None
    signs_s: tuple[float, ...] = _NO_TIME
    fine_s: float = 0.0
    natural_s: float = 0.0
    known: tuple[int, ...] = ()
    at_s: float = -math.inf
    faces_s: float = -math.inf

    @property
    def of_faces(self) -> bool:
        """Whether only a face can show that the camera is fine again."""
        return self.trouble is CameraTrouble.COLOURS and self.signs_s[_Sign.SWAPPED] >= SWAPPED_S


def measure(picture: Picture) -> Measures:
    """Return what `picture` shows of its camera."""
    step = max(1, max(picture.shape[:2]) // _SAMPLED)
    sample = np.ascontiguousarray(picture[::step, ::step])
    height, width = sample.shape[:2]
    cell = max(1.0, max(height, width) / _CELLS)
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    cells = cv2.resize(sample, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
    dark, white, bright = np.percentile(cells @ _GREY, (0.5, _ALL_BUT, 99.8))
    least, middle, most = np.percentile(cells, (1, 50, 99), axis=0)
    lit = cells[cells.max(axis=1) >= _LIT]
    saturation, one_hue = _colour(lit) if len(lit) else (0.0, 0.0)
    return Measures(
        dark=float(dark),
        bright=float(bright),
        white=float(white),
        lit=len(lit) / len(cells),
        least=_three(least),
        middle=_three(middle),
        most=_three(most),
        saturation=saturation,
        one_hue=one_hue,
        fingerprint=hash(sample.tobytes()),
    )


def judge(life: Life, measures: Measures, *, now_s: float, live: bool) -> Life:
    """Return what is known of the camera with one more picture, taken at `now_s` on a steady clock.

    Only a `live` camera, which has a sensor and so noise, can be frozen: clips and folders may show the same for long.
    """
    passed_s = _step(life.at_s, now_s)
    signs = _signs(measures)
    again = measures.fingerprint in life.known
    if again and live:
        signs |= {_Sign.FROZEN}
    signs_s = tuple(
        before_s if sign is _Sign.SWAPPED else _longer(before_s, sign in signs, passed_s)
        for sign, before_s in zip(_Sign, life.signs_s, strict=True)
    )
    life = replace(
        life,
        signs_s=signs_s,
        fine_s=0.0 if signs else life.fine_s + passed_s,
        known=life.known if again else (*life.known, measures.fingerprint)[-_KNOWN_PICTURES:],
        at_s=now_s,
    )
    limit_s = DARK_FROZEN_S if measures.lit < _LITTLE_LIT_SHARE else TROUBLE_S
    return _told(life, {_Sign.FROZEN: limit_s, _Sign.SWAPPED: SWAPPED_S})


def judge_faces(life: Life, picture: Picture, faces: Collection[Box], *, now_s: float) -> Life:
    """Return what is known of the camera with the colours of the `faces` found in `picture`, which may be none.

    A print in bluish ink looks as skin does when red and blue are swapped, and is taken for that until somebody comes.
    """
    shown = [value for face in faces if (value := _redness(picture, face)) is not None]
    if not shown:
        return life
    everywhere = _log_red_blue(picture[::16, ::16])
    natural = max(shown) > _NATURAL
    swapped = not natural and min(shown) < min(_SWAPPED, everywhere + _BLUER)
    passed_s = _step(life.faces_s, now_s)
    before_s = life.signs_s[_Sign.SWAPPED]
    now_swapped_s = _longer(before_s, swapped, passed_s) if swapped or natural else before_s
    natural_s = life.natural_s + passed_s if natural else 0.0
    if natural_s >= FINE_S:
        now_swapped_s = 0.0
    signs_s = (*life.signs_s[: _Sign.SWAPPED], now_swapped_s)
    return _told(replace(life, signs_s=signs_s, natural_s=natural_s, faces_s=now_s), {_Sign.SWAPPED: SWAPPED_S})


def sentence(trouble: CameraTrouble) -> str:
    """Return what a technician is told of it."""
    match trouble:
        case CameraTrouble.BLACK:
            return "the camera shows nothing but darkness; uncover it, or put on the light"
        case CameraTrouble.BLINDED:
            return "the camera shows nothing but light; turn it away from the lamp or the sun"
        case CameraTrouble.FROZEN:
            return "the camera shows the very same picture again and again; unplug it and plug it in again"
        case CameraTrouble.COLOURS:
            return "the camera's colours are wrong; check its cable and its settings, and the light"
        case CameraTrouble.LOST:
            return "the camera sends no pictures; check its cable"
        case _:
            assert_never(trouble)


def _signs(measures: Measures) -> set[_Sign]:
    if measures.bright < _DARK and measures.bright - measures.dark < _FLAT:
        return {_Sign.BLACK}
    if measures.white > _WHITE:
        return {_Sign.BLINDED}
    return {_Sign.TINTED} if _tinted(measures) else set()


def _tinted(measures: Measures) -> bool:
    dead = min(measures.most) < _NOTHING and sorted(measures.most)[1] > 2 * _LIT
    stuck = max(measures.least) > _FULL and min(measures.middle) < _WHITE - _LIT
    cast = measures.lit >= _LIT_SHARE and measures.saturation > _COLOURED and measures.one_hue > _ONE_HUE
    return dead or stuck or cast


def _told(life: Life, limits_s: dict[_Sign, float]) -> Life:
    """Return `life` with its trouble: that which has lasted, or the one before until there is no sign of any."""
    lasting = next((sign for sign in _Sign if life.signs_s[sign] >= limits_s.get(sign, TROUBLE_S)), None)
    if life.fine_s >= FINE_S and lasting is not _Sign.SWAPPED:
        swapped_s = life.signs_s[_Sign.SWAPPED]
        return replace(life, trouble=None, signs_s=(*_NO_TIME[: _Sign.SWAPPED], swapped_s))
    return life if lasting is None else replace(life, trouble=_trouble(lasting))


def _trouble(sign: _Sign) -> CameraTrouble:
    match sign:
        case _Sign.BLACK:
            return CameraTrouble.BLACK
        case _Sign.BLINDED:
            return CameraTrouble.BLINDED
        case _Sign.FROZEN:
            return CameraTrouble.FROZEN
        case _Sign.TINTED | _Sign.SWAPPED:
            return CameraTrouble.COLOURS
        case _:
            assert_never(sign)


def _step(before_s: float, now_s: float) -> float:
    """Return how much time the picture at `now_s` stands for."""
    return min(max(0.0, now_s - before_s), _LONGEST_STEP_S) if math.isfinite(before_s) else 0.0


def _longer(before_s: float, there: bool, passed_s: float) -> float:
    return before_s + passed_s if there else max(0.0, min(before_s, TROUBLE_S) - 2 * passed_s)


def _colour(lit: NDArray[np.float32]) -> tuple[float, float]:
    most = lit.max(axis=1)
    saturation = float(np.percentile((most - lit.min(axis=1)) / most, 5))
    if saturation <= _COLOURED:
        return saturation, 0.0
    red, green, blue = lit.T
    hue = np.arctan2(math.sqrt(3) * (green - blue), 2 * red - green - blue)
    return saturation, float(np.hypot(np.cos(hue).mean(), np.sin(hue).mean()))


def _redness(picture: Picture, face: Box) -> float | None:
    """Return log(red / blue) between the brows and cheeks of `face`, where no mask or scarf is; None out of view."""
    height, width = picture.shape[:2]
    left, right = (int(min(max(face.x + part * face.width, 0), width)) for part in (0.25, 0.75))
    top, bottom = (int(min(max(face.y + part * face.height, 0), height)) for part in (0.15, 0.55))
    skin = picture[top:bottom, left:right]
    return _log_red_blue(skin) if min(skin.shape[:2]) >= 4 else None


def _log_red_blue(pixels: Picture) -> float:
    red, _, blue = pixels.reshape(-1, 3).mean(axis=0) + 8.0
    return math.log(red / blue)


def _three(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
