"""Whether what moves has the relief of a head, or is a plane. *Pure*.

A head that turns, or that walks past a camera, moves its nose more than its eyes: of points on it, those that stand out
move further, in proportion to how far they stand out. A photo has no such points, however it is held and waved. So the
motion of tracked skin between two frames is fitted by everything a plane can do, plus one more term: the depth that the
landmarks give each point, times a turn. That turn, with its error, is the evidence.

Measured on clips of people who turn, it is minus the change of yaw that landmarks show (a turn to the person's own left
is positive there), with a slope of about one; on flat photos it stays within its error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terminal.liveness.cues import Cue, Finding, Reason, silent

Floats = NDArray[np.float64]

LEAST_POINTS = 20
_ERRORS = 3.0
"""How many standard errors a turn must exceed what is asked of it."""
_CLEAR_RAD = math.radians(1.5)
"""Flat photos held by hand stay below it; bent ones nearly all exceed it, hence `bent_rad`."""
_HEAD_STEPS = 2
"""One step may be a bent sheet whose points slipped."""
_BENT_RAD, _BENT_ERROR_RAD, _BENT_STEPS = math.radians(0.75), math.radians(0.5), 2
"""What a bent sheet stays below; and how well, how often that was measured for one to be suspected."""
_SOME_RAD = math.radians(0.5)
"""Between this and the other nothing is said: a head that hardly turned, or glare that moves over a photo."""
_FLAT_RAD = math.radians(0.6)
_FLAT_ERROR_RAD = math.radians(0.8)
_FLAT_MEDIAN_RAD = math.radians(3.0)
_FLAT_STEPS, _MOVED_STEPS = 3, 2
_MOVED, _GROWN, _ROLLED_RAD = 0.06, 0.06, math.radians(4)
"""Below these, a living head has not moved enough to show its relief, and stands as still as a photo. 6 % of a face is
a centimetre: half a metre away, that far to the side turns a head by a degree before the camera."""
_SHARP_RAD, _WELL = math.radians(0.25), 0.6
_WAVED = 2.0
"""Times that a sheet must move for its flatness alone to deny: a hand does, and somebody who sways does not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """Where points of a face's skin were and where they are a moment later, (n, 2) pixels each; `depth` (n,) in pixels,
    larger is farther, as the landmarks of the first frame guess it; `size_px` the face's."""

    before: Floats
    after: Floats
    depth: Floats
    size_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one Flow showed. `turn_rad` (about the upright axis, about the level one) with its standard error.

    `bent_rad`, `bent_error_rad`: the turn that is left when not only a plane but any sheet bent one way is allowed.
    `moved` in face sizes, `grown` as a share, `rolled_rad` in the picture's plane: how much there was to see.
    """

    turn_rad: tuple[float, float]
    error_rad: float
    bent_rad: float
    bent_error_rad: float
    moved: float
    grown: float
    rolled_rad: float

    @property
    def turned_rad(self) -> float:
        return math.hypot(*self.turn_rad)

    @property
    def surely_rad(self) -> float:
        """How much it turned at least."""
        return self.turned_rad - _ERRORS * self.error_rad

    @property
    def no_sheet(self) -> bool:
        """Whether more of the turn is left than a bent sheet could show."""
        return self.bent_rad - 2 * self.bent_error_rad > _BENT_RAD

    @property
    def waved(self) -> bool:
        """Whether it moved more than a head that only sways, which may keep its face to the camera all the while."""
        return self._moved_by(_WAVED)

    @property
    def stirred(self) -> bool:
        """Whether it moved enough for a head to have shown its relief; half as far does where that is measured well."""
        return self._moved_by(_WELL if self.error_rad < _SHARP_RAD else 1.0)

    def _moved_by(self, share: float) -> bool:
        return (
            self.moved > share * _MOVED
            or abs(self.grown) > share * _GROWN
            or abs(self.rolled_rad) > share * _ROLLED_RAD
        )


def step_of(flow: Flow) -> Step | None:
    """Return what `flow` shows, None of too few points or of points that lie on a line."""
    count = len(flow.before)
    if count < LEAST_POINTS or flow.size_px <= 0:
        return None
    here = (flow.before - flow.before.mean(axis=0)) / flow.size_px
    shift = (flow.after - flow.before) / flow.size_px
    depth = flow.depth / flow.size_px
    if not all(np.isfinite(each).all() for each in (here, shift, depth)):
        return None
    x, y = here.T
    level = [np.ones(count), x, y]
    plane = [_pair(each, 0 * x) for each in level] + [_pair(0 * x, each) for each in level]
    # A plane's perspective: two terms more (a homography to second order). A bent sheet: any second order.
    seen = [_pair(x * x, x * y), _pair(x * y, y * y)]
    bent = [_pair(each, 0 * x) for each in (x * x, x * y, y * y)]
    bent += [_pair(0 * x, each) for each in (x * x, x * y, y * y)]
    turning = [_pair(depth, 0 * x), _pair(0 * x, depth)]
    wanted = shift.T.ravel()
    turn, error = _fit(np.stack([*plane, *seen, *turning], axis=1), wanted)
    other, other_error = _fit(np.stack([*plane, *bent, *turning], axis=1), wanted)
    flat, _ = _fit(np.stack(plane, axis=1), wanted, last=6)
    if not all(map(math.isfinite, (*turn, error, *other, other_error, *flat))):
        return None
    return Step(
        turn_rad=(float(turn[0]), float(turn[1])),
        error_rad=error,
        bent_rad=float(np.hypot(*other)),
        bent_error_rad=other_error,
        moved=float(np.hypot(*np.median(shift, axis=0))),
        grown=float(flat[1] + flat[5]) / 2,
        rolled_rad=float(flat[4] - flat[2]) / 2,
    )


def judge(steps: Sequence[Step]) -> Cue:
    """Return whether the face of these steps is a head's: `clear` if it surely turned, `deny` if it surely did not
    though it moved, `suspect` if it moved and no turn was seen, or one that a bent sheet explains.

    The value is the largest sure turn in degrees.
    """
    if not steps:
        return silent(Reason.RELIEF)
    surely = max(step.surely_rad for step in steps)
    told = [step for step in steps if step.stirred and step.error_rad < _FLAT_ERROR_RAD]
    sure = [step for step in steps if step.surely_rad > _CLEAR_RAD]
    heads = sum(step.no_sheet for step in sure)
    if heads >= _HEAD_STEPS:
        finding = Finding.CLEAR
    elif sum(not step.no_sheet and step.bent_error_rad < _BENT_ERROR_RAD for step in sure) >= _BENT_STEPS:
        finding = Finding.SUSPECT
    elif surely < _SOME_RAD and _flat(steps):
        finding = Finding.DENY
    elif surely < _SOME_RAD and len(told) >= _MOVED_STEPS and _at_most_rad(told) < _FLAT_MEDIAN_RAD:
        finding = Finding.SUSPECT
    else:
        finding = Finding.NO_EVIDENCE
    return Cue(reason=Reason.RELIEF, finding=finding, value=round(math.degrees(surely), 2))


def _flat(steps: Sequence[Step]) -> bool:
    """Return whether every step that was measured well is a plane's, and enough of them moved far."""
    sharp = [step for step in steps if step.error_rad < _FLAT_ERROR_RAD]
    told = [step for step in sharp if step.waved]
    return (
        len(told) >= _FLAT_STEPS
        and all(step.turned_rad - 2 * step.error_rad < _FLAT_RAD for step in sharp)
        and _at_most_rad(told) < _FLAT_MEDIAN_RAD
    )


