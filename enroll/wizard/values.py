"""What an enrolment gathers and the policy it follows. *Pure*.

Nothing of it is stored anywhere before the end. No `repr` shows a name, a PIN or a sample.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from enroll import purpose
from sync.messages import PadVerdict
from terminal.faces import Vector


class Pose(StrEnum):
    """How the head is held, to the person's own left or right."""

    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"


class Ground(StrEnum):
    """On what the enrolment stands: agreement, a public duty of the office, or nothing, as no face is kept."""

    CONSENT = "consent"
    PUBLIC_DUTY = "public_duty"
    NO_FACE = "no_face"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody on the roster, who can be enrolled. `enrolled`: their face is known already."""

    number: str
    name: str = field(repr=False)
    enrolled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WizardRules:
    """The policy of enrolments.

    `duty` offers another basis than consent; `text_version` is that of the text on the screen. `front_yaw`, `side_yaw`:
    how far a head may be turned for FRONT, and must be for LEFT and RIGHT, as `terminal.quality.yaw_of` measures it.
    Who has not turned after `patience_s` is taken as they stand: not everybody can. In `hadir bench desk` nobody turns,
    and everybody is known in their other clip.
    A sample has at least the quality `least_quality`, comes `spacing_s` after the one before and resembles the others
    with `same_person`; no more are asked for than `most_samples`. Without `pin_required` a person whose face is kept
    may go without a PIN. Times are in seconds.
    `draw` is any random number: a film does not know to which side it will be asked to turn first. With `unsure` a face
    of which nobody can tell whether it was there is stored, marked for whoever approves; without, as where nobody does,
    it is refused. What is refused `most_refused` times is not tried again.
    """

    duty: bool = False
    text_version: str = purpose.VERSION
    photo_offered: bool = True
    looks: tuple[str, ...] = ("glasses", "jilbab", "mask")
    poses: tuple[Pose, ...] = (Pose.FRONT, Pose.LEFT, Pose.RIGHT)
    front_yaw: float = 0.1
    side_yaw: float = 0.14
    least_quality: float = 0.3
    same_person: float = 0.0
    spacing_s: float = 0.7
    patience_s: float = 4
    pin_required: bool = True
    test_tries: int = 2
    draw: int = 0
    unsure: bool = True
    most_refused: int = 3
    most_samples: int = 12
    idle_s: float = 60
    reading_s: float = 180
    capture_s: float = 20
    test_s: float = 20
    answer_s: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One good picture's encoding. `vector` is of unit norm and stays in memory until the end. `pad` is what is known
    of whether somebody was there in all of the unbroken `track` that it was taken from."""

    vector: Vector = field(repr=False, compare=False)
    pose: Pose = Pose.FRONT
    look: str = ""
    quality: float = 0.0
    track: int = 0
    pad: PadVerdict = PadVerdict.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the person decided at the purpose, which text that was, in which language, and when."""

    ground: Ground
    text_version: str
    language: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What has been gathered for `employee`: kept in memory only. `look_alikes` are numbers the administrator was told
    of; `searched` counts the samples that the duplicate search has seen; `failed`: self-tests without success."""

    employee: str
    decision: Decision
    photo: bool = False
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    look_alikes: tuple[str, ...] = ()
    searched: int = 0
    pin: str | None = field(default=None, repr=False)
    pin_skipped: bool = False
    failed: int = 0

    @property
    def has_face(self) -> bool:
        return self.decision.ground is not Ground.NO_FACE

    @property
    def pad(self) -> PadVerdict:
        """Whether the person was there: the least that is known of any picture of how they usually look. A further look
        resembles those, or was not taken."""
        known = {sample.pad for sample in self.samples if not sample.look} or {PadVerdict.NOT_CHECKED}
        return next(pad for pad in (PadVerdict.UNDECIDED, PadVerdict.NOT_CHECKED, PadVerdict.BONA_FIDE) if pad in known)
