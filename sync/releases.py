"""Encoding sets: sealed and signed at the centre, checked and kept whole on the kiosk. The only file that knows theirs.

A set is people with their templates and PIN hashes, for one office and one engine, with a version that only rises.

The file is MessagePack: [1, key id, signature, content]. `content` is bytes, and the signature is over exactly those
behind a prefix that no other signed thing of Hadir has. Nothing in `content` is decoded before its signature was found
good. In it are the fields of an EncodingSet and "v": 3, its people in parts of some hundred. Each part is the bytes of
an array of Person, sealed with a key made for this set alone (sync/sealing.py) and bound to its office, version and
place. "readers" has that key for each kiosk that may open the set, by the id of its device key, sealed for that key.
The kiosk keeps the file as it came: its card has no name, template or PIN hash that could be read without its key.

Two forms that are not sealed are read too, for kiosks are renewed before their centre: "v": 2, its parts in clear, and
"v": 1, with the people in one array. A set of 500 people, a template of 128 values and a PIN each, has 340 kB; one of
50,000 with three templates each has 85 MB. Each reader adds 100 bytes.

A large set is opened while the kiosk looks at people. Nothing here holds Python's lock for long, so that no frame
waits: what is large is looked at where it lies or copied in parts, and between the parts other threads have their turn.
"""

import math
import mmap
import struct
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, assert_never

import msgspec
from msgspec import Meta, Struct

from errors import HadirError
from sync import keys, sealing
from sync.durable import sweep, write_whole
from sync.messages import EmployeeNumber, Hex32, Identifier, Instant, Natural, Text
from sync.turns import in_turns, rest

MAX_SET_BYTES = 96 * 2**20
"""Room for 50,000 people with a PIN and three templates of 128 values. Opening a set takes about three times its size
in memory, for a moment: a kiosk of 2 GB has that."""
CURRENT_NAME = "current.hset"

FORGED = "release_forged"
OLDER = "release_older"
FOREIGN = "release_foreign"
TORN = "release_torn"
ENGINE = "release_engine"
TOO_LARGE = "release_too_large"
NOT_FOR_US = "release_not_for_us"

_SIGNED_AS = b"hadir encoding set 1\0"
# float32 has 24 bits: a normalised vector of 4096 values stays within 1e-5 of norm 1; 1e-3 also takes other engines'.
NORM_TOLERANCE = 1e-3
_PART_BYTES = 2**20
_PEOPLE_A_PART = 128
MOST_READERS = 10_000
"""Kiosks of one office: each adds 100 bytes to its sets."""
_SEALED_KEY_BYTES = 80
MOST_DECIDED = 20_000
"""Enrolments made on an office's kiosks within some months; each adds 34 bytes."""


class Lookalike(Struct, frozen=True, array_like=True, gc=False):
    """A colleague somebody resembles: the best cosine `score` between templates of the two."""

    employee: EmployeeNumber
    score: Annotated[float, Meta(ge=-1.001, le=1.001)]


