"""A face that was there without having come, and a face that is there twice. *Pure*."""

from collections.abc import Sequence
from dataclasses import dataclass

from terminal.faces import Box
from terminal.liveness.cues import Cue, Finding, Reason, silent
from terminal.tracking import Track

_LARGE = 0.2
"""Of the picture's longer side: a face that is seen first at this size stands within arm's reach."""
_MARGIN = 0.5
"""Of its own size: nearer to the border, it may have come in from there."""
_LOOKED_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """How a track began: where, in a picture of which size, and how long before it an earlier picture was searched and
    showed no face there; None where none was searched, as right after a start."""

    face: Box
    width_px: int
    height_px: int
    empty_before_s: float | None


class Arrivals:
    """How each track began that is in view."""

    def __init__(self) -> None:
        self._searched_s: float | None = None
        self._firsts: dict[int, First] = {}

    def forget(self) -> None:
        """Nothing was searched yet: of whoever is there next it is not known how they came."""
        self._searched_s, self._firsts = None, {}

    def note(self, tracks: Sequence[Track], *, width_px: int, height_px: int, now_s: float) -> None:
        """It is known how the tracks began that are new in this picture, which was searched at `now_s`."""
        empty_before_s = None if self._searched_s is None else now_s - self._searched_s
        self._searched_s = now_s
        new = {
            track.id: First(face=track.box, width_px=width_px, height_px=height_px, empty_before_s=empty_before_s)
            for track in tracks
            if track.first_seen_s == now_s
        }
        there = {track.id for track in tracks}
        self._firsts = {number: first for number, first in {**new, **self._firsts}.items() if number in there}

    def of(self, track_id: int) -> First | None:
        """Return how the track began, None of one that is not in view."""
        return self._firsts.get(track_id)


def judge_arrival(first: First | None) -> Cue:
    """Return whether the face came: `suspect` if it was large and in the middle at once, though a frame just before did
    not show it. Somebody who looks up from a phone does that too. The value is its share of the picture."""
    if first is None or first.empty_before_s is None or first.empty_before_s > _LOOKED_S:
        return silent(Reason.ARRIVAL)
    face = first.face
    size = max(face.width, face.height)
    share = size / max(first.width_px, first.height_px)
    middle = (
        face.x > _MARGIN * size
        and face.y > 0
        and face.x + face.width < first.width_px - _MARGIN * size
        and face.y + face.height < first.height_px
    )
    finding = Finding.SUSPECT if share >= _LARGE and middle else Finding.CLEAR
    return Cue(reason=Reason.ARRIVAL, finding=finding, value=round(share, 3))


def judge_twin(score: float | None, threshold: float) -> Cue:
    """Return whether somebody else in view has the same face, `score` being the largest cosine of the served person's
    encoding with one of another face in the same frame, None if nobody else is there: `deny` from `threshold` on.

    Who vouches for a photo held beside them is refused with it.
    """
    if score is None:
        return silent(Reason.TWIN)
    return Cue(reason=Reason.TWIN, finding=Finding.DENY if score >= threshold else Finding.CLEAR, value=round(score, 4))
