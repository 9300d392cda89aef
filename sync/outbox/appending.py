"""The next entry of the chain on the card: where it comes to lie, and its signed bytes in their row.

Works inside a transaction of the caller.
"""

import sqlite3
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from sync import chain
from sync.keys import Signer
from sync.messages import UNTIMED, AttendanceEvent, ClockQuality, Entry, MessageRefused, encode
from sync.outbox.card import OutboxFailed
from sync.outbox.epochs import Epoch, microseconds

_JUMP = timedelta(seconds=2)
"""Both clocks count the same ticks, so they part by steps only; acceptance E2 asks for steps of 3 s to be seen."""


class Clocks(TypedDict):
    """How the clock is known, and what both clocks showed at the instant of recording, in which boot."""

    clock: ClockQuality
    boot_id: str
    boottime_ns: int
    recorded_at: datetime


def place_of_next(epoch: Epoch, **clocks: Unpack[Clocks]) -> dict[str, Any]:
    """Return the fields of Chained for the next entry of `epoch`."""
    boot_id, boottime_ns, recorded_at = clocks["boot_id"], clocks["boottime_ns"], clocks["recorded_at"]
    jumped_us = 0
    if epoch.boot_id == boot_id and epoch.offset_us is not None:
        jumped_us = microseconds(recorded_at) - boottime_ns // 1000 - epoch.offset_us
    return {
        "terminal": epoch.terminal,
        "epoch": epoch.epoch,
        "seq": epoch.last_seq + 1,
        "office": epoch.office,
        "prev_hash": epoch.head_hash,
        "clock": clocks["clock"],
        "recorded_at": recorded_at,
        "boot_id": boot_id,
        "boottime_ns": boottime_ns,
        "clock_jump_ms": jumped_us // 1000 if abs(jumped_us) > _JUMP // timedelta(microseconds=1) else None,
    }


def append(connection: sqlite3.Connection, epoch: Epoch, entry: Entry, signer: Signer) -> None:
    """Have `entry` on the card, signed, and `epoch` end with it. Raises OutboxFailed for what nobody would take."""
    try:
        payload = chain.seal(encode(entry), signer.sign)
        # What the collector would refuse for ever must not be thanked for here.
        chain.read_entry(payload)
    except (MessageRefused, TypeError, ValueError, OverflowError) as error:
        raise OutboxFailed(f"this cannot be recorded: {error}") from error
    event = entry if isinstance(entry, AttendanceEvent) else None
    connection.execute(
        "INSERT INTO outbox (epoch, seq, payload, employee, occurred_us, repeat_of, receipt) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            epoch.number,
            entry.seq,
            payload,
            event.punch.employee if event else "",
            microseconds(event.punch.occurred_at if event else entry.recorded_at),
            event.repeat_of if event else None,
            event.receipt if event else None,
        ),
    )
    untimed = entry.boot_id if entry.clock in UNTIMED else None
    if untimed is None and epoch.untimed_boot != entry.boot_id:
        untimed = epoch.untimed_boot
    connection.execute(
        "UPDATE outbox_epochs SET last_seq = ?, head_hash = ?, boot_id = ?, offset_us = ?, untimed_boot = ? "
        "WHERE number = ?",
        (
            entry.seq,
            chain.digest(payload).hex(),
            entry.boot_id,
            microseconds(entry.recorded_at) - entry.boottime_ns // 1000,
            untimed,
            epoch.number,
        ),
    )
