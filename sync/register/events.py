"""Punches in the central register, read by id, by day and by terminal; sync/register/arrivals.py adds them.

Each function is one transaction and raises RegisterUnavailable when the database is away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from sync import chain
from sync.messages import AttendanceEvent, ClockQuality, Direction, Method
from sync.register import Register
from sync.register.schema import events, heads


class TimedBy(StrEnum):
    """How the time a punch counts with is known."""

    CLOCK = "clock"
    """By the kiosk's own clock, as it was."""
    BOOT = "boot"
    """From the clock of the same boot, once somebody vouched for it: right to a second or two."""
    BOUNDS = "bounds"
    """Between what is known to have come before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredEvent:
    """A punch in the register. `id` rises in the order of arrival; times are UTC with zone.

    `first_seen_at` is the arrival of the person and `occurred_at` the identification, both by the kiosk's clock,
    `received_at` the centre's clock. `counted_at` is the arrival as well as it is known: first_seen_at, unless nobody
    vouched for the kiosk's clock (`timed_by` clock, boot or bounds), and then not before `earliest_at` nor after
    `latest_at`. `clock_jump_ms` is how far that clock had jumped just before. `repeat_of` is the seq, in the same
    terminal and epoch, of the punch this one repeats. `direction` is the one it counts with; where it was corrected at
    the kiosk, `recorded_direction` is the one before. One that is `voided` was somebody else's, and counts as nobody's.
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
    receipt: str
    recorded_at: datetime
    clock_jump_ms: int | None
    counted_at: datetime
    timed_by: TimedBy
    earliest_at: datetime | None
    latest_at: datetime | None
    voided: bool = False
    recorded_direction: Direction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a (terminal, epoch) is in the register: every seq up to `upto`, and the `highest` seen beyond a gap.

    `upto_hash` is the SHA-256 of the entry at `upto`, in hexadecimal. `forked` once other bytes came under its numbers.
    """

    terminal: str
    epoch: str
    office: str
    upto: int
    upto_hash: str
    highest: int
    forked: bool
    changed_at: datetime


def events_since(register: Register, after_id: int, limit: int = 500) -> list[RegisteredEvent]:
    """Return the first `limit` events whose id is above `after_id`, by id. One look at the primary key: poll freely."""
    wanted = sa.select(*_SHOWN).where(events.c.id > after_id, _IS_PUNCH).order_by(events.c.id).limit(limit)
    with register.read() as connection:
        return [_event(row) for row in connection.execute(wanted)]


def last_id(register: Register) -> int:
    """Return the id of the newest event, 0 when there is none: where a reader of news begins."""
    with register.read() as connection:
        return int(connection.scalar(sa.select(sa.func.max(events.c.id))) or 0)


def count_events(register: Register) -> int:
    """Return how many punches the register holds."""
    with register.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(events).where(_IS_PUNCH)) or 0)


def events_of_day(
    register: Register, *, start: datetime, end: datetime, office: str | None = None
) -> list[RegisteredEvent]:
    """Return the punches that count in [start, end), of `office` or of all, by arrival of the person, then by id.

    The day of an office is its caller's business: give the office's midnights, with zone.
    """
    wanted = sa.select(*_SHOWN).where(_IS_PUNCH, events.c.counted_at >= start, events.c.counted_at < end)
    if office is not None:
        wanted = wanted.where(events.c.office == office)
    with register.read() as connection:
        return [_event(row) for row in connection.execute(wanted.order_by(events.c.counted_at, events.c.id))]


def events_retimed(register: Register, *, start: datetime) -> list[RegisteredEvent]:
    """Return the punches that count at or after `start` by another time than their kiosk's clock said, by id.

    Those change when more becomes known, and then have no new id. There are few, and an index holds them.
    """
    # Word for word the condition of the index events_untimed, which would not be used otherwise.
    retimed = sa.text("events.timed_by <> 'clock'")
    return _few(register, sa.select(*_SHOWN).where(retimed, _IS_PUNCH, events.c.counted_at >= start))


def events_corrected(register: Register, *, start: datetime) -> list[RegisteredEvent]:
    """Return the punches that count at or after `start` and were corrected at their kiosk, by id.

    Like those that are timed anew, they have no new id.
    """
    # Word for word the condition of the index events_corrected, which would not be used otherwise.
    corrected = sa.text("events.corrected_at IS NOT NULL")
    return _few(register, sa.select(*_SHOWN).where(corrected, _IS_PUNCH, events.c.counted_at >= start))


def _few(register: Register, wanted: sa.Select[Any]) -> list[RegisteredEvent]:
    """Return what a small index leads to, by id. Asked for in that order, SQLite reads the whole table instead."""
    with register.read() as connection:
        return sorted((_event(row) for row in connection.execute(wanted)), key=lambda each: each.id)


def punches_where(register: Register, *wanted: sa.ColumnElement[bool]) -> Iterator[tuple[datetime, AttendanceEvent]]:
    """Yield when each punch counts that meets all of `wanted`, and the punch as it was signed, in the order they count.

    For what only the signed bytes say. Raises RegisterUnavailable.
    """
    found = sa.select(events.c.counted_at, events.c.payload).where(_IS_PUNCH, *wanted)
    with register.read() as connection:
        for counted_at, payload in connection.execute(found.order_by(events.c.counted_at, events.c.id)):
            entry, _ = chain.read_entry(payload)
            if isinstance(entry, AttendanceEvent):
                yield counted_at, entry


def payload_of(register: Register, event_id: int) -> bytes | None:
    """Return the exact bytes the terminal sent for the event of that id, or None."""
    with register.read() as connection:
        payload: bytes | None = connection.scalar(sa.select(events.c.payload).where(events.c.id == event_id))
        return payload


def all_heads(register: Register, terminal: str | None = None) -> list[Head]:
    """Return how far each (terminal, epoch) ever heard of, or each of one terminal, is in the register.

    By office and terminal, and of a terminal the one that changed last is last.
    """
    wanted = sa.select(heads).order_by(heads.c.office, heads.c.terminal, heads.c.changed_at)
    if terminal is not None:
        wanted = wanted.where(heads.c.terminal == terminal)
    with register.read() as connection:
        rows = connection.execute(wanted)
        return [Head(**row._mapping) for row in rows]


def find_receipt(register: Register, receipt: str) -> list[RegisteredEvent]:
    """Return the punches whose screen showed that code, as `receipts.typed` gives it: one, or none."""
    with register.read() as connection:
        here = sa.and_(events.c.receipt == receipt, _IS_PUNCH)
        rows = connection.execute(sa.select(*_SHOWN).where(here).order_by(events.c.id))
        return [_event(row) for row in rows]


def missing_ranges(
    register: Register, *, terminal: str, epoch: str, first: int, last: int, most: int
) -> list[tuple[int, int]]:
    """Return the ranges of seqs in [first, last] that the register does not hold, in order, `most` at most."""
    wanted = (
        sa.select(events.c.seq)
        .where(events.c.terminal == terminal, events.c.epoch == epoch, events.c.seq.between(first, last))
        .order_by(events.c.seq)
    )
    found: list[tuple[int, int]] = []
    following = first
    with register.read() as connection:
        for seq in connection.scalars(wanted):
            if seq > following:
                found.append((following, seq - 1))
            if len(found) == most:
                return found
            following = seq + 1
    if following <= last:
        found.append((following, last))
    return found


_IS_PUNCH = events.c.method.is_not(None)
_UNSHOWN = ("payload", "payload_sha256", "boot_id", "boottime_ns", "corrected_at")
_SHOWN = [column for column in events.c if column.name not in _UNSHOWN]


def _event(row: Any) -> RegisteredEvent:
    values = dict(row._mapping)
    values["method"] = Method(values["method"])
    values["direction"] = Direction(values["direction"])
    if (now := values.pop("direction_now")) is not None and now != values["direction"]:
        values["recorded_direction"], values["direction"] = values["direction"], Direction(now)
    values["clock"] = ClockQuality(values["clock"])
    values["timed_by"] = TimedBy(values["timed_by"])
    return RegisteredEvent(**values)
