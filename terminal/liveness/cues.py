"""What one cue found in one track. *Pure*."""

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """What a cue says. `deny`: seen of attacks only, and nothing outvotes it. `suspect`: ask for more. `clear`: seen of
    people, though some attacks show it too. `no_evidence`: too little was seen to say."""

    DENY = "deny"
    SUSPECT = "suspect"
    CLEAR = "clear"
    NO_EVIDENCE = "no_evidence"


class Reason(StrEnum):
    """Why a cue believes what it does; the name of the cue.

    `passive`: two models take the skin for paper or a screen. `relief`: what moves is a plane. `edge`: a straight edge
    beside the face moves with it. `frame`: edges surround the face. `repeats`: the same pictures come again.
    `arrival`: the face was there without having come. `twin`: the same person is in view twice. `moire`: a fine grid
    lies over the skin. `second`: a second camera, where there is one, sees no face there.
    """

    PASSIVE = "passive"
    RELIEF = "relief"
    EDGE = "edge"
    FRAME = "frame"
    REPEATS = "repeats"
    ARRIVAL = "arrival"
    TWIN = "twin"
    MOIRE = "moire"
    SECOND = "second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One cue's verdict on one track. `value` is what it measured, in the cue's own unit, for a human to read; it is
    compared with nothing and never added to another's."""

    reason: Reason
    finding: Finding
    value: float = 0.0


def silent(reason: Reason) -> Cue:
    """Return what a cue says that has seen too little."""
    return Cue(reason=reason, finding=Finding.NO_EVIDENCE)
