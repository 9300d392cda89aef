"""What happens to a visit (inputs) and what it asks the kiosk to do (effects). *Pure*; `states` has where it can be."""

from dataclasses import dataclass, field
from enum import StrEnum

from sync.messages import AttendanceEvent, Punch
from terminal.sighting import CameraState, Sighting

# --- inputs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    """The camera's newest sighting. `earlier` is the identified employee's last punch of the day that was no repeat."""

    sighting: Sighting
    earlier: AttendanceEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraChanged:
    """The camera works, starts or is lost."""

    camera: CameraState


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """A button of the screen was touched."""

    button: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A key: one character, or BACKSPACE, ENTER, CANCEL."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The card has the event; `first_event` is the punch it repeats."""

    event: AttendanceEvent
    first_event: AttendanceEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFailed:
    """The card does not have the punch."""


class PinVerdict(StrEnum):
    """What the PIN desk said."""

    OK = "ok"
    REFUSED = "refused"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswered:
    """The PIN desk's answer to `check`. `employee`, its `earlier` punch and `gallery_version` matter for OK only."""

    check: int
    verdict: PinVerdict
    employee: str | None = None
    wait_s: float = 0.0
    earlier: AttendanceEvent | None = None
    gallery_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time passed."""


Input = Saw | CameraChanged | Tapped | Typed | Committed | CommitFailed | PinAnswered | Tick

PIN_BUTTON = "pin"
BACKSPACE = "backspace"
ENTER = "enter"
CANCEL = "cancel"

# --- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Commit the punch, as a repeat of `first` if there is one, and answer Committed or CommitFailed."""

    punch: Punch
    first: AttendanceEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPin:
    """Ask the PIN desk; it answers PinAnswered with the same `check`."""

    check: int
    number: str
    pin: str = field(repr=False)


class Sound(StrEnum):
    """The tones a kiosk has."""

    RECORDED = "recorded"
    ALREADY = "already"
    REFUSED = "refused"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chime:
    """Sound a tone."""

    sound: Sound


Effect = Record | CheckPin | Chime
