"""Encoding sets: made and signed at the centre, checked and kept whole on the kiosk. The only room that knows the file.

A set is people with their templates and PIN hashes, for one office and one engine, with a version that only rises.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from errors import HadirError
from sync.messages import EmployeeNumber, Identifier, Natural, Text


class Person(Struct, frozen=True, kw_only=True):
    """An employee as a kiosk knows them. Each of `templates` is float32 little-endian, `dimension` values, unit norm.

    `pin` is an argon2id hash or absent; a person without templates punches by PIN alone.
    """

    employee: EmployeeNumber
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    templates: tuple[bytes, ...] = ()
    pin: Annotated[str, Meta(max_length=300)] | None = None


class EncodingSet(Struct, frozen=True, kw_only=True):
    """The people of one office, released together."""

    v: Annotated[int, Meta(ge=1, le=1)] = 1
    office: Identifier
    version: Natural
    engine_id: Text
    dimension: Annotated[int, Meta(ge=16, le=4096)]
    created_at: datetime
    people: tuple[Person, ...]


class ReleaseRefused(HadirError):
    """A set was not taken; the active one is untouched. `alarm` is the code the status carries."""

    def __init__(self, alarm: str, why: str) -> None:
        super().__init__(why)
        self.alarm = alarm
