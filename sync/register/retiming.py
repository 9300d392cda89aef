"""When punches happened whose kiosk did not know the time: worked out inside the transaction that stores them.

Within one boot of a kiosk its boot clock never jumps, so one entry of that boot whose wall clock was vouched for (its
*anchor*, the earliest there is) tells the time of every other: `timed_by` is boot, and the error that of the anchor.
In a boot without an anchor all entries are off by the same unknown amount, but the boot began after the last entry of
the boot before it, ended before the next one began, and each entry was made before the centre had it: `timed_by` is
bounds, and the kiosk's own clock counts as far as these allow. The centre's own clock is believed before a kiosk's.

Corrections, notes of the desk and enrolments are timed as punches are, by when they were made; a note of the clock
needs no time.
Whatever the order in which entries arrive, what is known in the end is the same. What the kiosk's clock said at the
time stays in its own columns, and in the signed bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from sync.messages import UNTIMED, Entry, moved_from, seen_at
from sync.register.arrivals import Arrival
from sync.register.boot_times import LONGEST_VISIT, Boot, bound, lag_of, moment, place, time_by_anchor, us
from sync.register.events import TimedBy
from sync.register.schema import as_listed, boots, events, heads, insert_for, listed

_SLACK = timedelta(seconds=-2)  # two clocks read one after the other
AHEAD = timedelta(minutes=5)
"""Acceptance E3: two machines that both know the time differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Anchor:
    """What a boot's clock is worth, by the entry at (epoch, seq); `highest` is the last seq of that epoch there is."""

    offset_us: int
    boottime_ns: int
    epoch: str
    seq: int
    highest: int


def retime_in(connection: sa.Connection, stored: Sequence[Arrival]) -> None:
    """Have every punch of `stored`, and those around them, counted at the time they happened as well as it is known.

    `stored` are the entries this transaction has stored. Where all clocks were vouched for, the boots known and the
    entries the newest of their kiosks, this is one query.
    """
    groups: dict[Boot, list[Arrival]] = {}
    for each in stored:
        groups.setdefault((each.entry.terminal, each.entry.boot_id), []).append(each)
    if not groups:
        return
    anchors = _anchors(connection, groups)
    unsettled = _beside(connection, groups, anchors)
    fresh = _note_anchors(connection, groups, anchors)
    untimed = [each for each in stored if each.entry.clock in UNTIMED and seen_at(each.entry) is not None]
    _time_new(connection, untimed, anchors)
    _mark_set_in_mid_visit(connection, stored)
    for boot in sorted(fresh):
        unsettled |= time_by_anchor(connection, boot, anchors[boot].offset_us)
    growing = {(each.entry.terminal, each.entry.boot_id) for each in untimed} - anchors.keys()
    bound(connection, growing=growing, unsettled=unsettled - anchors.keys())


def clock_suspects(stored: Iterable[Arrival]) -> dict[str, timedelta]:
    """Return the terminals that say their clock is right and are ahead of the centre's, and by how much.

    One that is behind cannot be told from punches that waited on their card for a network. *Pure.*
    """
    ahead = [each for each in stored if each.entry.recorded_at - each.received_at > AHEAD]
    return {
        each.entry.terminal: each.entry.recorded_at - each.received_at
        for each in ahead
        if each.entry.clock not in UNTIMED
    }


def _anchors(connection: sa.Connection, wanted: Iterable[Boot]) -> dict[Boot, _Anchor]:
    rows = connection.execute(_anchors_listed(connection.dialect.name), as_listed(wanted))
    return {
        (terminal, boot_id): _Anchor(
            offset_us=offset_us, boottime_ns=boottime_ns, epoch=epoch, seq=seq, highest=highest
        )
        for terminal, boot_id, offset_us, epoch, seq, boottime_ns, highest in rows
    }


@cache
def _anchors_listed(dialect: str) -> sa.Select[Any]:
    here = listed(dialect, (boots.c.terminal, boots.c.boot_id))
    return (
        sa.select(boots, events.c.boottime_ns, heads.c.highest)
        .join(here, sa.and_(boots.c.terminal == here.c.terminal, boots.c.boot_id == here.c.boot_id))
        .join(events, place(boots.c.terminal, boots.c.epoch, boots.c.seq))
        .join(heads, sa.and_(heads.c.terminal == boots.c.terminal, heads.c.epoch == boots.c.epoch))
    )


