"""Where a visit can be, what it remembers and the policy it follows. *Pure*; `signals` has what happens to it.

Two clocks travel with every step: `at` (UTC with zone) is for what is recorded, `monotonic_s` for how long things last.
"""

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

from sync.messages import AttendanceEvent, Direction, Method, PadVerdict, Punch
from terminal.quality import Reason
from terminal.sighting import Challenge
from terminal.visit.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRules:
    """The policy of visits; config.yaml says what each means. `zone` is the office's. `slowness` multiplies how long
    things stay for who asked for more time; `ease_s` after the last touch that ends by itself. `enrols`: people can be
    enrolled at this kiosk. After `attacks_before_delay` within `attack_window_s` no face is taken for `delay_s`."""

    zone: tzinfo
    result_s: float = 2.5
    repeat_window_s: float = 60
    tries_before_pin: int = 3
    pin_timeout_s: float = 30
    schedule: Schedule = field(default_factory=Schedule)
    slowness: float = 3.0
    ease_s: float = 60
    desk_timeout_s: float = 60
    enrols: bool = False
    attacks_before_delay: int = 5
    attack_window_s: float = 600
    delay_s: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """When a step is taken."""

    at: datetime
    monotonic_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """One of a person's punches of today as they stand now. `arrived`: the centre has it too."""

    at: datetime
    direction: Direction
    method: Method
    receipt: str
    arrived: bool


# --- states ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nobody is being served."""

    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Somebody is before the camera and not yet identified. `arrived_at` is when this face was first seen."""

    track_id: int
    arrived_at: datetime
    hint: Reason | None
    seen_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A punch is on its way to the card. `first` is the punch it repeats."""

    punch: Punch
    first: AttendanceEvent | None
    track_id: int | None
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """Somebody, taken for `employee`, is asked to show that they are there in person; `cues` told against it.

    They have until `until_s`, which moves on while the kiosk still speaks; `since_s` is when the screen asked it.
    `cannot`: they say that they cannot do it.
    """

    track_id: int
    arrived_at: datetime
    challenge: Challenge
    seen_at_s: float
    since_s: float
    until_s: float
    cannot: bool = False
    employee: str | None = None
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What stands before the camera is not let in by its face. Why is never said."""

    track_id: int
    arrived_at: datetime
    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """No face is taken before `until_s`; the PIN is there all the time. `arrived_at` is that of whoever waits."""

    arrived_at: datetime | None
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The card has the punch: the green screen. `direction` is what the employee made of it. `today` has their punches
    of the day; `administrator` whether the kiosk's own menu is theirs to open."""

    event: AttendanceEvent
    direction: Direction
    track_id: int | None
    since_s: float
    until_s: float
    today: tuple[DayLine, ...] = ()
    administrator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyRecorded:
    """The card has the punch, which repeats `first` and is answered with it."""

    event: AttendanceEvent
    first: AttendanceEvent
    track_id: int | None
    since_s: float
    until_s: float
    today: tuple[DayLine, ...] = ()
    administrator: bool = False


Result = Recorded | AlreadyRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Correcting:
    """A correction of what `result` shows is on its way to the card: the other direction, or None for "not me"."""

    result: Result
    direction: Direction | None
    until_s: float

    @property
    def track_id(self) -> int | None:
        """The track of the punch that is corrected."""
        return self.result.track_id


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Somebody who was just recognised looks at their own punches of today."""

    result: Result
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecognised:
    """The face is nobody's of this office; the next look may still succeed."""

    track_id: int
    arrived_at: datetime
    hint: Reason | None
    since_s: float
    until_s: float


class KeypadReason(StrEnum):
    """Why the keypad is open."""

    ASKED = "asked"
    NOT_RECOGNISED = "not_recognised"
    AMBIGUOUS = "ambiguous"
    NOT_ME = "not_me"
    DESK = "desk"


class PinProblem(StrEnum):
    """What was wrong with what was typed last."""

    NO_NUMBER = "no_number"
    TOO_SHORT = "too_short"
    WRONG = "wrong"
    WAIT = "wait"
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypad:
    """One opening of the keypad. `arrived_s` is `arrived_at` on the steady clock. `touched` when a key was used since;
    it closes at `idle_until_s`, moved on by every key, and at `closes_at_s` whatever happens, so that nobody holds an
    early arrival open for a friend."""

    reason: KeypadReason
    arrived_at: datetime
    arrived_s: float
    opened_at_s: float
    touched: bool
    idle_until_s: float
    closes_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PinNumber:
    """The employee number is being typed."""

    keypad: Keypad
    number: str = ""
    problem: PinProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCode:
    """The six digits are being typed. `wait_until_s` with the problem WAIT."""

    keypad: Keypad
    number: str
    code: str = field(default="", repr=False)
    problem: PinProblem | None = None
    wait_until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChecking:
    """The desk is checking what was typed at `asked_at`."""

    keypad: Keypad
    number: str
    check: int
    asked_at: datetime
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecorded:
    """The card refused the punch: try again."""

    track_id: int | None
    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDown:
    """No camera: PIN only, until it is back."""

    since_s: float


class DeskPage(StrEnum):
    """What the administrator's menu shows."""

    MENU = "menu"
    NETWORK = "network"
    CAMERA = "camera"
    TRIES = "tries"
    STORAGE = "storage"
    LANGUAGE = "language"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The administrator's menu, open for `employee` until `until_s` unless it is used."""

    employee: str
    page: DeskPage
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolling:
    """The administrator `employee` enrols somebody: camera, screen and keys are the errand's until it is over."""

    employee: str


State = (
    Idle
    | Looking
    | Challenged
    | Refused
    | Held
    | Recording
    | Recorded
    | AlreadyRecorded
    | Correcting
    | History
    | NotRecognised
    | PinNumber
    | PinCode
    | PinChecking
    | NotRecorded
    | CameraDown
    | Desk
    | Enrolling
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What was taken for `employee`'s face, or nobody's, and was not shown to be a living person's. A keypad opened
    until `until_s` belongs to the same visit; `listed`: a human should look at the PIN that is typed on it."""

    employee: str | None
    verdict: PadVerdict
    cues: tuple[str, ...]
    listed: bool
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What outlives a state. `done`: tracks that need nothing more from this kiosk. `quiet`: tracks that were offered
    the keypad and are not offered it again. `held`: tracks seen while somebody typed a PIN, which wait for the end of
    that visit. `missed` is (track, misses of it already answered); `tries` counts the misses answered since anybody was
    recognised or the kiosk was left alone. `check` numbers the PIN checks. Large
    letters and more time are given until `ease_until_s` on the steady clock. `spared` are employees who stand there
    for another reason, and are not punched by their face until `spared_until_s`. `attacks` are when there was one
    lately, until they are so many that no face is taken until `held_until_s`; `noted` are tracks of near misses that
    were told of; `doubt` is the newest one."""

    camera_lost: bool = False
    done: tuple[int, ...] = ()
    quiet: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    missed: tuple[int, int] = (-1, 0)
    tries: int = 0
    check: int = 0
    ease_until_s: float = float("-inf")
    spared: tuple[str, ...] = ()
    spared_until_s: float = float("-inf")
    attacks: tuple[float, ...] = ()
    held_until_s: float = float("-inf")
    noted: tuple[int, ...] = ()
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The whole machine as a value: where it is, what it remembers, and the policy it follows."""

    state: State
    memory: Memory
    rules: VisitRules
