"""Pictures that come again: a frozen face, or a short film in a loop. *Pure*.

A sensor never sees the same twice: its noise alone changes every value. What is identical was not seen but played.
That finds pictures fed in behind the camera, not a film on a phone before it, which the camera sees with new noise.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terminal.liveness.cues import Cue, Finding, Reason, silent

Small = NDArray[np.float32]
"""(rows, columns) grey values 0..255 of the face, cut out and shrunk the same way in every frame."""

_SAME = 0.02
"""Mean difference in grey values below which two are one picture: noise of one value in 0..255, averaged over the 16
pixels of a cell and more, leaves ten times as much."""
_FROZEN_S = 0.7
_LOOP_FRAMES = 5
_LOOP_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glimpse:
    """The face in one frame, `at_s` on a steady clock."""

    small: Small
    at_s: float


def judge(glimpses: Sequence[Glimpse]) -> Cue:
    """Return whether the same pictures came again: `deny` when one stood for 0.7 s, or when 5 in a row, no two of them
    alike, had been seen in that order before. The value is for how many seconds, or after how many."""
    if len(glimpses) < _LOOP_FRAMES + 1:
        return silent(Reason.REPEATS)
    stood = _stood_s(glimpses)
    if stood >= _FROZEN_S:
        return Cue(reason=Reason.REPEATS, finding=Finding.DENY, value=round(stood, 3))
    period = _period_s(glimpses)
    if period is not None:
        return Cue(reason=Reason.REPEATS, finding=Finding.DENY, value=round(period, 3))
    return Cue(reason=Reason.REPEATS, finding=Finding.CLEAR)


def _same(first: Small, second: Small) -> bool:
    return first.shape == second.shape and float(np.abs(first - second).mean()) < _SAME


def _stood_s(glimpses: Sequence[Glimpse]) -> float:
    longest, since = 0.0, glimpses[0]
    for glimpse in glimpses[1:]:
        if _same(glimpse.small, since.small):
            longest = max(longest, glimpse.at_s - since.at_s)
        else:
            since = glimpse
    return longest


def _period_s(glimpses: Sequence[Glimpse]) -> float | None:
    tail = glimpses[-_LOOP_FRAMES:]
    if any(_same(one.small, other.small) for one, other in itertools.pairwise(tail)):
        return None
    for start in range(len(glimpses) - _LOOP_FRAMES):
        earlier = glimpses[start : start + _LOOP_FRAMES]
        passed = tail[0].at_s - earlier[0].at_s
        if passed >= _LOOP_S and all(_same(one.small, other.small) for one, other in zip(earlier, tail, strict=True)):
            return passed
    return None
