"""What happens to a visit (inputs) and what it asks the kiosk to do (effects). *Pure*; `states` has where it can be."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sync.messages import AttendanceEvent, Direction, Method, PadVerdict, Punch
from terminal.sighting import CameraState, Sighting
from terminal.visit.states import DayLine

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
    """A key: one character, or BACKSPACE, ENTER, CANCEL. `burst` comes with the ENTER of a reader that types: the whole
    line, whose characters were each Typed before, too fast for fingers."""

    key: str = field(repr=False)
    burst: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The card has the event; `first_event` is the punch it repeats. `today` are the employee's punches of the office's
    day, this one last; `administrator` says whether the kiosk's own menu is theirs to open."""

    event: AttendanceEvent
    first_event: AttendanceEvent | None = None
    today: tuple[DayLine, ...] = ()
    administrator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The card has the correction of `event`, to `direction` or to nobody's. `today` is as after it."""

    event: AttendanceEvent
    direction: Direction | None
    today: tuple[DayLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFailed:
    """The card does not have the punch."""


class PinVerdict(StrEnum):
    """What the PIN desk said."""

    OK = "ok"
    REFUSED = "refused"
    WAIT = "wait"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswered:
    """The PIN desk's answer to `check`. `employee`, its `earlier` punch, `gallery_version`, whether they are an
    `administrator`, `evidence_ref`, what there is of a picture, and what the face beside it says (`method`, `score`,
    `engine_id`, `review`, `pad`), matter for OK only."""

    check: int
    verdict: PinVerdict
    employee: str | None = None
    wait_s: float = 0.0
    earlier: AttendanceEvent | None = None
    gallery_version: int = 0
    evidence_ref: str | None = None
    administrator: bool = False
    method: Method = Method.PIN
    score: float | None = None
    engine_id: str | None = None
    review: tuple[str, ...] = ()
    pad: PadVerdict = PadVerdict.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandOver:
    """What StartErrand began has come to its end. It was about `employee`, if about anybody."""

    employee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time passed. `speaking`: the kiosk is still saying something."""

    speaking: bool = False


Input = Saw | CameraChanged | Tapped | Typed | Committed | Corrected | CommitFailed | PinAnswered | ErrandOver | Tick

PIN_BUTTON = "pin"
CHANGE_BUTTON = "change"
NOT_ME_BUTTON = "not_me"
TODAY_BUTTON = "today"
DESK_BUTTON = "desk"
EASE_BUTTON = "ease"
CANNOT_BUTTON = "cannot"
ENROL_BUTTON = "enrol"
BACK_BUTTON = "back"
CONFIRM_BUTTON = "confirm"
PAGE_BUTTON = "page:"
"""Followed by the page of the administrator's menu."""
LANGUAGE_BUTTON = "language:"
"""Followed by the language."""
KEYS = {"+": CHANGE_BUTTON, "-": NOT_ME_BUTTON, "*": TODAY_BUTTON, "/": EASE_BUTTON}
"""What the signs of a numeric keypad do, for who does not touch the screen. The minus is "no", wherever it is: not me,
or that I cannot do what I am asked."""
BACKSPACE = "backspace"
ENTER = "enter"
CANCEL = "cancel"
FOREIGN = "\N{REPLACEMENT CHARACTER}"
"""A character that nobody types on purpose, and that is part of nothing: what stands in its line is not read."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """Commit that `event` went in the other `direction`, or was nobody's (None); answer Corrected or CommitFailed."""

    event: AttendanceEvent
    direction: Direction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDesk:
    """Commit that `employee` did `action` at the administrator's menu; answer CommitFailed if that cannot be."""

    employee: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAttack:
    """Keep that `track_id` was no living person (ATTACK), or did not show to be one (UNDECIDED); nothing is answered.

    `employee` is whose face it was taken for, if anybody's, and `cues` name what told. `held`: with this one no face is
    taken for a while.
    """

    track_id: int
    employee: str | None
    verdict: PadVerdict
    cues: tuple[str, ...]
    held: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLanguage:
    """Everything is said in `language` from now on, also after a restart."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The kiosk ends, and whoever watches over it starts it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartErrand:
    """The administrator `employee` enrols somebody; ErrandOver says when that has ended, however it did."""

    employee: str


class Sound(StrEnum):
    """The tones a kiosk has."""

    RECORDED = "recorded"
    ALREADY = "already"
    REFUSED = "refused"
    ALARM = "alarm"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chime:
    """Sound a tone."""

    sound: Sound


Effect = Record | CheckPin | Correct | NoteDesk | NoteAttack | SetLanguage | Restart | StartErrand | Chime
