"""Punches in the central register, read by id, by day and by terminal; sync/register/arrivals.py adds them.

Each function is one transaction and raises RegisterUnavailable when the database is away.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sync.messages import ClockQuality, Direction, Method
from sync.register import Register
from sync.register.schema import events, heads


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredEvent:
    """A punch in the register. `id` rises in the order of arrival; times are UTC with zone.

    `first_seen_at` is the arrival of the person, `occurred_at` the identification, `received_at` the centre's clock.
    `repeat_of` is the seq, in the same terminal and epoch, of the punch this one repeats.
    """

    id: int
    terminal: str
    epoch: str
    seq: int
    office: str
    employee: str
    method: Method
    direction: Direction
    occurred_at: datetime
    first_seen_at: datetime
    received_at: datetime
    clock: ClockQuality
    repeat_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a (terminal, epoch) is in the register: every seq up to `upto`, and the `highest` seen beyond a gap."""

    terminal: str
    epoch: str
    office: str
    upto: int
    highest: int
    changed_at: datetime


def events_since(register: Register, after_id: int, limit: int = 500) -> list[RegisteredEvent]:
    """Return the first `limit` events whose id is above `after_id`, by id. One look at the primary key: poll freely."""
    wanted = sa.select(*_SHOWN).where(events.c.id > after_id).order_by(events.c.id).limit(limit)
    with register.read() as connection:
        return [_event(row) for row in connection.execute(wanted)]


def last_id(register: Register) -> int:
    """Return the id of the newest event, 0 when there is none: where a reader of news begins."""
    with register.read() as connection:
        return int(connection.scalar(sa.select(sa.func.max(events.c.id))) or 0)


def count_events(register: Register) -> int:
    """Return how many events the register holds."""
    with register.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(events)) or 0)


def events_of_day(
    register: Register, *, start: datetime, end: datetime, office: str | None = None
) -> list[RegisteredEvent]:
    """Return the events first seen in [start, end), of `office` or of all, by arrival of the person, then by id.

    The day of an office is its caller's business: give the office's midnights, with zone.
    """
    wanted = sa.select(*_SHOWN).where(events.c.first_seen_at >= start, events.c.first_seen_at < end)
    if office is not None:
        wanted = wanted.where(events.c.office == office)
    with register.read() as connection:
        return [_event(row) for row in connection.execute(wanted.order_by(events.c.first_seen_at, events.c.id))]


def payload_of(register: Register, event_id: int) -> bytes | None:
    """Return the exact bytes the terminal sent for the event of that id, or None."""
    with register.read() as connection:
        payload: bytes | None = connection.scalar(sa.select(events.c.payload).where(events.c.id == event_id))
        return payload


def all_heads(register: Register) -> list[Head]:
    """Return how far each (terminal, epoch) ever heard of is in the register, by office and terminal."""
    with register.read() as connection:
        rows = connection.execute(sa.select(heads).order_by(heads.c.office, heads.c.terminal, heads.c.changed_at))
        return [Head(**row._mapping) for row in rows]


_SHOWN = [column for column in events.c if column.name not in ("payload", "payload_sha256")]


def _event(row: Any) -> RegisteredEvent:
    values = dict(row._mapping)
    values["method"] = Method(values["method"])
    values["direction"] = Direction(values["direction"])
    values["clock"] = ClockQuality(values["clock"])
    return RegisteredEvent(**values)
