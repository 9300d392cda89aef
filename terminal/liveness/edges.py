"""Straight edges beside a face: of paper, a phone, a tablet, a screen. *Pure*.

A head brings no straight edges with it, and a kiosk's room does not move. A long straight edge that goes where the
face goes is the border of what the face is shown on (`edge`, denies); edges on three sides of it are a frame (`frame`),
which a door or a window behind somebody can be as well, so that it only raises doubt.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box
from terminal.liveness.cues import Cue, Finding, Reason, silent

Floats = NDArray[np.float64]
Lines = NDArray[np.float64]
"""(n, 2, 2): the two ends of each, in pixels."""

LEAST_LENGTH = 0.5
"""Of a line that counts, in face sizes."""
_NEAREST, _FARTHEST, _FRAME_FARTHEST = 0.5, 2.2, 1.6
"""How far from the face's centre a line passes, in face sizes: nearer ones are the face's own, or its hair."""
_FRAME_LENGTH = 0.6
_BESIDE = 0.35
_UPRIGHT = 0.85
_TOLERANCE_PX, _TOLERANCE = 1.2, 0.012
_GIVEN = 0.3
"""A tilted sheet's edge misses where the face's motion carries it by a part of the way it went."""
_SEARCHED = 2.2
"""How far from the face's centre lines are looked for, in face sizes: farther away, none is no sign of anything."""
_ABOVE_CHIN = 0.4
_MOST_LINES = 200
_FRAME_SHARE, _FRAME_LOOKS = 0.5, 3
_DENIED_STEPS, _ONE_SIDED_STEPS = 3, 4


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"


def moving(before: Lines, after: Lines, carry: Floats, face: Box) -> frozenset[Side]:
    """Return on which sides of `face` a straight edge went with it: `carry` (2, 3) is where the skin of the face went
    from the first frame to the second. One that did not have to move, or that stayed, is none; nor is one that would
    have gone to where another stays: slats and shelves repeat, and whoever walks past hides some of them."""
    size, centre = _size(face), np.array(face.centre)
    gone = carry[:, :2] @ centre + carry[:, 2]
    tolerance = max(_TOLERANCE_PX, _TOLERANCE * size)
    sides = set()
    for line in before[:_MOST_LINES]:
        along, length = _along(line)
        if length < LEAST_LENGTH * size or not _NEAREST <= _distance(line, along, face) <= _FARTHEST:
            continue
        if _worn(line, face):
            continue
        carried = line @ carry[:, :2].T + carry[:, 2]
        went = float(np.abs((carried - line) @ _across(along)).max())
        if went < 2 * tolerance:
            continue
        if not (_is_near(carried, centre, size) and _is_near(line, gone, size)):
            continue
        if _is_there(line, after, tolerance):
            continue
        given = max(tolerance, _GIVEN * went)
        ahead = (other for other in after[:_MOST_LINES] if _is_there(carried, [other], given))
        if any(not _is_there(other, before, tolerance) for other in ahead):
            sides.add(_side(line, along, face))
    return frozenset(sides)


def around(lines: Lines, face: Box) -> frozenset[Side]:
    """Return on which sides of `face` an upright or level edge passes."""
    size, centre = _size(face), np.array(face.centre)
    sides = set()
    for line in lines[:_MOST_LINES]:
        along, length = _along(line)
        if length < _FRAME_LENGTH * size or float(np.abs(along).max()) < _UPRIGHT:
            continue
        if not _NEAREST <= _distance(line, along, face) <= _FRAME_FARTHEST:
            continue
        first, last = sorted(float(each) for each in (line - centre) @ along / size)
        if first <= _BESIDE and last >= -_BESIDE:
            sides.add(_side(line, along, face))
    return frozenset(sides)


def judge_edge(steps: Sequence[Collection[Side]]) -> Cue:
    """Return whether what the face is shown on has edges, from `moving` of several steps: `deny` when edges on two
    sides moved with it three times, `suspect` when they did twice, or one side's did in half of four steps and more.

    Once may be chance, and the arms of somebody who gestures beside their face are two lines as well. The value counts
    the steps with two sides.
    """
    if not steps:
        return silent(Reason.EDGE)
    both = sum(len(sides) >= 2 for sides in steps)
    one_side = max(sum(side in sides for sides in steps) for side in Side)
    if both >= _DENIED_STEPS:
        finding = Finding.DENY
    elif both >= _DENIED_STEPS - 1 or (one_side >= _ONE_SIDED_STEPS and 2 * one_side >= len(steps)):
        finding = Finding.SUSPECT
    else:
        finding = Finding.NO_EVIDENCE
    return Cue(reason=Reason.EDGE, finding=finding, value=float(both))


def judge_frame(looks: Sequence[Collection[Side]]) -> Cue:
    """Return whether the face is framed, from `around` of several frames: `suspect` if there were edges on three sides
    of it in half of them at some time. The value is the largest such share: a frame that was seen does not go away."""
    if len(looks) < _FRAME_LOOKS:
        return silent(Reason.FRAME)
    seen = list(itertools.accumulate(len(sides) >= 3 for sides in looks))
    share = max(seen[count - 1] / count for count in range(_FRAME_LOOKS, len(looks) + 1))
    finding = Finding.SUSPECT if share >= _FRAME_SHARE else Finding.CLEAR
    return Cue(reason=Reason.FRAME, finding=finding, value=round(share, 3))


def _size(face: Box) -> float:
    return max(face.width, face.height)


def _along(line: Floats) -> tuple[Floats, float]:
    way = line[1] - line[0]
    length = math.hypot(*way)
    return way / max(length, 1e-9), length


def _across(along: Floats) -> Floats:
    return np.array([-along[1], along[0]])


def _distance(line: Floats, along: Floats, face: Box) -> float:
    """Return how far from the centre of `face` the whole straight line passes, in face sizes."""
    return abs(float((np.array(face.centre) - line.mean(axis=0)) @ _across(along))) / _size(face)


def _side(line: Floats, along: Floats, face: Box) -> Side:
    x, y = line.mean(axis=0)
    if abs(along[0]) > abs(along[1]):
        return Side.TOP if y < face.centre[1] else Side.BOTTOM
    return Side.LEFT if x < face.centre[0] else Side.RIGHT


def _worn(line: Floats, face: Box) -> bool:
    """Return whether `line` is hardly above the chin, or not at all: necklines, sleeves and shoulders are straight too
    and go where the head goes."""
    chin = face.y + face.height
    upper, lower = sorted(float(y) for y in line[:, 1])
    return min(lower, chin) - upper < _ABOVE_CHIN * face.height if lower > chin else False


def _is_near(line: Floats, centre: Floats, size: float) -> bool:
    """Return whether lines were looked for where `line` is, around a face at `centre`."""
    return float(np.abs(line.mean(axis=0) - centre).max()) < _SEARCHED * size


def _is_there(line: Floats, others: Iterable[Floats], tolerance_px: float) -> bool:
    """Return whether one of `others` lies along `line`, about as long and beside the same part of it."""
    length = math.hypot(*(line[1] - line[0]))
    for other in itertools.islice(others, _MOST_LINES):
        along, its_length = _along(other)
        if its_length <= 0.6 * length:
            continue
        place = float((line.mean(axis=0) - other[0]) @ along)
        if (
            float(np.abs((line - other[0]) @ _across(along)).max()) < tolerance_px
            and -0.2 * its_length < place < 1.2 * its_length
        ):
            return True
    return False
