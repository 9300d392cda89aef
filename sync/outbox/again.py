"""Rows that have to be recorded once more in the present epoch, and the entry in each.

The centre has other bytes under their place (the card is a copy, or was put back), or they were written before punches
were signed. Works inside a transaction of the caller.
"""

import secrets
import sqlite3
from collections.abc import Callable
from typing import assert_never

import msgspec

from sync import chain, receipts
from sync.keys import Signer
from sync.messages import (
    AttackNote,
    AttendanceEvent,
    ClockNote,
    ClockQuality,
    Correction,
    DeskNote,
    EnrolmentNote,
    Hex32,
    Instant,
    MessageRefused,
    Natural,
    Punch,
    Receipt,
)
from sync.outbox import corrections
from sync.outbox.appending import append, place_of_next
from sync.outbox.card import OutboxFailed
from sync.outbox.epochs import Epoch

Movable = AttendanceEvent | Correction | DeskNote | EnrolmentNote | AttackNote


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


def said_in(payload: bytes, *, office: str, terminal: str) -> Movable | None:
    """Return the entry that the row holds, None for a note of the clock, which is worth nothing elsewhere.

    One from before punches were signed is given what it lacks. Raises MessageRefused for a damaged row.
    """
    if b"\n" in payload:
        signed, _ = chain.read_entry(payload)
        return None if isinstance(signed, ClockNote) else signed
    try:
        unsigned = _unsigned.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageRefused(f"a row on the card is damaged: {type(error).__name__}") from None
    return AttendanceEvent(
        terminal=terminal,
        epoch=unsigned.epoch,
        seq=unsigned.seq,
        office=office,
        prev_hash=chain.GENESIS,
        clock=unsigned.clock,
        recorded_at=unsigned.recorded_at or unsigned.punch.occurred_at,
        boot_id=unsigned.boot_id,
        boottime_ns=unsigned.boottime_ns,
        punch=unsigned.punch,
        receipt=unsigned.receipt or receipts.from_number(secrets.randbits(receipts.BITS)),
        repeat_of=unsigned.repeat_of,
    )


def record(
    connection: sqlite3.Connection,
    number: int,
    seq: int,
    *,
    present: Callable[[], Epoch],
    signer: Signer,
    at_us: int,
) -> None:
    """Have the entry of that row recorded in the epoch that `present` gives, and the row never sent again.

    A correction goes on naming its punch, wherever that lies. Raises OutboxFailed for a damaged row.
    """
    payload = take_out(connection, number, seq, at_us=at_us)
    epoch = present()
    try:
        said = said_in(payload, office=epoch.office, terminal=epoch.terminal)
    except MessageRefused as error:
        raise OutboxFailed(str(error)) from error
    if said is None:
        return
    changed = place_of_next(
        epoch,
        clock=said.clock,
        boot_id=said.boot_id,
        boottime_ns=said.boottime_ns,
        recorded_at=said.recorded_at,
    )
    changed["moved_from"] = said.epoch, said.seq
    match said:
        case AttendanceEvent():
            name_receipt(connection, number, seq, said.receipt)
            if said.repeat_of is not None:
                changed["repeat_of"] = moved_to(connection, epoch.number, receipt_of=(number, said.repeat_of))
        case Correction():
            punch = corrections.named(connection, employee=said.employee, receipt=said.receipt)
            if punch is None:
                changed["of_epoch"] = said.of_epoch or said.epoch
            else:
                changed["of"], changed["of_epoch"] = punch.as_seen_from(epoch.epoch)
        case DeskNote() | EnrolmentNote() | AttackNote():
            pass
        case _:
            assert_never(said)
    append(connection, epoch, msgspec.structs.replace(said, **changed), signer)
    if isinstance(said, AttendanceEvent):
        corrections.carry_over(connection, (number, seq), (epoch.number, epoch.last_seq + 1))


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
