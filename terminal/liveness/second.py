"""A second camera that looks at the same place, best in the near infrared: is there a face where the first sees one?

*Pure*: what a driver of such a camera must do, and what the liveness of a kiosk makes of it. A phone or a monitor is
dark in the infrared, and so is much that is printed; a face that is lit is not. Laser prints are seen there too: that a
face is in both pictures proves no person, and makes up for nothing that another cue found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from terminal.faces import Box
from terminal.liveness.cues import Cue, Finding, Reason, silent

SAME_MOMENT_S = 0.2
"""Two pictures this far apart show the same: a face that walks up moves a tenth of its own size meanwhile."""
_APART, _SIZES = 0.5, 2.0
"""A face is the same when its middle is no further off than half its size, and it is not twice as large or small: two
cameras a hand's breadth apart agree by that from half a metre on."""
_EARLY, _LOOKS = 4, 10
_MOST = 3 / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the second camera shows: `faces` as boxes in pixels of the first camera's picture, taken `at_s` on the same
    steady clock. `works`: its picture is lit, sharp enough and new; otherwise it says nothing of who is there."""

    at_s: float
    faces: tuple[Box, ...] = ()
    works: bool = True


class SecondCamera(Protocol):
    """A driver of a second camera. It has a thread of its own, its own detector, and knows how the two are mounted."""

    def view(self, *, width_px: int, height_px: int, at_s: float) -> View:
        """Return what was seen nearest to `at_s`, in pixels of a first picture of that size; at once, and without
        raising: a camera that is lost gives a view that does not work. Called from the thread of the first camera,
        with moments that never go back."""
        ...


class Sight(StrEnum):
    """Whether the face that the first camera sees is in the second's view; `blind` where that cannot be told."""

    THERE = "there"
    ABSENT = "absent"
    BLIND = "blind"


def sight_of(view: View, face: Box, *, at_s: float) -> Sight:
    """Return whether `face`, in the first camera's picture of the moment `at_s`, is in `view`, too."""
    if not view.works or abs(view.at_s - at_s) > SAME_MOMENT_S:
        return Sight.BLIND
    return Sight.THERE if any(_same(face, other) for other in view.faces) else Sight.ABSENT


def judge(sights: Sequence[Sight]) -> Cue:
    """Return what the second camera says of a track: nothing without one.

    `deny` when it looked 10 times and never saw the face; `suspect` when it never did in 4, saw it in fewer than three
    of four, or was blind more often than not, as when it is covered; else `clear`. The value is the share of its looks
    that found the face, or 0 where it was blind.
    """
    looked = [sight for sight in sights if sight is not Sight.BLIND]
    if len(sights) < _EARLY:
        return silent(Reason.SECOND)
    if 2 * len(looked) < len(sights):
        return Cue(reason=Reason.SECOND, finding=Finding.SUSPECT)
    share = looked.count(Sight.THERE) / len(looked)
    if share == 0 and len(looked) >= _LOOKS:
        finding = Finding.DENY
    else:
        finding = Finding.CLEAR if share >= _MOST else Finding.SUSPECT
    return Cue(reason=Reason.SECOND, finding=finding, value=round(share, 3))


def _same(one: Box, other: Box) -> bool:
    size, other_size = max(one.width, one.height), max(other.width, other.height)
    if size <= 0 or other_size <= 0 or not 1 / _SIZES <= size / other_size <= _SIZES:
        return False
    apart = max(abs(one.centre[0] - other.centre[0]), abs(one.centre[1] - other.centre[1]))
    return apart <= _APART * size