def _beside(
    connection: sa.Connection, groups: Mapping[Boot, Sequence[Arrival]], anchors: Mapping[Boot, _Anchor]
) -> set[Boot]:
    """Return the boots with bounds that have an entry right beside one of these: they may be bounded closer now."""
    wanted: set[tuple[str, str, int]] = set()
    for boot, group in groups.items():
        places = {(each.entry.epoch, each.entry.seq) for each in group}
        anchor = anchors.get(boot)
        for epoch in {epoch for epoch, _ in places}:
            seqs = [seq for of, seq in places if of == epoch]
            known = anchor is not None and anchor.epoch == epoch
            # Between an anchor and a later entry of its boot there is no other boot, and above the highest nothing.
            if not (known and anchor is not None and anchor.seq <= min(seqs)):
                wanted |= {(boot[0], epoch, seq - 1) for seq in seqs if (epoch, seq - 1) not in places}
            if not (known and anchor is not None and anchor.highest <= max(seqs)):
                wanted |= {(boot[0], epoch, seq + 1) for seq in seqs if (epoch, seq + 1) not in places}
    if not wanted:
        return set()
    rows = connection.execute(_bounded_listed(connection.dialect.name), as_listed(wanted))
    return {(row.terminal, row.boot_id) for row in rows}


@cache
def _bounded_listed(dialect: str) -> sa.Select[Any]:
    here = listed(dialect, (events.c.terminal, events.c.epoch, events.c.seq))
    return (
        sa.select(events.c.terminal, events.c.boot_id)
        .join(here, place(here.c.terminal, here.c.epoch, here.c.seq))
        .where(events.c.timed_by == TimedBy.BOUNDS.value)
    )


def _note_anchors(
    connection: sa.Connection, groups: Mapping[Boot, Sequence[Arrival]], anchors: dict[Boot, _Anchor]
) -> set[Boot]:
    """Have the earliest vouched entry of each boot as its anchor; return the boots whose anchor is another now."""
    rows, fresh = [], set()
    for boot, group in groups.items():
        vouched = [each.entry for each in group if each.entry.clock not in UNTIMED]
        first = min(vouched, key=lambda entry: entry.boottime_ns, default=None)
        if first is None or (boot in anchors and anchors[boot].boottime_ns <= first.boottime_ns):
            continue
        anchors[boot] = _Anchor(
            offset_us=us(first.recorded_at) - first.boottime_ns // 1000,
            boottime_ns=first.boottime_ns,
            epoch=first.epoch,
            seq=first.seq,
            highest=first.seq,
        )
        fresh.add(boot)
        rows.append(
            {"terminal": boot[0], "boot_id": boot[1], "offset_us": anchors[boot].offset_us,
             "epoch": first.epoch, "seq": first.seq}
        )  # fmt: skip
    if rows:
        statement = insert_for(connection, boots)
        changing = {name: statement.excluded[name] for name in ("offset_us", "epoch", "seq")}
        connection.execute(statement.on_conflict_do_update(index_elements=["terminal", "boot_id"], set_=changing), rows)
    return fresh


def _time_new(connection: sa.Connection, untimed: Sequence[Arrival], anchors: Mapping[Boot, _Anchor]) -> None:
    """Have these found by their boot from now on, and counted by its anchor where it has one."""
    rows = []
    for each in untimed:
        entry = each.entry
        seen = seen_at(entry)
        if seen is None:
            continue
        anchor = anchors.get((entry.terminal, entry.boot_id))
        if anchor is None:
            rows.append((entry, us(seen), TimedBy.BOUNDS))
        else:
            lag_us = lag_of(us(entry.recorded_at), us(seen))
            rows.append((entry, anchor.offset_us + entry.boottime_ns // 1000 - lag_us, TimedBy.BOOT))
    _update_places(connection, rows)


def _mark_set_in_mid_visit(connection: sa.Connection, stored: Sequence[Arrival]) -> None:
    """Where the clock came right between the first look at a face and its recording, the recording is what counts."""
    strange = []
    for each in stored:
        entry = each.entry
        seen = seen_at(entry)
        if seen is None or _SLACK <= entry.recorded_at - seen <= LONGEST_VISIT:
            continue
        if entry.clock not in UNTIMED and moved_from(entry) is None:
            strange.append((entry, us(entry.recorded_at), TimedBy.BOOT))
    _update_places(connection, strange)


def _update_places(connection: sa.Connection, rows: Iterable[tuple[Entry, int, TimedBy]]) -> None:
    values = [
        {"in_terminal": entry.terminal, "in_epoch": entry.epoch, "in_seq": entry.seq,
         "counted": moment(counted_us), "by": timed_by.value}
        for entry, counted_us, timed_by in rows
    ]  # fmt: skip
    if values:
        where = place(sa.bindparam("in_terminal"), sa.bindparam("in_epoch"), sa.bindparam("in_seq"))
        counted = sa.bindparam("counted", type_=events.c.counted_at.type)
        connection.execute(
            sa.update(events).where(where).values(counted_at=counted, timed_by=sa.bindparam("by")), values
        )
