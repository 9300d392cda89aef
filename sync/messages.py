"""The messages that cross the wire: typed, versioned, and each knowing its topic.

A message is JSON in UTF-8. `encode` and `decode` are the only way in and out; `decode` takes what a stranger may have
sent and either returns a whole, checked value or raises MessageRefused with the reason.
"""

import math
import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from errors import HadirError

ROOT = "hadir/v1"
MAX_MESSAGE_BYTES = 16_384

Identifier = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}\Z")]
EmployeeNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Text = Annotated[str, Meta(max_length=200)]
Sequence = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]


class MessageRefused(HadirError):
    """The bytes are not a message of the kind expected on this topic; the text says why."""


class Method(StrEnum):
    """How the employee was identified."""

    FACE = "face"
    PIN = "pin"
    FACE_AND_PIN = "face+pin"


class Direction(StrEnum):
    """Whether the punch starts or ends presence."""

    IN = "in"
    OUT = "out"


class DirectionBy(StrEnum):
    """Who chose the direction."""

    SCHEDULE = "schedule"
    EMPLOYEE = "employee"


class ClockQuality(StrEnum):
    """How the kiosk's clock was known at the time of the punch."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    ESTIMATED = "estimated"
    UNSYNCED = "unsynced"


class PadVerdict(StrEnum):
    """Presentation-attack detection (ISO/IEC 30107); not_checked where no detector ran."""

    NOT_CHECKED = "not_checked"
    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    UNDECIDED = "undecided"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A value that crosses the wire. `v` is the version of its layout; unknown fields within a version are ignored."""

    v: Annotated[int, Meta(ge=1, le=1)] = 1


class Punch(Struct, frozen=True, kw_only=True):
    """What the visit decided, before the outbox gives it a place in the terminal's sequence.

    Times are UTC with zone. `occurred_at` is when the person was identified, `first_seen_at` when the face was first
    seen: the arrival. `score` and `margin` are cosine similarities, absent for a PIN. `direction` says who chose it.
    """

    employee: EmployeeNumber
    method: Method
    direction: Direction
    direction_by: DirectionBy
    occurred_at: Instant
    first_seen_at: Instant
    gallery_version: Natural
    engine_id: Text | None = None
    score: float | None = None
    margin: float | None = None
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    evidence_ref: Text | None = None


class AttendanceEvent(Message, tag="event", frozen=True, kw_only=True):
    """One punch as committed on the terminal's card and sent to the centre. Key: (terminal, epoch, seq).

    `epoch` is new for every birth of the terminal's database, `seq` is gapless within it from 1. `boottime_ns` is
    CLOCK_BOOTTIME in nanoseconds within `boot_id`. `repeat_of` is the seq of the first punch when this one repeats it.
    """

    terminal: Identifier
    epoch: Hex32
    seq: Sequence
    office: Identifier
    punch: Punch
    clock: ClockQuality
    boot_id: Hex32
    boottime_ns: Natural
    repeat_of: Sequence | None = None

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "event")


class Ack(Message, tag="ack", frozen=True, kw_only=True):
    """The collector has committed every event of (terminal, epoch) up to `upto`, and each seq in `extra`."""

    office: Identifier
    terminal: Identifier
    epoch: Hex32
    upto: Natural
    extra: Annotated[tuple[Sequence, ...], Meta(max_length=1000)] = ()

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "ack")


class Presence(StrEnum):
    """Whether the terminal is connected; `offline` is what its last will says."""

    ONLINE = "online"
    OFFLINE = "offline"


class TerminalStatus(Message, tag="status", frozen=True, kw_only=True):
    """What a terminal says of itself; retained, with a last will on the same topic.

    `outbox_depth` counts events the collector has not acknowledged. `alarms` are short codes such as
    `release_forged`, never a name. Fields that are unknown are absent.
    """

    office: Identifier
    terminal: Identifier
    presence: Presence
    at: Instant
    outbox_depth: Natural | None = None
    last_seq: Natural | None = None
    epoch: Hex32 | None = None
    gallery_version: Natural | None = None
    gallery_people: Natural | None = None
    engine_id: Text | None = None
    camera: Annotated[str, Meta(pattern="^(ok|lost|starting)$")] | None = None
    clock: ClockQuality | None = None
    disk_free_mb: Natural | None = None
    temperature_c: float | None = None
    uptime_s: Natural | None = None
    software: Text | None = None
    alarms: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "status")


M = TypeVar("M", bound=Message)
_GIVEN_VALUE = re.compile(r"value '.*'", re.DOTALL)
_encoder = msgspec.json.Encoder()
_decoders: dict[type[Message], msgspec.json.Decoder[Message]] = {}


def encode(message: Message) -> bytes:
    """Return the exact bytes of `message`. Raises MessageRefused for a number JSON cannot carry (NaN, infinity)."""
    _refuse_unreal_numbers(message)
    return _encoder.encode(message)


def decode(kind: type[M], payload: bytes) -> M:
    """Return the message of `kind` that `payload` is. Raises MessageRefused with the reason."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise MessageRefused(f"message of {len(payload)} bytes; {MAX_MESSAGE_BYTES} are allowed")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        message = decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The sender's own words stay out of it: it goes into logs and lists.
        why = _GIVEN_VALUE.sub("value", str(error))
        raise MessageRefused(f"not a {kind.__name__}: {why}") from None
    _refuse_unreal_numbers(message)
    assert isinstance(message, kind)  # noqa: S101 - the decoder was made for it; this tells the type checker
    return message


def terminal_topic(office: str, terminal: str, kind: str) -> str:
    """Return `hadir/v1/<office>/<terminal>/<kind>`; "+" stands for any office or terminal in a subscription."""
    return f"{ROOT}/{office}/{terminal}/{kind}"


def gallery_topic(office: str) -> str:
    """Return the retained topic on which the office's current encoding set lies."""
    return f"{ROOT}/{office}/gallery/set"


def address_of(topic: str) -> tuple[str, str]:
    """Return (office, terminal) of a terminal's topic. Raises MessageRefused for any other topic."""
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT:
        raise MessageRefused("not a terminal's topic")
    return parts[2], parts[3]


def _refuse_unreal_numbers(message: Message) -> None:
    numbers: tuple[float | None, ...] = ()
    match message:
        case AttendanceEvent(punch=punch):
            numbers = (punch.score, punch.margin)
        case TerminalStatus(temperature_c=temperature):
            numbers = (temperature,)
    if any(number is not None and not math.isfinite(number) for number in numbers):
        raise MessageRefused("a number is NaN or infinite")
