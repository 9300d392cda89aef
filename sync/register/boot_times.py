"""The untimed entries of one boot of a kiosk, counted by its anchor or between bounds; see sync/register/retiming.py.

Everything is in microseconds since 1970. An *offset* is wall clock minus boot clock: when the boot began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from errors import HadirError
from sync import chain
from sync.messages import UNTIMED, moved_from
from sync.register.events import TimedBy
from sync.register.schema import events

Boot = tuple[str, str]
"""(terminal, boot id)."""

LONGEST_VISIT = timedelta(hours=1)
_ROWS_OF_A_GROWING_BOOT = 1000
_BOOTS_A_BATCH = 200  # a kiosk that boots without end must not hold up the others; wider bounds are true as well
_BIRTH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = -62_135_596_800_000_000  # of what a datetime can say
_LAST_US = 253_402_300_799_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An entry as far as its time goes, in microseconds. `lag_us` is how long before its recording a face was seen."""

    id: int
    epoch: str
    seq: int
    boot_id: str
    boottime_us: int
    recorded_us: int
    lag_us: int
    received_us: int
    untimed: bool
    timed_by: TimedBy
    counted_us: int
    earliest_us: int | None
    latest_us: int | None
    payload: bytes

    @property
    def moved(self) -> bool:
        """Whether it was recorded again from an earlier life of the card: its neighbours are not those of then."""
        try:
            entry = chain.read_entry(self.payload)[0]
        except HadirError:
            return True  # changed by hand: it bounds nothing
        return moved_from(entry) is not None

    @property
    def offset_us(self) -> int:
        return self.recorded_us - self.boottime_us

    def offset_of(self, arrival_us: int) -> int:
        """Return wall minus boot clock, had the person arrived at `arrival_us`."""
        return arrival_us + self.lag_us - self.boottime_us

    def arrival_at(self, offset_us: int) -> int:
        """Return when the person arrived if the wall clock was the boot clock and `offset_us`."""
        return offset_us + self.boottime_us - self.lag_us

    def latest_offset(self) -> int | None:
        """Return the most its boot's offset can be."""
        match self.timed_by:
            case TimedBy.BOUNDS:
                return None if self.latest_us is None else self.offset_of(self.latest_us)
            case _:
                return None if self.untimed and self.timed_by is TimedBy.CLOCK else self.offset_of(self.counted_us)

    def earliest_recording(self) -> int | None:
        """Return when it was recorded at the earliest."""
        match self.timed_by:
            case TimedBy.BOUNDS:
                return None if self.earliest_us is None else self.earliest_us + self.lag_us
            case _:
                return None if self.untimed and self.timed_by is TimedBy.CLOCK else self.counted_us + self.lag_us


def time_by_anchor(connection: sa.Connection, boot: Boot, offset_us: int) -> set[Boot]:
    """Have the boot's untimed punches counted by its anchor; return boots beside them that may be bounded closer."""
    rows = _rows(connection, boot)
    changed: list[dict[str, object]] = [
        {"row": row.id, "counted": moment(row.arrival_at(offset_us)), "by": "boot", "earliest": None, "latest": None}
        for row in rows
        if row.untimed and (row.timed_by is not TimedBy.BOOT or row.counted_us != row.arrival_at(offset_us))
    ]
    _update(connection, changed)
    return _boots_beside(connection, boot, rows) if changed else set()


def bound(connection: sa.Connection, *, growing: set[Boot], unsettled: set[Boot]) -> None:
    """Have the punches of these boots, which have no anchor, between what is known to have come before and after."""
    waiting = sorted(growing | unsettled)
    for _ in range(_BOOTS_A_BATCH):
        if not waiting:
            return
        boot = waiting.pop(0)
        whole = boot in unsettled
        rows = _rows(connection, boot, most=None if whole else _ROWS_OF_A_GROWING_BOOT)
        changed: list[dict[str, object]] = []
        for epoch in sorted({row.epoch for row in rows}):
            changed += _bounds_of(connection, boot, [row for row in rows if row.epoch == epoch])
        _update(connection, changed)
        if changed:
            nearby = _boots_beside(connection, boot, rows) - set(waiting)
            unsettled |= nearby
            waiting += sorted(nearby)


def _bounds_of(connection: sa.Connection, boot: Boot, rows: list[_Row]) -> list[dict[str, object]]:
    """Return what is to be changed in one epoch's untimed rows of a boot, a rigid piece of time."""
    before, after = _neighbours(connection, boot, rows[0].epoch)
    moved = {row.id for row in rows if row.moved}
    own = [row for row in rows if row.untimed and row.id not in moved]
    lowest = before.earliest_recording() if before else None
    highest = min((row.received_us - row.boottime_us for row in own), default=_LAST_US)
    if after is not None and not after.moved and (start_us := after.latest_offset()) is not None and own:
        highest = min(highest, start_us - max(row.boottime_us for row in own))
    lowest = min(lowest, highest) if lowest is not None else None
    changed: list[dict[str, object]] = []
    for row in rows:
        if row.id in moved:
            low, high = None, row.received_us - row.boottime_us
        else:
            low, high = lowest, highest
        offset = min(row.offset_us if low is None else max(row.offset_us, low), high)
        new = (row.arrival_at(offset), row.arrival_at(low) if low is not None else None, row.arrival_at(high))
        if row.untimed and (
            row.timed_by is not TimedBy.BOUNDS or new != (row.counted_us, row.earliest_us, row.latest_us)
        ):
            counted, earliest, latest = map(moment, new)
            changed.append({"row": row.id, "counted": counted, "by": "bounds", "earliest": earliest, "latest": latest})
    return changed


