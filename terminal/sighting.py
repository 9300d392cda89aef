"""What the vision thread tells the main thread: the newest picture and the person being served. Newest wins."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from terminal.faces import Box, Picture
from terminal.matching import Identification
from terminal.quality import Reason

_STEPPED_S = 0.5


def since(noted: datetime, *, now: datetime, passed_s: float) -> datetime:
    """Return when it was that was noted as `noted`, `passed_s` ago on a steady clock, by the clock that says `now`.

    That is `noted` itself, unless the clock was set meanwhile: a kiosk without a battery learns the date minutes after
    it has begun, and nobody may have arrived years ago, or after the punch.
    """
    steady = now - timedelta(seconds=passed_s)
    return noted if abs((steady - noted).total_seconds()) < _STEPPED_S else steady


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The nearest person, whom this kiosk serves now.

    `track_id` is new for every unbroken track. `identification` is absent until enough good frames were seen; it stays
    with the track once it is a match. `misses` counts how many times in this track identification came to no match
    (each after config `match.unknown_after_s`). `hint` is the one most useful thing to do, absent when all is well.
    """

    track_id: int
    box: Box
    first_seen_at: datetime
    identification: Identification | None
    misses: int
    hint: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One frame, looked at. `picture` is RGB; `others` are bystanders' boxes. `engine_id` and `gallery_version` are
    those the identification was made with."""

    picture: Picture
    taken_at: datetime
    monotonic_ns: int
    served: Served | None
    others: tuple[Box, ...]
    engine_id: str
    gallery_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """The camera as the main thread knows it: `ok`, `starting` or `lost`; `problem` is a sentence for a technician."""

    state: str
    problem: str | None = None
