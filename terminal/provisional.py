"""An enrolment made on this kiosk: what it is, and how it lies on the card and travels to the centre. *Pure*.

Until the centre has decided about it, the kiosk alone knows it, and uses it (terminal/provisional_card.py). As bytes it
is MessagePack, and never lies or travels so but sealed: with the card's own key for this kiosk, in a box for the
centre's `enrolment` key in its chain (sync.messages.EnrolmentNote).
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from errors import HadirError
from sync.messages import PadVerdict, SealedEnrolment, SealedTemplate
from sync.releases import Person

MOST_TEMPLATES = 6
MOST_VECTOR_BYTES = 9_000
"""All vectors of one enrolment together: as text in a sealed box they stay below 12,500 bytes, and the link of the
chain below the 16,384 that a message may have (sync/messages): six looks of 128 values, four of 512."""
KEPT_DAYS = 120
"""A set tells of the enrolments decided in so many days before it was made (`EncodingSet.decided`). One that is older
than that is in no later set's list, and is not used any more: whatever the centre decided, nobody is left behind."""


class EnrolmentUnreadable(HadirError):
    """These bytes are no enrolment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTemplate:
    """The normalised mean of `samples` encodings of one look; `vector` is float32 little-endian, of unit norm."""

    look: str
    samples: int
    vector: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnrolment:
    """What `administrator` enrolled of `employee` on this kiosk, whole. `id` is 32 hex digits and its alone.

    `basis` is "consent", "public_duty" or "no_face", by the text of `text_version` shown in `language` (id, en, jv) and
    decided about at `decided_at`, by this kiosk's clock. `templates` are those of `engine_id`, the usual look ("")
    first; none where no face is kept. `pin_hash` is as `terminal.pin.hash_pin` makes it. `photo`: the kiosk may keep
    sealed pictures of them. `pad`: whether the person was there when the face was taken; never ATTACK.
    """

    id: str
    administrator: str
    employee: str
    basis: Literal["consent", "public_duty", "no_face"]
    text_version: str
    language: str
    decided_at: datetime
    templates: tuple[NewTemplate, ...] = field(repr=False)
    engine_id: str
    pin_hash: str | None = field(repr=False)
    photo: bool
    pad: PadVerdict = PadVerdict.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepEnrolment:
    """Have it on the card, in the chain and in use; answer EnrolmentKept or CommitFailed. Asked twice it is one."""

    enrolment: NewEnrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentKept:
    """The card has the enrolment of that `id`, whatever is cut now, and it is in use."""

    id: str


class _Template(Struct, frozen=True, array_like=True):
    look: str
    samples: int
    vector: bytes


class _Kept(Struct, frozen=True, kw_only=True):
    v: Annotated[int, Meta(ge=1, le=1)]
    id: str
    administrator: str
    employee: str
    basis: Literal["consent", "public_duty", "no_face"]
    text_version: str
    language: str
    decided_at: datetime
    templates: tuple[_Template, ...]
    engine_id: str
    pin_hash: str | None
    photo: bool
    pad: PadVerdict = PadVerdict.NOT_CHECKED


_encoder = msgspec.msgpack.Encoder()
_kept = msgspec.msgpack.Decoder(_Kept)


def packed(enrolment: NewEnrolment) -> bytes:
    """Return `enrolment` as the bytes that are sealed for the card."""
    templates = tuple(_Template(each.look, each.samples, each.vector) for each in enrolment.templates)
    named = {name: getattr(enrolment, name) for name in _Kept.__struct_fields__ if name not in ("v", "templates")}
    return _encoder.encode(_Kept(v=1, templates=templates, **named))


def unpacked(plain: bytes) -> NewEnrolment:
    """Return the enrolment that `packed` made these bytes of. Raises EnrolmentUnreadable."""
    try:
        kept = _kept.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnrolmentUnreadable(f"what lies on the card is no enrolment: {type(error).__name__}") from None
    named = {name: getattr(kept, name) for name in _Kept.__struct_fields__ if name not in ("v", "templates")}
    templates = tuple(NewTemplate(look=each.look, samples=each.samples, vector=each.vector) for each in kept.templates)
    return NewEnrolment(templates=templates, **named)


def for_the_centre(enrolment: NewEnrolment) -> SealedEnrolment:
    """Return what the box for the centre holds of `enrolment`: what nobody else may read."""
    return SealedEnrolment(
        templates=tuple(
            SealedTemplate(look=each.look, samples=each.samples, vector=each.vector) for each in enrolment.templates
        ),
        pin_hash=enrolment.pin_hash,
        photo=enrolment.photo,
    )


def fitting(enrolment: NewEnrolment) -> tuple[NewTemplate, ...]:
    """Return the templates that one link of the chain has room for: as many of the first as there is."""
    room, fit = MOST_VECTOR_BYTES, 0
    for each in enrolment.templates[:MOST_TEMPLATES]:
        room -= len(each.vector)
        if room < 0:
            break
        fit += 1
    return enrolment.templates[:fit]


def in_use(
    people: Mapping[str, Person], waiting: Iterable[NewEnrolment], *, decided: Container[str], at: datetime | None
) -> tuple[NewEnrolment, ...]:
    """Return which of `waiting`, the earliest kept first, hold beside a set made `at`: at most one of each person.

    Not those the centre has `decided` about, nor one of somebody who is not among `people`, those of the set (they have
    left, whatever was enrolled here), nor a face from before it was withdrawn, nor one older than KEPT_DAYS by the day
    of the set. Of two of one person it is the later.
    """
    newest: dict[str, NewEnrolment] = {}
    for each in waiting:
        person = people.get(each.employee)
        if person is None or each.id in decided or (at is not None and (at - each.decided_at).days >= KEPT_DAYS):
            continue
        if each.templates and person.withdrawn_at is not None and each.decided_at <= person.withdrawn_at:
            continue
        newest[each.employee] = each
    return tuple(newest.values())


def beside(person: Person, enrolment: NewEnrolment, *, engine_id: str) -> Person:
    """Return `person` with what was enrolled here: its templates alone, and its PIN in the place of theirs.

    Templates of another engine than `engine_id` are left out.
    """
    return msgspec.structs.replace(
        person,
        templates=tuple(each.vector for each in enrolment.templates) if enrolment.engine_id == engine_id else (),
        pin=enrolment.pin_hash if enrolment.pin_hash is not None else person.pin,
        photo=person.photo and enrolment.photo,
    )
