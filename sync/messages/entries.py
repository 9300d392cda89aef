"""The links of a terminal's chain: what was committed on its card, in its order."""

from typing import Annotated, assert_never

from msgspec import Meta, Struct

from sync.messages.topics import terminal_topic
from sync.messages.values import (
    Action,
    Change,
    ClockQuality,
    Direction,
    DirectionBy,
    EmployeeNumber,
    Ground,
    Hex32,
    Hex64,
    Identifier,
    Instant,
    Message,
    Method,
    Natural,
    PadVerdict,
    Receipt,
    Sequence,
    Text,
)


class Punch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the visit decided, before the outbox gives it a place in the terminal's sequence.

    Times are UTC with zone. `occurred_at` is when the person was identified, `first_seen_at` when the face was first
    seen: the arrival. `score` and `margin` are cosine similarities, absent for a PIN without a face. `direction_by`
    says who chose the direction. `review` are short codes of what a human should look at; `cues` are codes of what told
    against a living person, of somebody who was let in after all, or came by PIN.
    """

    employee: EmployeeNumber
    method: Method
    direction: Direction
    direction_by: DirectionBy = DirectionBy.SCHEDULE
    occurred_at: Instant
    first_seen_at: Instant
    gallery_version: Natural
    engine_id: Text | None = None
    score: float | None = None
    margin: float | None = None
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    evidence_ref: Text | None = None
    review: Annotated[tuple[Text, ...], Meta(max_length=8)] = ()
    cues: Annotated[tuple[Text, ...], Meta(max_length=8)] = ()


class Chained(Message, frozen=True, kw_only=True):
    """One link of a terminal's chain, as committed on its card and sent to the centre. Key: (terminal, epoch, seq).

    `epoch` is new for every birth of the terminal's database, `seq` is gapless within it from 1. `prev_hash` is the
    SHA-256 of the exact bytes of the entry before (sync/chain.py). `boottime_ns` is CLOCK_BOOTTIME in nanoseconds
    within `boot_id`, read at the same instant as the wall clock's `recorded_at`. `clock_jump_ms` is how far the wall
    clock had jumped since the entry before within the same boot, absent where it had not.
    """

    terminal: Identifier
    epoch: Hex32
    seq: Sequence
    office: Identifier
    prev_hash: Hex64
    clock: ClockQuality
    recorded_at: Instant
    boot_id: Hex32
    boottime_ns: Natural
    clock_jump_ms: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "event")


class AttendanceEvent(Chained, tag="event", frozen=True, kw_only=True):
    """One punch. `receipt` is what the screen showed for it; `repeat_of` the seq of the first punch it repeats.

    `moved_from` is the (epoch, seq) the punch had before its card turned out to be a copy and began a new epoch.
    """

    punch: Punch
    receipt: Receipt
    repeat_of: Sequence | None = None
    moved_from: tuple[Hex32, Sequence] | None = None


class ClockNote(Chained, tag="clock", frozen=True, kw_only=True):
    """The clock at one instant, no punch: made when the time came back, so that the boot's punches get theirs."""


class Correction(Chained, tag="correction", frozen=True, kw_only=True):
    """What the person before the kiosk changed of a punch after it was committed, at `made_at`. The punch stays.

    `of` is the seq of the punch, in `of_epoch` or where that is absent in the same epoch, and `receipt` its receipt
    code: by that and `employee` the punch is found wherever it was recorded again. `direction` is the new one and
    given for DIRECTION alone. `moved_from` is as in AttendanceEvent.
    """

    of: Sequence
    of_epoch: Hex32 | None = None
    employee: EmployeeNumber
    receipt: Receipt
    change: Change
    direction: Direction | None = None
    made_at: Instant
    moved_from: tuple[Hex32, Sequence] | None = None

    def __post_init__(self) -> None:
        if (self.direction is not None) != (self.change is Change.DIRECTION):
            raise ValueError("a direction is given where the direction is corrected, and only there")


