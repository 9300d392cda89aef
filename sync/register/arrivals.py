"""Punches on their way into the central register: each is added exactly once, and the heads move past it.

`add_in` works inside a transaction of the caller (sync/register/intake.py); `add_events` is one of its own.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from sync.messages import AttendanceEvent
from sync.register import Register
from sync.register.schema import events, heads, insert_for, quarantine

Key = tuple[str, str]
"""(terminal, epoch): one life of one terminal's database."""

# SQLite takes 32,766 values in one statement at most.
_KEYS_A_QUERY = 1000


class Outcome(StrEnum):
    """What became of one event of a batch."""

    STORED = "stored"
    KNOWN = "known"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event as it came: decoded, its exact bytes, and when the centre had it."""

    event: AttendanceEvent
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of each event of a batch, in its order, and how far each (terminal, epoch) in it is now whole."""

    outcomes: tuple[Outcome, ...]
    upto: dict[Key, int]


def add_events(register: Register, batch: Sequence[Arrival]) -> Added:
    """Have every event of `batch` in the register exactly once, committed, and say what became of each.

    The same key with other bytes goes to quarantine; the first stays as it was. Raises RegisterUnavailable, and then
    nothing of the batch was stored.
    """
    with register.write() as connection:
        return add_in(connection, batch)


def add_in(connection: sa.Connection, batch: Sequence[Arrival]) -> Added:
    """Do what `add_events` says inside the caller's transaction."""
    digests = [hashlib.sha256(arrival.payload).digest() for arrival in batch]
    first: dict[tuple[str, str, int], int] = {}
    for position, arrival in enumerate(batch):
        first.setdefault(_key(arrival.event), position)
    stored = _insert(connection, [_row(batch[position], digests[position]) for position in first.values()])
    known = _digests(connection, [key for key in first if key not in stored])
    outcomes = []
    for position, arrival in enumerate(batch):
        key = _key(arrival.event)
        if key in stored and first[key] == position:
            outcomes.append(Outcome.STORED)
        elif digests[position] == (digests[first[key]] if key in stored else known[key]):
            outcomes.append(Outcome.KNOWN)
        else:
            outcomes.append(Outcome.CONFLICT)
            _isolate(connection, arrival, digests[position])
    return Added(outcomes=tuple(outcomes), upto=_advance(connection, batch, stored))


def _key(event: AttendanceEvent) -> tuple[str, str, int]:
    return event.terminal, event.epoch, event.seq


def _row(arrival: Arrival, digest: bytes) -> dict[str, object]:
    event, punch = arrival.event, arrival.event.punch
    return {
        "terminal": event.terminal,
        "epoch": event.epoch,
        "seq": event.seq,
        "office": event.office,
        "employee": punch.employee,
        "method": punch.method.value,
        "direction": punch.direction.value,
        "occurred_at": punch.occurred_at,
        "first_seen_at": punch.first_seen_at,
        "received_at": arrival.received_at,
        "clock": event.clock.value,
        "repeat_of": event.repeat_of,
        "payload": arrival.payload,
        "payload_sha256": digest,
    }


def _insert(connection: sa.Connection, rows: list[dict[str, object]]) -> set[tuple[str, str, int]]:
    """Return the keys that were new."""
    if not rows:
        return set()
    statement = (
        insert_for(connection, events)
        .on_conflict_do_nothing(index_elements=["terminal", "epoch", "seq"])
        .returning(events.c.terminal, events.c.epoch, events.c.seq)
    )
    return {(row.terminal, row.epoch, row.seq) for row in connection.execute(statement, rows)}


def _digests(connection: sa.Connection, keys: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], bytes]:
    """Return the digest of what lies under each key."""
    wanted: dict[Key, list[int]] = defaultdict(list)
    for terminal, epoch, seq in keys:
        wanted[terminal, epoch].append(seq)
    found = {}
    for (terminal, epoch), seqs in wanted.items():
        for start in range(0, len(seqs), _KEYS_A_QUERY):
            rows = connection.execute(
                sa.select(events.c.seq, events.c.payload_sha256).where(
                    events.c.terminal == terminal,
                    events.c.epoch == epoch,
                    events.c.seq.in_(seqs[start : start + _KEYS_A_QUERY]),
                )
            )
            found.update({(terminal, epoch, row.seq): row.payload_sha256 for row in rows})
    return found


def _isolate(connection: sa.Connection, arrival: Arrival, digest: bytes) -> None:
    event = arrival.event
    connection.execute(
        insert_for(connection, quarantine)
        .values(
            terminal=event.terminal,
            epoch=event.epoch,
            seq=event.seq,
            office=event.office,
            payload=arrival.payload,
            payload_sha256=digest,
            received_at=arrival.received_at,
        )
        .on_conflict_do_nothing()
    )


def _advance(connection: sa.Connection, batch: Sequence[Arrival], stored: set[tuple[str, str, int]]) -> dict[Key, int]:
    """Move the head of every (terminal, epoch) of the batch past what is now whole; return where each is."""
    upto: dict[Key, int] = {}
    latest = {(arrival.event.terminal, arrival.event.epoch): arrival for arrival in batch}
    new: dict[Key, set[int]] = defaultdict(set)
    for terminal, epoch, seq in stored:
        new[terminal, epoch].add(seq)
    for key, arrival in latest.items():
        here = sa.and_(heads.c.terminal == key[0], heads.c.epoch == key[1])
        row = connection.execute(sa.select(heads.c.upto, heads.c.highest).where(here)).one_or_none()
        reached, highest = (row.upto, row.highest) if row is not None else (0, 0)
        if not new[key]:
            upto[key] = reached
            continue
        while reached + 1 in new[key]:
            reached += 1
        highest = max(highest, *new[key])
        if highest > reached:
            reached = _end_of_run(connection, key, reached)
        upto[key] = reached
        values = {"upto": reached, "highest": highest, "changed_at": arrival.received_at}
        connection.execute(
            insert_for(connection, heads)
            .values(terminal=key[0], epoch=key[1], office=arrival.event.office, **values)
            .on_conflict_do_update(index_elements=["terminal", "epoch"], set_=values)
        )
    return upto


def _end_of_run(connection: sa.Connection, key: Key, reached: int) -> int:
    """Return the last seq before the first gap above `reached`; looks at no more rows than the run has."""
    following = events.alias()
    ours = sa.and_(events.c.terminal == key[0], events.c.epoch == key[1])
    if not connection.scalar(sa.select(sa.exists().where(ours, events.c.seq == reached + 1))):
        return reached
    last = connection.scalar(
        sa.select(events.c.seq)
        .where(
            ours,
            events.c.seq > reached,
            ~sa.exists().where(
                following.c.terminal == key[0], following.c.epoch == key[1], following.c.seq == events.c.seq + 1
            ),
        )
        .order_by(events.c.seq)
        .limit(1)
    )
    return int(last or reached)
