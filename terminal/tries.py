"""The last looks that ended without a name, so that an administrator can say why and what would help. *Pure*.

Kept in memory, the last few, with the time and nothing that says whose face it was.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from terminal.matching import Identification, Outcome
from terminal.quality import Reason
from terminal.sighting import Sighting

KEPT = 8
NEAR = 0.1
"""A best score so little below the threshold is probably that of somebody known who looks different today. In an office
of 50 with three templates each, three strangers in a hundred come as near by the shipped calibration: the threshold is
0.517 there, and at 0.417 each of 150 has an FMR of 2e-4."""


class Cause(StrEnum):
    """Why a look ended without a name, as far as it can be told."""

    PICTURE = "picture"
    NEAR = "near"
    FAR = "far"
    ALIKE = "alike"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One look without a name. `score` is the best one's, absent where the kiosk knows nobody; `hint` what was wrong
    with the picture at the end of it."""

    at: datetime
    cause: Cause
    score: float | None
    threshold: float
    margin: float | None
    hint: Reason | None


class Tries:
    """Watches sightings for looks that end without a name. One thread."""

    def __init__(self) -> None:
        self._found: deque[Try] = deque(maxlen=KEPT)
        self._noted = (-1, 0)

    def saw(self, sighting: Sighting, at: datetime) -> None:
        """A look that has ended without a name since the sighting before is kept."""
        served = sighting.served
        if served is None or served.identification is None or served.identification.outcome is Outcome.MATCH:
            return
        ambiguous = served.identification.outcome is Outcome.AMBIGUOUS
        ended = served.misses + ambiguous
        track_id, noted = self._noted
        if ended <= (noted if track_id == served.track_id else 0):
            return
        self._noted = served.track_id, ended
        found = served.identification
        self._found.appendleft(
            Try(
                at=at,
                cause=cause_of(found, served.hint),
                score=found.score,
                threshold=found.threshold,
                margin=found.margin,
                hint=served.hint,
            )
        )

    def newest(self) -> tuple[Try, ...]:
        """Return the last looks without a name, the newest first."""
        return tuple(self._found)


def cause_of(found: Identification, hint: Reason | None) -> Cause:
    """Return why this look ended without a name: two people too alike, the picture, or the score."""
    if found.outcome is Outcome.AMBIGUOUS:
        return Cause.ALIKE
    if found.score is None:
        return Cause.NOBODY
    if found.score >= found.threshold - NEAR:
        return Cause.NEAR
    return Cause.PICTURE if hint is not None else Cause.FAR