class DeskNote(Chained, tag="desk", frozen=True, kw_only=True):
    """What the administrator `employee` did on the kiosk at `made_at`. `moved_from` is as in AttendanceEvent."""

    employee: EmployeeNumber
    action: Action
    made_at: Instant
    moved_from: tuple[Hex32, Sequence] | None = None


class EnrolmentNote(Chained, tag="enrolment", frozen=True, kw_only=True):
    """What the administrator `administrator` enrolled of `employee` on the kiosk, decided about at `decided_at`.

    `id` stays the same wherever it is recorded again, and `moved_from` is as in AttendanceEvent. `basis` is by the text
    of `text_version`, shown in `language`. `sealed` is base64 of a box for the centre's `enrolment` key that holds a
    SealedEnrolment: not even this kiosk reads it back. `pad` is whether the person was there when the face was taken:
    whoever approves is shown it. A kiosk from before checked nothing, and says nothing.
    """

    id: Hex32
    administrator: EmployeeNumber
    employee: EmployeeNumber
    basis: Ground
    text_version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}\Z")]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")]
    decided_at: Instant
    engine_id: Text
    sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}\Z", max_length=15_000)]
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    moved_from: tuple[Hex32, Sequence] | None = None

    def __post_init__(self) -> None:
        if self.pad is PadVerdict.ATTACK:
            raise ValueError("nobody is enrolled from what was no person")


class AttackNote(Chained, tag="attack", frozen=True, kw_only=True):
    """Something that was no living person was held before the camera at `made_at`, or may have been.

    `verdict` is ATTACK, or UNDECIDED for a near miss: what was asked was not done. `employee` is whose face it was
    taken for, None for nobody's; `cues` are codes of what told, `score` that of the passive models. `held` is true
    where the kiosk now takes no face for a while. `id` stays the same wherever it is recorded again; `moved_from` is as
    in AttendanceEvent. `evidence_ref` names the sealed picture, or says why there is none. The picture itself goes
    beside the entry, never in it: what is signed is kept for good, and a picture is not.
    """

    id: Hex32
    employee: EmployeeNumber | None = None
    verdict: PadVerdict
    cues: Annotated[tuple[Text, ...], Meta(max_length=8)] = ()
    score: float | None = None
    evidence_ref: Text | None = None
    held: bool = False
    made_at: Instant
    moved_from: tuple[Hex32, Sequence] | None = None

    def __post_init__(self) -> None:
        if self.verdict not in (PadVerdict.ATTACK, PadVerdict.UNDECIDED):
            raise ValueError("a note of an attack has the verdict attack or undecided")


class SealedTemplate(Struct, frozen=True, array_like=True):
    """A template in a SealedEnrolment: `vector` is float32 little-endian, of unit norm."""

    look: Annotated[str, Meta(max_length=40)]
    samples: Annotated[int, Meta(ge=1, le=10_000)]
    vector: Annotated[bytes, Meta(max_length=16_384)]


class SealedEnrolment(Struct, frozen=True, kw_only=True):
    """What an EnrolmentNote has sealed, as MessagePack: templates of its `engine_id`, PIN hash (argon2id)."""

    templates: Annotated[tuple[SealedTemplate, ...], Meta(max_length=6)] = ()
    pin_hash: Annotated[str, Meta(max_length=300)] | None = None
    photo: bool = True


Entry = AttendanceEvent | ClockNote | Correction | DeskNote | EnrolmentNote | AttackNote
"""What a terminal's chain is made of."""


def seen_at(entry: Entry) -> Instant | None:
    """Return the moment that `entry` tells of, by the kiosk's clock: the arrival of a person, a touch of the screen.

    A note of the clock tells of its own recording alone, and gives None.
    """
    match entry:
        case AttendanceEvent():
            return entry.punch.first_seen_at
        case Correction() | DeskNote() | AttackNote():
            return entry.made_at
        case EnrolmentNote():
            return entry.decided_at
        case ClockNote():
            return None
        case _:
            assert_never(entry)


def moved_from(entry: Entry) -> tuple[str, int] | None:
    """Return the (epoch, seq) that `entry` had before it was recorded again, None where it was not."""
    return None if isinstance(entry, ClockNote) else entry.moved_from
