"""Where an enrolment can be. *Pure*; `signals` has what happens to it, `values` what it gathers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from enroll.wizard.values import Draft, Entry, Pose, WizardRules
from terminal.hints import Trouble
from terminal.pin.policy import PinFlaw
from terminal.quality import Reason

# --- states ---------------------------------------------------------------------------------------------------------


class NumberProblem(StrEnum):
    """What was wrong with the number."""

    NO_NUMBER = "no_number"
    NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindEmployee:
    """The administrator says who is to be enrolled: by number, badge or from the roster."""

    until_s: float
    number: str = ""
    problem: NumberProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """The person reads what is kept, why, how long, and what there is instead; and decides."""

    employee: str
    until_s: float
    photo: bool = False
    language: str = "id"


class CaptureProblem(StrEnum):
    """Why a good picture was not taken."""

    OTHER_PERSON = "other_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Samples are taken by themselves, the first of `poses` now. `quality` 0 to 1 is the live one; `hint` what would
    make it better, out of `trouble`: only what stays wrong. `look` is what the person wears, empty for the usual one.
    `as_they_stand`: the pose was waited for long enough, and any good picture will do. `others` counts good pictures in
    a row of somebody else."""

    draft: Draft
    poses: tuple[Pose, ...]
    until_s: float
    look: str = ""
    quality: float = 0.0
    hint: Reason | None = None
    trouble: Trouble | None = None
    problem: CaptureProblem | None = None
    taken_at_s: float = float("-inf")
    as_they_stand: bool = False
    others: int = 0

    @property
    def pose(self) -> Pose:
        return self.poses[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """No good picture for a while: `capture` is offered again, or to go without a face. `refused`: what was seen was
    nobody who is there, or it could not be told; all pictures of it are gone."""

    capture: Capture
    until_s: float
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLooks:
    """The usual looks are taken; another may be added, or not."""

    draft: Draft
    looks: tuple[str, ...]
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """The duplicate search is under way. `unanswered`: it did not answer in time, and may be asked again."""

    draft: Draft
    check: int
    until_s: float
    unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """This face is enrolled as `other`: refused, and nothing of it is kept. For the administrator's eyes."""

    employee: str
    other: str
    until_s: float


class PinStep(StrEnum):
    """Which typing of the PIN this is."""

    CHOOSE = "choose"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosePin:
    """The person types six digits of their choice, twice. `flaw` or `different` says what was wrong before."""

    draft: Draft
    until_s: float
    code: str = field(default="", repr=False)
    first: str = field(default="", repr=False)
    flaw: PinFlaw | None = None
    different: bool = False

    @property
    def step(self) -> PinStep:
        return PinStep.REPEAT if self.first else PinStep.CHOOSE


class Walk(StrEnum):
    """What the person does in the self-test."""

    STEP_BACK = "step_back"
    WALK_UP = "walk_up"
    RECOGNISING = "recognising"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The person steps back and walks up, and is recognised as on any morning. `check` is that of the question."""

    draft: Draft
    until_s: float
    walk: Walk = Walk.STEP_BACK
    check: int = 0
    hint: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestFailed:
    """Not recognised: more samples, or number and PIN only."""

    draft: Draft
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCamera:
    """The camera is lost: `waiting` goes on when it is back, or the person goes on without a face."""

    waiting: Capture | SelfTest
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Everything is on its way into the register, as one. `save` is the wish's number, `attempt` that of this try."""

    draft: Draft
    save: int
    attempt: int
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnrolled:
    """Not enrolled. `unanswered`: nobody said so, the register may have it; else nothing is there."""

    draft: Draft
    save: int
    attempt: int
    until_s: float
    unanswered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The register has `employee`, by face or by number and PIN only. An end."""

    employee: str
    by_face: bool


class Why(StrEnum):
    """Why nobody was enrolled."""

    CANCELLED = "cancelled"
    LEFT_ALONE = "left_alone"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    NOT_LIVE = "not_live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Nobody was enrolled and nothing is kept, but for UNANSWERED: then the register may have it, and the list has to
    be looked at. An end. `pending` is the wish that was not answered."""

    why: Why
    pending: NotEnrolled | None = None


State = (
    FindEmployee
    | Purpose
    | Capture
    | Stalled
    | OfferLooks
    | Checking
    | Duplicate
    | ChoosePin
    | SelfTest
    | SelfTestFailed
    | NoCamera
    | Saving
    | NotEnrolled
    | Done
    | Cancelled
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What outlives a state. `asked` numbers the questions; `refused` counts what was nobody who is there."""

    camera_lost: bool = False
    asked: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wizard:
    """The whole machine as a value. `administrator` signed in at the desk before; `roster` has who can be enrolled."""

    state: State
    memory: Memory
    rules: WizardRules
    administrator: str
    language: str = "id"
    roster: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}), repr=False)
