"""A face that was there without having come, and a face that is there twice. *Pure*."""

from dataclasses import dataclass

from terminal.faces import Box
from terminal.liveness.cues import Cue, Finding, Reason, silent

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