class Person(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An employee as a kiosk knows them. Each of `templates` is float32 little-endian, `dimension` values, unit norm.

    `pin` is an argon2id hash or absent; a person without templates punches by PIN alone. `resembles` are those of the
    set whom a kiosk could take them for, the likest first: it then asks for more, or for the PIN. An `administrator`
    may open the desk of every kiosk of the office, by face and PIN; kiosks from before there were any pass it over.
    `photo` says whether the kiosk may keep a sealed picture of them; `renew` that they should enrol again before their
    face fails. `withdrawn_at` is given where they withdrew their face lately, or left and came back: what a kiosk has
    enrolled of their face until then is not used.
    """

    employee: EmployeeNumber
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    templates: tuple[bytes, ...] = ()
    pin: Annotated[str, Meta(max_length=300)] | None = None
    resembles: tuple[Lookalike, ...] = ()
    administrator: bool = False
    photo: bool = True
    renew: bool = False
    withdrawn_at: Instant | None = None


class _About(Struct, frozen=True, kw_only=True, omit_defaults=True):
    office: Identifier
    version: Natural
    engine_id: Text
    dimension: Annotated[int, Meta(ge=16, le=4096)]
    created_at: Instant
    decided: Annotated[tuple[Hex32, ...], Meta(max_length=MOST_DECIDED)] = ()


class EncodingSet(_About, frozen=True, kw_only=True):
    """The people of one office, released together.

    `decided` are the ids of enrolments made on its kiosks that the centre has approved or refused lately: what became
    of them is in `people`, and a kiosk keeps none of them beside it any more. Kiosks from before pass it over.
    """

    people: tuple[Person, ...]


class _One(_About, frozen=True, kw_only=True, tag_field="v", tag=1):
    people: tuple[msgspec.Raw, ...]


class _Two(_About, frozen=True, kw_only=True, tag_field="v", tag=2):
    people: tuple[memoryview, ...]


class _Three(_About, frozen=True, kw_only=True, tag_field="v", tag=3):
    readers: Annotated[
        dict[
            Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")],
            Annotated[bytes, Meta(min_length=_SEALED_KEY_BYTES, max_length=_SEALED_KEY_BYTES)],
        ],
        Meta(max_length=MOST_READERS),
    ]
    people: tuple[memoryview, ...]


class ReleaseRefused(HadirError):
    """A set was not taken; the active one is untouched. `alarm` is the code the status carries."""

    def __init__(self, alarm: str, why: str) -> None:
        super().__init__(why)
        self.alarm = alarm


class SetNotKept(HadirError):
    """The card could not be read or written; the set kept before is untouched."""


class _Envelope(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    v: Annotated[int, Meta(ge=1, le=1)]
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]
    content: memoryview


_encoder = msgspec.msgpack.Encoder()
_envelopes = msgspec.msgpack.Decoder(_Envelope)
_contents = msgspec.msgpack.Decoder(_One | _Two | _Three)
_person = msgspec.msgpack.Decoder(Person)
_part = msgspec.msgpack.Decoder(tuple[Person, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSet:
    """The file of a set, and the key of 32 bytes that opens it: whoever keeps that can read this set, and no other."""

    blob: bytes
    key: bytes = field(repr=False)


def seal_set(content: EncodingSet, key: keys.PrivateKey, readers: Collection[bytes]) -> SealedSet:
    """Return the file of `content`, signed with `key`, that the `readers` alone can open.

    Those are the public keys of devices, 32 bytes each. Raises ReleaseRefused for what no kiosk would take, KeyRefused
    for a reader that is no key.
    """
    own = sealing.new_key()
    parts = _parts(content)
    sealed = _Three(
        **_about(content),
        readers={
            keys.id_of_raw(reader): sealing.seal_for(sealing.sealing_form(reader), own) for reader in sorted(readers)
        },
        people=tuple(
            memoryview(sealing.seal_with(own, part, about=_place(content, at, len(parts))))
            for at, part in enumerate(in_turns(parts, a_turn=1))
        ),
    )
    return SealedSet(blob=_signed(_encoder.encode(sealed), key, own), key=own)


def sign_set(content: EncodingSet, key: keys.PrivateKey) -> bytes:
    """Return the file of `content`, signed with `key` but not sealed, as centres made it before `seal_set`.

    Raises ReleaseRefused for what no kiosk would take.
    """
    parts = tuple(memoryview(part) for part in _parts(content))
    return _signed(_encoder.encode(_Two(**_about(content), people=parts)), key, None)


def _parts(content: EncodingSet) -> list[bytes]:
    starts = range(0, len(content.people), _PEOPLE_A_PART)
    return [_encoder.encode(content.people[at : at + _PEOPLE_A_PART]) for at in starts]


def _place(content: _About, at: int, parts: int) -> bytes:
    return f"hadir set part 1\0{content.office}\0{content.version}\0{at}\0{parts}".encode()


def _signed(inner: bytes, key: keys.PrivateKey, own: bytes | None) -> bytes:
    """Return the file around `inner`, which is checked as a kiosk would. Raises ReleaseRefused."""
    checked = _read_people(_read_content(memoryview(inner)), own)
    _check_numbers(checked)
    check_templates(checked)
    envelope = _Envelope(1, keys.key_id(key.public_key()), keys.sign(key, _SIGNED_AS + inner), memoryview(inner))
    blob = _encoder.encode(envelope)
    _check_size(blob)
    return blob


def check_templates(content: EncodingSet) -> None:
    """Every template is `dimension` finite numbers of norm 1. Raises ReleaseRefused.

    In Python alone, for the centre has no numpy; terminal/gallery.py has one that is ten times as fast.
    """
    layout = struct.Struct(f"<{content.dimension}f")
    for person in in_turns(content.people, a_turn=_PEOPLE_A_PART):
        for template in person.templates:
            if len(template) != layout.size:
                raise ReleaseRefused(
                    TORN, f"a template of employee {person.employee} has {len(template)} bytes, not {layout.size}"
                )
            # hypot is NaN or infinite when any value is, and a comparison with NaN is false.
            if not abs(math.hypot(*layout.unpack(template)) - 1) <= NORM_TOLERANCE:
                raise ReleaseRefused(TORN, f"a template of employee {person.employee} is not of norm 1")


def open_set(
    blob: bytes,
    *,
    trusted: keys.PublicKey,
    office: str,
    engine_id: str | None,
    newer_than: int,
    reader: keys.PrivateKey | bytes | None = None,
    check_templates: Callable[[EncodingSet], None] = check_templates,
) -> EncodingSet:
    """Return the set in `blob`: signed by `trusted`, for `office`, its version above `newer_than`, every value sound.

    `reader` opens a sealed one: the kiosk's own key, or the key of the set as `seal_set` returned it. `engine_id` None
    takes any engine. A retained set comes again at every connect: whoever receives one compares it with `kept_set`
    first, as the kept one itself is refused here as "older". `check_templates` raises ReleaseRefused for a template
    that is not sound. Raises ReleaseRefused.
    """
    envelope = _read_envelope(blob)
    if envelope.key != keys.key_id(trusted):
        raise ReleaseRefused(
            FORGED, f"the set says it is signed by key {envelope.key}, but only {keys.key_id(trusted)} is trusted here"
        )
    if not _is_signed(envelope, trusted):
        raise ReleaseRefused(FORGED, "the set's signature is not that of the trusted key")
    content = _read_content(envelope.content)
    if content.office != office:
        raise ReleaseRefused(FOREIGN, f"the set is for office {content.office}, not for {office}")
    if engine_id is not None and content.engine_id != engine_id:
        raise ReleaseRefused(ENGINE, f"the set was made with engine {content.engine_id}, but {engine_id} runs here")
    if content.version <= newer_than:
        raise ReleaseRefused(OLDER, f"the set is version {content.version}, and {newer_than} was seen already")
    opened = _read_people(content, reader)
    _check_numbers(opened)
    check_templates(opened)
    return opened


def is_sealed(blob: bytes) -> bool:
    """Return whether `blob` is a set that is sealed, whoever signed it. Raises ReleaseRefused for what is no set."""
    return isinstance(_read_content(_read_envelope(blob).content), _Three)


def keep_set(folder: Path, blob: bytes) -> None:
    """Have `folder` keep exactly `blob` as the current set, through any kill or power cut. Raises SetNotKept."""
    try:
        write_whole(folder / CURRENT_NAME, blob)
    except OSError as error:
        raise SetNotKept(
            f"{folder}: the encoding set cannot be kept ({error.strerror}); the one before stays"
        ) from error


def kept_set(folder: Path) -> bytes | None:
    """Return the set kept in `folder`, as it was kept, or None. Removes what a killed `keep_set` left behind.

    For the one thread that keeps sets there. Raises SetNotKept where the card cannot be read.
    """
    try:
        sweep(folder, CURRENT_NAME)
        with (folder / CURRENT_NAME).open("rb") as file:
            return file.read(MAX_SET_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetNotKept(f"{folder}: the kept encoding set cannot be read ({error.strerror})") from error


def _read_envelope(blob: bytes) -> _Envelope:
    _check_size(blob)
    try:
        envelope: _Envelope = _envelopes.decode(blob)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseRefused(TORN, f"this is not a whole encoding set: {error}") from error
    return envelope


def _check_size(blob: bytes) -> None:
    if len(blob) > MAX_SET_BYTES:
        raise ReleaseRefused(TOO_LARGE, f"the set has {len(blob)} bytes; {MAX_SET_BYTES} are allowed")


def _is_signed(envelope: _Envelope, trusted: keys.PublicKey) -> bool:
    # Not b"" + content: that holds the lock while it copies. Memory that grows is moved, so this has its size at once.
    content = envelope.content
    with mmap.mmap(-1, len(_SIGNED_AS) + len(content)) as message:
        message.write(_SIGNED_AS)
        for at in range(0, len(content), _PART_BYTES):
            message.write(content[at : at + _PART_BYTES])
            rest()
        with memoryview(message) as view:
            return keys.verify(trusted, envelope.signature, view)


def _read_content(inner: memoryview) -> _One | _Two | _Three:
    try:
        unread: _One | _Two | _Three = _contents.decode(inner)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseRefused(TORN, f"the set's content is not whole: {error}") from error
    return unread


def _read_people(unread: _One | _Two | _Three, reader: keys.PrivateKey | bytes | None) -> EncodingSet:
    people: list[Person] = []
    try:
        match unread:
            case _One():
                people += map(_person.decode, in_turns(unread.people, a_turn=_PEOPLE_A_PART))
            case _Two():
                for part in in_turns(unread.people, a_turn=1):
                    people += _part.decode(part)
            case _Three():
                key = _key_of(unread, reader)
                for at, sealed in enumerate(in_turns(unread.people, a_turn=1)):
                    about = _place(unread, at, len(unread.people))
                    people += _part.decode(sealing.open_with(key, bytes(sealed), about=about))
            case _:
                assert_never(unread)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseRefused(TORN, f"the set's content is not whole: {error}") from error
    except sealing.NotOpened as error:
        raise ReleaseRefused(TORN, f"a part of the set cannot be opened: {error}") from error
    return EncodingSet(**_about(unread), people=tuple(people))


def _key_of(sealed: _Three, reader: keys.PrivateKey | bytes | None) -> bytes:
    if reader is None:
        raise ReleaseRefused(NOT_FOR_US, "the set is sealed, and there is no key here to open it with")
    if isinstance(reader, bytes):
        return reader
    own = keys.key_id(reader.public_key())
    try:
        return sealing.open_for(sealing.opening_form(reader), sealed.readers[own])
    except (KeyError, sealing.NotOpened) as error:
        raise ReleaseRefused(
            NOT_FOR_US,
            f"the set is sealed for {len(sealed.readers)} kiosks, and key {own} of this one is not among them; "
            "publish again after approving this kiosk",
        ) from error


def _about(content: _About) -> dict[str, Any]:
    return {name: getattr(content, name) for name in _About.__struct_fields__}


def _check_numbers(content: EncodingSet) -> None:
    if len({person.employee for person in content.people}) == len(content.people):
        return
    twice = [number for number, times in Counter(person.employee for person in content.people).items() if times > 1]
    raise ReleaseRefused(TORN, f"employee {twice[0]} is in the set twice")
