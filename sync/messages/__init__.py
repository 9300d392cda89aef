"""The messages that cross the wire: typed, versioned, and each knowing its topic.

A message is JSON in UTF-8. `encode` and `decode` are the only way in and out; `decode` takes what a stranger may have
sent and either returns a whole, checked value or raises MessageRefused with the reason.
"""

import math
import re
from typing import TypeVar

import msgspec

from sync.messages.entries import (
    AttackNote,
    AttendanceEvent,
    Chained,
    ClockNote,
    Correction,
    DeskNote,
    EnrolmentNote,
    Entry,
    Punch,
    SealedEnrolment,
    SealedTemplate,
    moved_from,
    seen_at,
)
from sync.messages.told import MOST_EARLIER, MOST_IN_ACK, Ack, Presence, TerminalStatus
from sync.messages.topics import ROOT, address_of, gallery_topic, terminal_topic
from sync.messages.values import (
    UNTIMED,
    Action,
    Change,
    ClockQuality,
    Direction,
    DirectionBy,
    EmployeeNumber,
    Ground,
    Hex16,
    Hex32,
    Hex64,
    Identifier,
    Instant,
    Message,
    MessageRefused,
    Method,
    Natural,
    PadVerdict,
    Receipt,
    Sequence,
    Text,
)

__all__ = [
    "MAX_MESSAGE_BYTES",
    "MOST_EARLIER",
    "MOST_IN_ACK",
    "ROOT",
    "UNTIMED",
    "Ack",
    "Action",
    "AttackNote",
    "AttendanceEvent",
    "Chained",
    "Change",
    "ClockNote",
    "ClockQuality",
    "Correction",
    "DeskNote",
    "Direction",
    "DirectionBy",
    "EmployeeNumber",
    "EnrolmentNote",
    "Entry",
    "Ground",
    "Hex16",
    "Hex32",
    "Hex64",
    "Identifier",
    "Instant",
    "Message",
    "MessageRefused",
    "Method",
    "Natural",
    "PadVerdict",
    "Presence",
    "Punch",
    "Receipt",
    "SealedEnrolment",
    "SealedTemplate",
    "Sequence",
    "TerminalStatus",
    "Text",
    "address_of",
    "decode",
    "decode_entry",
    "encode",
    "gallery_topic",
    "moved_from",
    "seen_at",
    "terminal_topic",
]

MAX_MESSAGE_BYTES = 16_384

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


def _refuse_unreal_numbers(message: Message) -> None:
    numbers: tuple[float | None, ...] = ()
    match message:
        case AttendanceEvent(punch=punch):
            numbers = (punch.score, punch.margin)
        case AttackNote(score=score):
            numbers = (score,)
        case TerminalStatus(temperature_c=temperature):
            numbers = (temperature,)
    if any(number is not None and not math.isfinite(number) for number in numbers):
        raise MessageRefused("a number is NaN or infinite")
