"""What was recorded on the card, as a kiosk asks for it: with what the people before it have corrected since."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sync import chain
from sync.messages import AttendanceEvent, Direction, DirectionBy, MessageRefused
from sync.outbox.card import OutboxFailed
from sync.outbox.epochs import microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPunch:
    """A punch as it was recorded, and what it is by now.

    `direction` is the one it counts with, corrected or not. One that is `voided` was somebody else's, and counts as
    nobody's.
    """

    event: AttendanceEvent
    direction: Direction
    voided: bool


def last_punch(connection: sqlite3.Connection, employee: str, since: datetime) -> AttendanceEvent | None:
    """Return the newest punch of `employee` that counts and repeats none that does. Raises OutboxFailed."""
    row = connection.execute(
        "SELECT payload, direction_now FROM outbox AS punch WHERE employee = ? AND occurred_us >= ? AND NOT moved "
        "AND NOT voided AND (repeat_of IS NULL OR EXISTS (SELECT 1 FROM outbox AS first WHERE first.voided "
        "AND first.epoch = punch.epoch AND first.seq = punch.repeat_of)) ORDER BY epoch DESC, seq DESC LIMIT 1",
        (employee, microseconds(since)),
    ).fetchone()
    if row is None:
        return None
    event, direction = _event(row[0]), row[1]
    if direction is None:
        return event
    corrected = msgspec.structs.replace(event.punch, direction=Direction(direction), direction_by=DirectionBy.EMPLOYEE)
    return msgspec.structs.replace(event, punch=corrected)


def punches_of(connection: sqlite3.Connection, employee: str, since: datetime) -> list[AttendanceEvent]:
    """Return the punches of `employee`, in the order recorded. Raises OutboxFailed."""
    rows = connection.execute(
        "SELECT payload FROM outbox WHERE employee = ? AND occurred_us >= ? AND NOT moved ORDER BY epoch, seq",
        (employee, microseconds(since)),
    )
    return [_event(payload) for (payload,) in rows]


def punches_since(connection: sqlite3.Connection, number: int, since: datetime) -> tuple[DayPunch, ...]:
    """Return the punches of the epoch of that number, in the order recorded. Raises OutboxFailed."""
    rows = connection.execute(
        "SELECT payload, direction_now, voided FROM outbox WHERE epoch = ? AND occurred_us >= ? AND employee <> '' "
        "AND NOT moved ORDER BY seq",
        (number, microseconds(since)),
    )
    found = ((_event(payload), direction, voided) for payload, direction, voided in rows)
    return tuple(
        DayPunch(
            event=event,
            direction=Direction(direction) if direction is not None else event.punch.direction,
            voided=bool(voided),
        )
        for event, direction, voided in found
    )


def _event(payload: bytes) -> AttendanceEvent:
    try:
        entry, _ = chain.read_entry(payload)
    except MessageRefused as error:
        raise OutboxFailed(f"a row on the card is damaged: {error}") from error
    if not isinstance(entry, AttendanceEvent):
        raise OutboxFailed("a row on the card is damaged: an entry that is no punch has an employee")
    return entry
