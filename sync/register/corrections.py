"""What was changed at the kiosks after punches were committed, and what administrators did there.

`settle_in` works inside the transaction that stores entries: whatever the order in which a punch and its corrections
arrive, what the punch's columns say in the end is the same. Its bytes, and what was recorded first, stay as they are.
The lists are one transaction each and raise RegisterUnavailable when the database is away.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from errors import HadirError
from sync import chain
from sync.messages import AttendanceEvent, Correction, DeskNote, Direction, Entry, Method
from sync.register import Register
from sync.register.schema import events

Punched = tuple[str, str, str]
"""(terminal, receipt, employee): a punch, in whatever life of its card it lies."""

_RECEIPTS_A_QUERY = 1000


def settle_in(connection: sa.Connection, punches: Iterable[Punched]) -> None:
    """Have each of `punches` that is there as its corrections that are there say."""
    wanted = set(punches)
    if not wanted:
        return
    receipts = sorted({receipt for _, receipt, _ in wanted})
    rows: dict[Punched, list[Any]] = defaultdict(list)
    for start in range(0, len(receipts), _RECEIPTS_A_QUERY):
        here = events.c.receipt.in_(receipts[start : start + _RECEIPTS_A_QUERY])
        for row in connection.execute(sa.select(*_SETTLED).where(here)):
            rows[row.terminal, row.receipt, row.employee].append(row)
    changed = [
        {"row": row.id, **settled([each for each in rows[punch] if each.method is None])}
        for punch in sorted(wanted)
        for row in rows[punch]
        if row.method is not None
    ]
    if changed:
        values = {
            "voided": sa.bindparam("new_voided"),
            "direction_now": sa.bindparam("new_direction"),
            "corrected_at": sa.bindparam("new_at", type_=events.c.corrected_at.type),
        }
        connection.execute(sa.update(events).where(events.c.id == sa.bindparam("row")).values(values), changed)


_SETTLED = [
    events.c[name]
    for name in ("id", "terminal", "epoch", "seq", "receipt", "employee", "method", "direction", "recorded_at")
]


def settled(corrections: Sequence[Any]) -> dict[str, object]:
    """Return what the corrections of one punch come to: once voided it stays so, the last direction counts.

    Within an epoch the last is known by its seq. Of two epochs the later is the one that was recorded in later.
    """
    latest: dict[str, datetime] = {}
    for row in corrections:
        latest[row.epoch] = max(row.recorded_at, latest.get(row.epoch, row.recorded_at))
    in_order = sorted(corrections, key=lambda row: (latest[row.epoch], row.epoch, row.seq))
    directions = [row.direction for row in in_order if row.direction is not None]
    return {
        "new_voided": len(directions) < len(in_order),
        "new_direction": directions[-1] if directions else None,
        "new_at": in_order[-1].recorded_at if in_order else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction as it was made. `made_at` is that as well as it is known; UTC with zone.

    `direction` is the new one, absent where the punch was voided ("not me"). `recorded`, `method` and `score` are what
    the punch was with; they are absent while the punch has not come, and `score` for a PIN.
    """

    id: int
    office: str
    terminal: str
    employee: str
    receipt: str
    made_at: datetime
    direction: Direction | None
    recorded: Direction | None = None
    method: Method | None = None
    score: float | None = None

    @property
    def not_me(self) -> bool:
        """Whether somebody said that they are not who the kiosk took them for: the report of a false match."""
        return self.direction is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTheDesk:
    """What the administrator `employee` did on a kiosk at `made_at`, as well as that is known; UTC with zone."""

    id: int
    office: str
    terminal: str
    employee: str
    action: str
    made_at: datetime


def corrections_since(register: Register, since: datetime, *, terminal: str | None = None) -> list[Corrected]:
    """Return the corrections that were made at `since` or later, by that time."""
    punches = events.alias()
    wanted = (
        sa.select(
            events.c.id, events.c.office, events.c.terminal, events.c.employee, events.c.receipt,
            events.c.counted_at.label("made_at"), events.c.direction, punches.c.payload,
        )
        .outerjoin(
            punches,
            sa.and_(
                punches.c.receipt == events.c.receipt,
                punches.c.terminal == events.c.terminal,
                punches.c.employee == events.c.employee,
                punches.c.method.is_not(None),
            ),
        )
        .where(_BESIDE, events.c.receipt.is_not(None), events.c.counted_at >= since)
        .order_by(events.c.counted_at, events.c.id)
    )  # fmt: skip
    if terminal is not None:
        wanted = wanted.where(events.c.terminal == terminal)
    with register.read() as connection:
        return [_corrected(dict(row._mapping)) for row in connection.execute(wanted)]


def desk_notes_since(register: Register, since: datetime, *, terminal: str | None = None) -> list[AtTheDesk]:
    """Return what administrators did on kiosks at `since` or later, by that time; without what cannot be read."""
    wanted = (
        sa.select(
            events.c.id, events.c.office, events.c.terminal, events.c.employee, events.c.counted_at, events.c.payload
        )
        # Not "IS NULL": that is looked up in the index of receipts, where all notes of the clock lie as well.
        .where(_BESIDE, sa.func.coalesce(events.c.receipt, "") == "", events.c.counted_at >= since)
        .order_by(events.c.counted_at, events.c.id)
    )
    if terminal is not None:
        wanted = wanted.where(events.c.terminal == terminal)
    with register.read() as connection:
        rows = connection.execute(wanted).all()
    return [
        AtTheDesk(
            id=row.id,
            office=row.office,
            terminal=row.terminal,
            employee=row.employee,
            action=note.action,
            made_at=row.counted_at,
        )
        for row in rows
        if isinstance(note := _read(row.payload), DeskNote)
    ]


# Word for word the condition of the index events_beside, which would not be used otherwise.
_BESIDE = sa.text("events.method IS NULL AND events.employee IS NOT NULL")


def _corrected(row: dict[str, Any]) -> Corrected:
    payload, direction = row.pop("payload"), row.pop("direction")
    event = _read(payload) if payload is not None else None
    punch = event.punch if isinstance(event, AttendanceEvent) else None
    return Corrected(
        **row,
        direction=None if direction is None else Direction(direction),
        recorded=punch.direction if punch else None,
        method=punch.method if punch else None,
        score=punch.score if punch else None,
    )


def _read(payload: bytes) -> Entry | None:
    try:
        return chain.read_entry(payload)[0]
    except HadirError:
        return None  # somebody changed the row by hand, and verify-chain names it


def punch_of(entry: Entry) -> Punched | None:
    """Return the punch that `entry` is or corrects, None for anything else."""
    match entry:
        case AttendanceEvent():
            return entry.terminal, entry.receipt, entry.punch.employee
        case Correction():
            return entry.terminal, entry.receipt, entry.employee
        case _:
            return None
