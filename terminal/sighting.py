"""What the vision thread tells the main thread: the newest picture and the person being served. Newest wins."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sync.messages import PadVerdict
from terminal.faces import Box, Picture, Vector
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


ASKED_S = 3.0
"""How long somebody has for what they are asked, from when it has been said."""


class Challenge(StrEnum):
    """What somebody is asked to do so that it is seen that they are there in person."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"
    LOOK_DOWN = "look_down"
    COME_CLOSER = "come_closer"
    BLINK = "blink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the screen asks of track `track_id` at this moment: `over` when the time for it is, `cannot` when whoever is
    asked says that they cannot do it. The main thread's answer to `Served.challenge`."""

    track_id: int
    challenge: Challenge
    over: bool = False
    cannot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The nearest person, whom this kiosk serves now.

    `track_id` is new for every unbroken track. `identification` is absent until enough good frames were seen; it stays
    with the track once it is a match. `misses` counts how many times in this track identification came to no match
    (each after config `match.unknown_after_s`). `hint` is the one most useful thing to do, absent when all is well.
    `pad` is what presentation-attack detection found in this track; `challenge` what it asks for, if it is in doubt;
    `pin_left` that nothing is left to ask for, so that the PIN is; `cues` names what told against a person.
    `probe` is the mean of the track's best frames so far, (dimension,) of unit norm; it stays in memory.
    """

    track_id: int
    box: Box
    first_seen_at: datetime
    identification: Identification | None
    misses: int
    hint: Reason | None
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    challenge: Challenge | None = None
    pin_left: bool = False
    cues: tuple[str, ...] = ()
    probe: Vector | None = field(default=None, repr=False, compare=False)


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


class CameraTrouble(StrEnum):
    """What is wrong with the camera. `alarm` is its code in the status.

    Of pictures that come: `black` shows nothing but darkness, `blinded` nothing but light, `frozen` the very same again
    and again, `colours` that red and blue are swapped or a colour is missing. `lost`: there are none.
    """

    LOST = "lost"
    BLACK = "black"
    BLINDED = "blinded"
    FROZEN = "frozen"
    COLOURS = "colours"

    @property
    def alarm(self) -> str:
        return f"camera_{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """The camera as the main thread knows it: `ok`, `starting` or `lost`; `problem` is a sentence for a technician.

    `lost` means that nobody can be recognised, whatever is the reason: `why` says it in a word, and whether pictures
    come. It is absent for `ok`, `starting` and the end of a clip.
    """

    state: str
    problem: str | None = None
    why: CameraTrouble | None = None
