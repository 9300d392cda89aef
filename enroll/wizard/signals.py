"""What happens to an enrolment (inputs) and what it asks for (effects). *Pure*; `states` has where it can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from enroll.wizard.values import Decision, Sample
from sync.messages import PadVerdict
from terminal.faces import Vector
from terminal.quality import Quality
from terminal.visit.signals import CameraChanged, Chime, Tapped, Tick, Typed

__all__ = ["CameraChanged", "Chime", "Tapped", "Tick", "Typed"]

# --- inputs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    """The camera's newest frame. `quality` is absent when there is nobody. `yaw` is `terminal.quality.yaw_of` of the
    face, positive towards the person's own left. `vector` is its encoding, where it was worth one. `pad` is what is
    known of whether somebody is there in the unbroken `track` so far; `waits`: more may be known of it in a moment."""

    quality: Quality | None = None
    yaw: float = 0.0
    vector: Vector | None = field(default=None, repr=False, compare=False)
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    track: int = 0
    waits: bool = False


class Found(StrEnum):
    """What a duplicate search found in the whole set the desk has."""

    NOBODY = "nobody"
    LOOK_ALIKE = "look_alike"
    SAME_FACE = "same_face"


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The answer to the Search of the same `check`. `other` is the number found, for all but NOBODY."""

    check: int
    found: Found
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The answer to the Recognise of the same `check`: whose face this is at the office's threshold and margin, with
    the new samples among everybody's; None for nobody's."""

    check: int
    employee: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The register has everything of the Enrol of the same `save`."""

    save: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolFailed:
    """The register has nothing of the Enrol of the same `save` after this `attempt`; answers come in their order."""

    save: int
    attempt: int


Input = Saw | CameraChanged | Tapped | Typed | Searched | Recognised | Enrolled | EnrolFailed | Tick

AGREE_BUTTON = "agree"
REFUSE_BUTTON = "refuse"
"""No face: number and PIN only."""
OTHER_BASIS_BUTTON = "other_basis"
PHOTO_BUTTON = "photo"
AGAIN_BUTTON = "again"
GO_ON_BUTTON = "go_on"
SKIP_BUTTON = "skip"
OTHER_EMPLOYEE_BUTTON = "other_employee"
LOOK_BUTTON = "look:"
"""Followed by the look."""
EMPLOYEE_BUTTON = "employee:"
"""Followed by the number of somebody on the roster."""

# --- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Look for this face under any other number than `employee`; answer Searched."""

    check: int
    employee: str
    samples: tuple[Sample, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognise:
    """Say whose face `probe` is among everybody's, with `samples` as `employee`'s; answer Recognised."""

    check: int
    employee: str
    probe: Vector = field(repr=False, compare=False)
    samples: tuple[Sample, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrol:
    """Have all of this in the register, or nothing; answer Enrolled or EnrolFailed.

    The same `save` may come again, the same in everything but `attempt`, and is stored once. Without samples there is
    no face, and `pin` is there; `looks` are samples by what the person wears. `photo`: the kiosk may keep sealed
    pictures of them. `look_alikes` are numbers the administrator was told of. `pad`: whether the person was there.
    """

    save: int
    attempt: int
    administrator: str
    employee: str
    decision: Decision
    samples: tuple[Sample, ...] = field(repr=False)
    looks: Mapping[str, tuple[Sample, ...]] = field(repr=False)
    pin: str | None = field(repr=False)
    photo: bool
    look_alikes: tuple[str, ...]
    pad: PadVerdict = PadVerdict.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """The screens of this enrolment are in `language` from now on."""

    language: str


Effect = Search | Recognise | Enrol | Speak | Chime