def _at_most_rad(steps: Sequence[Step]) -> float:
    """Return how much half of `steps` turned at most."""
    return float(np.median([step.turned_rad + 2 * step.error_rad for step in steps]))


def _pair(first: Floats, second: Floats) -> Floats:
    return np.concatenate([first, second])


def _fit(design: Floats, wanted: Floats, *, last: int = 2) -> tuple[Floats, float]:
    """Return the `last` parameters and the larger standard error of the last two: least squares, reweighted after
    Cauchy so that an eyelid or a mouth that moves by itself does not count for more than the skin around it."""
    count = len(wanted) // 2
    weight = np.ones(count)
    for _ in range(4):
        both = np.concatenate([weight, weight])
        found = np.linalg.lstsq(design * both[:, None], wanted * both, rcond=None)[0]
        missed = (wanted - design @ found).reshape(2, count)
        length = np.hypot(*missed)
        spread = 1.48 * float(np.median(length)) + 1e-6
        weight = np.sqrt(1 / (1 + (length / (2 * spread)) ** 2))
    weighted = design * both[:, None]
    freedom = max(1, len(wanted) - design.shape[1])
    variance = float(((both * (wanted - design @ found)) ** 2).sum()) / freedom
    covariance = variance * np.linalg.pinv(weighted.T @ weighted)
    return found[-last:], math.sqrt(max(0.0, float(np.diag(covariance)[-2:].max())))
