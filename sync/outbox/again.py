"""Rows that have to be recorded once more in the present epoch, and the punch in each.

The centre has other bytes under their place (the card is a copy, or was put back), or they were written before punches
were signed. Works inside a transaction of the caller.
"""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sync import chain, receipts
from sync.messages import AttendanceEvent, ClockQuality, Hex32, Instant, MessageRefused, Natural, Punch, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a row said, but for its place. `first_seq` is the row of the same epoch that it repeats."""

    punch: Punch
    receipt: str
    clock: ClockQuality
    boot_id: str
    boottime_ns: int
    recorded_at: datetime
    was: tuple[str, int]
    first_seq: int | None


class _Unsigned(msgspec.Struct, frozen=True):
    """An event of the layout before events were signed."""

    epoch: Hex32
    seq: Natural
    punch: Punch
    clock: ClockQuality
    boot_id: Hex32
    boottime_ns: Natural
    recorded_at: Instant | None = None
    receipt: Receipt | None = None
    repeat_of: Natural | None = None


_unsigned = msgspec.json.Decoder(_Unsigned)


def punch_in(payload: bytes) -> Again | None:
    """Return what the row said, None for a note of the clock, which is worth nothing elsewhere.

    Raises MessageRefused for a damaged row.
    """
    entry: AttendanceEvent | _Unsigned
    if b"\n" in payload:
        signed, _ = chain.read_entry(payload)
        if not isinstance(signed, AttendanceEvent):
            return None
        entry = signed
    else:
        try:
            entry = _unsigned.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MessageRefused(f"a row on the card is damaged: {type(error).__name__}") from None
    return Again(
        punch=entry.punch,
        receipt=entry.receipt or receipts.from_number(secrets.randbits(receipts.BITS)),
        clock=entry.clock,
        boot_id=entry.boot_id,
        boottime_ns=entry.boottime_ns,
        recorded_at=entry.recorded_at or entry.punch.occurred_at,
        was=(entry.epoch, entry.seq),
        first_seq=entry.repeat_of,
    )


def take_out(connection: sqlite3.Connection, number: int, seq: int, *, at_us: int) -> bytes:
    """Return the row's bytes; it is kept and never sent again."""
    connection.execute(
        "UPDATE outbox SET moved = 1, acknowledged_us = ? WHERE epoch = ? AND seq = ?", (at_us, number, seq)
    )
    (payload,) = connection.execute("SELECT payload FROM outbox WHERE epoch = ? AND seq = ?", (number, seq)).fetchone()
    return bytes(payload)


def name_receipt(connection: sqlite3.Connection, number: int, seq: int, receipt: str) -> None:
    """Have the row under that receipt, by which a repeat of it finds where it went: unsigned ones had none."""
    connection.execute("UPDATE outbox SET receipt = ? WHERE epoch = ? AND seq = ?", (receipt, number, seq))


def moved_to(connection: sqlite3.Connection, number: int, *, receipt_of: tuple[int, int]) -> int | None:
    """Return under which seq of epoch `number` the punch lies that was recorded first at that (epoch number, seq)."""
    row = connection.execute(
        "SELECT seq FROM outbox WHERE epoch = ? AND receipt = (SELECT receipt FROM outbox WHERE epoch = ? AND seq = ?)",
        (number, *receipt_of),
    ).fetchone()
    return int(row[0]) if row else None


def unsigned_rows(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return where the rows lie, (epoch number, seq), that wait and were written before punches were signed."""
    return connection.execute(
        "SELECT outbox.epoch, seq FROM outbox JOIN outbox_epochs ON number = outbox.epoch WHERE key_id IS NULL "
        "AND acknowledged_us IS NULL AND instr(payload, X'0A') = 0 ORDER BY outbox.epoch, seq"
    ).fetchall()
