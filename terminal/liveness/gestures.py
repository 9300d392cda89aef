"""What a face does, by its 468 landmarks: turns, blinks, comes closer; and whether it did what it was asked. *Pure*.

The landmarks are MediaPipe's face mesh, numbered as there; x, y in pixels, z in the same unit, larger is farther.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from terminal.liveness.relief import Step
from terminal.sighting import ASKED_S, Challenge

Mesh = NDArray[np.float64]
"""(468, 3)."""

_LEFT_CHEEK, _RIGHT_CHEEK = 454, 234
_FOREHEAD, _CHIN = 10, 152
EYES = ((33, 133), (362, 263))
"""Of the right and the left eye: its corners."""
_TURN_DEG = 14.0
"""As the landmarks measure it, which show about half of a turn."""
_BACK_DEG = 7.0
"""Whoever is held further than this one way when they are asked has to come back before that way counts."""
_HEAD_SHARE = 0.2
"""Part of the landmarks' turn that the skin's relief must confirm within one step of less than a second."""
_WAYS = {
    Challenge.TURN_LEFT: (0, 1.0),
    Challenge.TURN_RIGHT: (0, -1.0),
    Challenge.LOOK_UP: (1, -1.0),
    Challenge.LOOK_DOWN: (1, 1.0),
}
"""About which axis a turn goes, the upright or the level one, and whether its angle grows: the chin of who looks down
goes back."""
_CLOSER = 1.25
_CLOSED, _OPEN = 0.7, 0.85
"""How like its usual self an eye is, as a correlation: below the one it is closed or looks elsewhere, above the other
it is back. The eyes of photos stay above 0.9, but where glare moves over them. The landmarks of closed eyes are no use:
they stay as far apart as those of open ones."""
_BLINK_S = 0.8
_LEAST_EYES = 6


class Answer(StrEnum):
    """How it stands with what was asked: `waiting`, `met`, or `failed`: the time is over, or the other was done."""

    WAITING = "waiting"
    MET = "met"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bearing:
    """How a face is held in one frame. `yaw_deg` grows when the person turns to their own left, `pitch_deg` when the
    chin goes back; `eyes` (2, n) is what the right and the left one look like, each of zero mean and unit norm, absent
    where they are too small; `size_px` the face's."""

    at_s: float
    yaw_deg: float
    pitch_deg: float
    eyes: NDArray[np.float32] | None
    size_px: float


def bearing_of(mesh: Mesh, *, size_px: float, at_s: float, eyes: NDArray[np.float32] | None = None) -> Bearing:
    """Return how the face of `mesh` is held."""
    across = mesh[_LEFT_CHEEK] - mesh[_RIGHT_CHEEK]
    down = mesh[_CHIN] - mesh[_FOREHEAD]
    return Bearing(
        at_s=at_s,
        yaw_deg=math.degrees(math.atan2(across[2], math.hypot(across[0], across[1]))),
        pitch_deg=math.degrees(math.atan2(down[2], math.hypot(down[0], down[1]))),
        eyes=eyes,
        size_px=size_px,
    )


def answer_to(
    asked: Challenge,
    seen: Sequence[Bearing],
    steps: Sequence[Step],
    *,
    since_s: float,
    now_s: float,
    until_s: float | None = None,
    usual: tuple[float, float] | None = None,
) -> Answer:
    """Return whether `asked` was done in what was `seen` from `since_s` on; `steps` are the relief's from then on.

    The time is over at `until_s`, ASKED_S after `since_s` where that is absent. `usual` is how the face was held before
    anything was asked, as `usually` tells it; where that is absent, when this was. A turn counts when the landmarks
    show it in the direction asked and the skin's relief confirms it, so that neither a sheet that is turned nor a mesh
    that is mistaken passes. Turned in another direction first, it failed.
    """
    bearings = [each for each in seen if each.at_s >= since_s]
    late = now_s > (since_s + ASKED_S if until_s is None else until_s)
    done = False
    if len(bearings) >= 2:
        match asked:
            case Challenge.BLINK:
                done = blinked(bearings)
            case Challenge.COME_CLOSER:
                done = bearings[-1].size_px >= _CLOSER * bearings[0].size_px
            case _:
                usual = usual or usually(bearings[:1])
                turned_s = {way: _turned_s(way, bearings, usual, steps) for way in _WAYS}
                if min(turned_s.values()) < turned_s[asked]:
                    return Answer.FAILED
                done = turned_s[asked] < math.inf
    if done and not late:
        return Answer.MET
    return Answer.FAILED if late else Answer.WAITING


def usually(seen: Sequence[Bearing]) -> tuple[float, float]:
    """Return how a face was held, yaw and pitch in degrees: the median of each."""
    return float(np.median([each.yaw_deg for each in seen])), float(np.median([each.pitch_deg for each in seen]))


def blinked(seen: Sequence[Bearing]) -> bool:
    """Return whether both eyes changed together and were soon as before."""
    told = [(each.at_s, each.eyes) for each in seen if each.eyes is not None]
    if len(told) < _LEAST_EYES:
        return False
    usual = np.median([eyes for _, eyes in told], axis=0)
    usual /= np.linalg.norm(usual, axis=1, keepdims=True) + 1e-9
    like = [float((eyes * usual).sum(axis=1).max()) for _, eyes in told]  # of both, the one that changed less
    since_s: float | None = None
    open_s = -math.inf  # eyes that were never seen open have not closed
    for (at_s, _), likeness in zip(told, like, strict=True):
        if likeness > _OPEN:
            open_s = at_s
            if since_s is not None and at_s - since_s <= _BLINK_S:
                return True
            since_s = None
        elif likeness < _CLOSED and since_s is None:
            since_s = open_s
    return False


def _turned_s(way: Challenge, seen: Sequence[Bearing], usual: tuple[float, float], steps: Sequence[Step]) -> float:
    """Return when the head had turned that `way`, infinity if it has not."""
    axis, sign = _WAYS[way]
    back, first_s, most = False, math.inf, 0.0
    for each in seen:
        turned = sign * ((each.yaw_deg, each.pitch_deg)[axis] - usual[axis])
        back = back or turned < _BACK_DEG
        if back and turned >= _TURN_DEG:
            first_s, most = min(first_s, each.at_s), max(most, turned)
    return first_s if math.isfinite(first_s) and _head_turned(axis, sign, most, steps) else math.inf


def _head_turned(axis: int, sign: float, turned_deg: float, steps: Sequence[Step]) -> bool:
    """Return whether some step's relief turned the same way by a fair part of the whole, more than its error."""
    least = math.radians(_HEAD_SHARE * turned_deg)
    return any(-sign * step.turn_rad[axis] > max(least, 3 * step.error_rad) and step.no_sheet for step in steps)
