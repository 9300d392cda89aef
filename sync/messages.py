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
MOST_EARLIER = 20
MOST_IN_ACK = 120
"""Three lists of so many (seq, digits), each seq as long as it can be, fit into one message."""

Identifier = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}\Z")]
Receipt = Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{10}\Z")]
EmployeeNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}\Z")]
Hex16 = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
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


UNTIMED = (ClockQuality.ESTIMATED, ClockQuality.UNSYNCED)
"""Times nobody vouched for: the register corrects them when it can (sync/register/retiming.py)."""


class PadVerdict(StrEnum):
    """Presentation-attack detection (ISO/IEC 30107); not_checked where no detector ran."""

    NOT_CHECKED = "not_checked"
    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    UNDECIDED = "undecided"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that crosses the wire. `v` is the version of its layout; unknown fields within a version are ignored.

    What is at its default stays behind: a card holds every event for a month.
    """

    # A factory, because a plain default would stay behind, and the version must not.
    v: Annotated[int, Meta(ge=1, le=1)] = msgspec.field(default_factory=lambda: 1)


class Punch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the visit decided, before the outbox gives it a place in the terminal's sequence.

    Times are UTC with zone. `occurred_at` is when the person was identified, `first_seen_at` when the face was first
    seen: the arrival. `score` and `margin` are cosine similarities, absent for a PIN. `direction` says who chose it.
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


Entry = AttendanceEvent | ClockNote
"""What a terminal's chain is made of."""


class Ack(Message, tag="ack", frozen=True, kw_only=True):
    """The collector has committed every entry of (terminal, epoch) up to `upto`, and each in `extra`.

    It has them with the bytes whose SHA-256 it names: in hexadecimal for `upto` (empty for 0), its first 16 digits for
    each (seq, digits) of `extra`. A card that has other bytes there is a copy or was put back, and must not take this
    as said of its own. `refused` are entries that came under a place that others had: they lie in quarantine.
    `missing` are ranges, first and last seq, that were acknowledged and are not there any more (a register put back
    from its backup): they are to be sent again.
    """

    office: Identifier
    terminal: Identifier
    epoch: Hex32
    upto: Natural
    upto_hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    extra: Annotated[tuple[tuple[Sequence, Hex16], ...], Meta(max_length=MOST_IN_ACK)] = ()
    refused: Annotated[tuple[tuple[Sequence, Hex16], ...], Meta(max_length=MOST_IN_ACK)] = ()
    missing: Annotated[tuple[tuple[Sequence, Sequence], ...], Meta(max_length=MOST_IN_ACK)] = ()

    @property
    def topic(self) -> str:
        return terminal_topic(self.office, self.terminal, "ack")


class Presence(StrEnum):
    """Whether the terminal is connected; `offline` is what its last will says."""

    ONLINE = "online"
    OFFLINE = "offline"


class TerminalStatus(Message, tag="status", frozen=True, kw_only=True):
    """What a terminal says of itself; retained, with a last will on the same topic.

    `outbox_depth` counts entries the collector has not acknowledged. Of its present `epoch` the card keeps entries from
    `oldest_seq` on, and up to `acknowledged_to` all are acknowledged; `earlier` says the same (epoch, oldest_seq,
    acknowledged_to) of those before it that still lie on the card, the newest first. `device_key` is the raw
    public Ed25519 key the entries are signed with. `alarms` are short codes such as `release_forged`, never a name.
    Fields that are unknown are absent.
    """

    office: Identifier
    terminal: Identifier
    presence: Presence
    at: Instant
    outbox_depth: Natural | None = None
    last_seq: Natural | None = None
    epoch: Hex32 | None = None
    oldest_seq: Natural | None = None
    acknowledged_to: Natural | None = None
    earlier: Annotated[tuple[tuple[Hex32, Natural, Natural], ...], Meta(max_length=MOST_EARLIER)] = ()
    device_key: Hex64 | None = None
    boot_id: Hex32 | None = None
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
_entries: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(message: Message) -> bytes:
    """Return the exact bytes of `message`. Raises MessageRefused for a number JSON cannot carry (NaN, infinity)."""
    _refuse_unreal_numbers(message)
    return _encoder.encode(message)


def decode(kind: type[M], payload: bytes) -> M:
    """Return the message of `kind` that `payload` is. Raises MessageRefused with the reason."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    message = _decoded(decoder, payload, kind.__name__)
    assert isinstance(message, kind)  # noqa: S101 - the decoder was made for it; this tells the type checker
    return message


def decode_entry(body: bytes) -> Entry:
    """Return the link of a terminal's chain that `body` is, without its signature. Raises MessageRefused."""
    return _decoded(_entries, body, "chain entry")


D = TypeVar("D", bound=Message)


def _decoded(decoder: msgspec.json.Decoder[D], payload: bytes, kind: str) -> D:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise MessageRefused(f"message of {len(payload)} bytes; {MAX_MESSAGE_BYTES} are allowed")
    try:
        message = decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The sender's own words stay out of it: it goes into logs and lists.
        why = _GIVEN_VALUE.sub("value", str(error))
        raise MessageRefused(f"not a {kind}: {why}") from None
    _refuse_unreal_numbers(message)
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