def _neighbours(connection: sa.Connection, boot: Boot, epoch: str) -> tuple[_Row | None, _Row | None]:
    """Return the nearest entries that are there before and after the boot's untimed ones in the epoch's chain."""
    first, last = connection.execute(
        sa.select(sa.func.min(events.c.seq), sa.func.max(events.c.seq)).where(_of_boot(boot), events.c.epoch == epoch)
    ).one()
    here = sa.and_(events.c.terminal == boot[0], events.c.epoch == epoch)
    before = sa.select(*_TIMES).where(here, events.c.seq < first).order_by(events.c.seq.desc()).limit(1)
    after = sa.select(*_TIMES).where(here, events.c.seq > last).order_by(events.c.seq).limit(1)
    found = [row for wanted in (before, after) for row in [connection.execute(wanted).one_or_none()]]
    low, high = (_row(row) if row is not None and row.boot_id != boot[1] else None for row in found)
    return low, high


def _boots_beside(connection: sa.Connection, boot: Boot, rows: Sequence[_Row]) -> set[Boot]:
    found: set[Boot] = set()
    for epoch in {row.epoch for row in rows}:
        for row in _neighbours(connection, boot, epoch):
            if row is not None and row.timed_by is TimedBy.BOUNDS:
                found.add((boot[0], row.boot_id))
    return found


def _rows(connection: sa.Connection, boot: Boot, *, most: int | None = None) -> list[_Row]:
    """Return the boot's untimed rows, the last `most` of them."""
    wanted = sa.select(*_TIMES).where(_of_boot(boot)).order_by(events.c.boottime_ns.desc()).limit(most)
    return [_row(row) for row in connection.execute(wanted)]


def _update(connection: sa.Connection, changed: list[dict[str, object]]) -> None:
    if changed:
        kind = events.c.counted_at.type
        connection.execute(
            sa.update(events)
            .where(events.c.id == sa.bindparam("row"))
            .values(
                counted_at=sa.bindparam("counted", type_=kind),
                timed_by=sa.bindparam("by"),
                earliest_at=sa.bindparam("earliest", type_=kind),
                latest_at=sa.bindparam("latest", type_=kind),
            ),
            changed,
        )


_TIMES = [
    events.c[name]
    for name in (
        "id", "epoch", "seq", "boot_id", "boottime_ns", "recorded_at", "first_seen_at", "received_at", "clock",
        "timed_by", "counted_at", "earliest_at", "latest_at", "payload",
    )
]  # fmt: skip


def _of_boot(boot: Boot) -> sa.ColumnElement[bool]:
    # Word for word the condition of the index events_untimed, which would not be used otherwise.
    return sa.and_(events.c.terminal == boot[0], events.c.boot_id == boot[1], sa.text("events.timed_by <> 'clock'"))


def place(terminal: Any, epoch: Any, seq: Any) -> sa.ColumnElement[bool]:
    return sa.and_(events.c.terminal == terminal, events.c.epoch == epoch, events.c.seq == seq)


def _row(row: Any) -> _Row:
    recorded_us = us(row.recorded_at)
    seen_us = us(row.first_seen_at) if row.first_seen_at is not None else recorded_us
    return _Row(
        id=row.id,
        epoch=row.epoch,
        seq=row.seq,
        boot_id=row.boot_id,
        boottime_us=row.boottime_ns // 1000,
        recorded_us=recorded_us,
        lag_us=lag_of(recorded_us, seen_us),
        received_us=us(row.received_at),
        untimed=row.clock in UNTIMED,
        timed_by=TimedBy(row.timed_by),
        counted_us=us(row.counted_at) if row.counted_at is not None else recorded_us,
        earliest_us=us(row.earliest_at) if row.earliest_at is not None else None,
        latest_us=us(row.latest_at) if row.latest_at is not None else None,
        payload=row.payload,
    )


def lag_of(recorded_us: int, seen_us: int) -> int:
    """Return how long before its recording a face was seen; none where the clock was set in between."""
    return lag if 0 <= (lag := recorded_us - seen_us) <= LONGEST_VISIT // timedelta(microseconds=1) else 0


def us(moment: datetime) -> int:
    return (moment - _BIRTH) // timedelta(microseconds=1)


def moment(us: int | None) -> datetime | None:
    return None if us is None else _BIRTH + timedelta(microseconds=min(max(us, _FIRST_US), _LAST_US))
