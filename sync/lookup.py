"""What a receipt code leads to: the punch as the centre counts it, or as it lies on a kiosk's card."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from sync import chain, receipts
from sync.messages import AttendanceEvent, Direction, Entry, MessageRefused
from sync.register import Register
from sync.register.events import RegisteredEvent, TimedBy, find_receipt, payload_of
from sync.register.evidence import receipt_at
from sync.verify import EvidenceUnusable
from sync.verify_sources import CARD, looking_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Punched:
    """A punch for people to read: what it is, line by line, as (what, value)."""

    receipt: str
    lines: tuple[tuple[str, str], ...]


def in_register(register: Register, receipt: str, zone: tzinfo) -> list[Punched]:
    """Return the punches of that code: one, or none. Times are given in `zone`. Raises RegisterUnavailable."""
    return [
        Punched(receipt=receipts.shown(receipt), lines=_registered(register, event, zone))
        for event in find_receipt(register, receipt)
    ]


def on_card(folder: Path, receipt: str, zone: tzinfo) -> list[Punched]:
    """Return the punches of that code on the card in `folder`, which may be in use. Raises EvidenceUnusable."""
    path = folder / CARD if folder.is_dir() else folder
    if not path.exists():
        raise EvidenceUnusable(f"{path}: there is no card; name the folder that terminal.state names on the kiosk")
    try:
        with looking_at(path) as connection:
            rows = connection.execute(
                "SELECT payload, acknowledged_us FROM outbox WHERE receipt = ? AND NOT moved", (receipt,)
            ).fetchall()
            found = [(_entry(path, payload), acknowledged_us is not None) for payload, acknowledged_us in rows]
            return [
                Punched(receipt=receipts.shown(receipt), lines=_carded(connection, event, with_centre, zone))
                for event, with_centre in found
                if isinstance(event, AttendanceEvent)
            ]
    except sqlite3.Error as error:
        raise EvidenceUnusable(f"{path}: the card cannot be read ({error})") from error


def _registered(register: Register, event: RegisteredEvent, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    payload = payload_of(register, event.id)
    entry = _entry(Path("the register"), payload) if payload is not None else None
    moved = entry.moved_from if isinstance(entry, AttendanceEvent) else None
    repeated = receipt_at(register, event.terminal, event.epoch, event.repeat_of) if event.repeat_of else None
    return (
        *_who(event.office, event.terminal, event.employee, event.direction.value, event.method.value),
        *_corrected(event.voided, event.recorded_direction),
        ("counted at", _at(event.counted_at, zone)),
        ("timed by", _timed(event, zone)),
        ("received", _at(event.received_at, zone)),
        *_place(event.epoch, event.seq, event.repeat_of, repeated, moved),
    )


def _carded(
    connection: sqlite3.Connection, event: AttendanceEvent, with_centre: bool, zone: tzinfo
) -> tuple[tuple[str, str], ...]:
    punch = event.punch
    row = connection.execute(
        "SELECT receipt FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
        "WHERE outbox_epochs.epoch = ? AND seq = ?",
        (event.epoch, event.repeat_of),
    ).fetchone()
    return (
        *_who(event.office, event.terminal, punch.employee, punch.direction.value, punch.method.value),
        ("arrived at", _at(punch.first_seen_at, zone)),
        ("timed by", f"the kiosk's clock, {event.clock.value}"),
        ("received", "by the centre" if with_centre else "not yet by the centre; it waits on this card"),
        *_place(event.epoch, event.seq, event.repeat_of, row[0].decode() if row and row[0] else None, event.moved_from),
    )


def _who(office: str, terminal: str, employee: str, direction: str, method: str) -> tuple[tuple[str, str], ...]:
    return (
        ("office", office),
        ("terminal", terminal),
        ("employee", employee),
        ("direction", direction),
        ("method", method),
    )


def _corrected(voided: bool, recorded: Direction | None) -> tuple[tuple[str, str], ...]:
    """Return what was changed at the kiosk afterwards; `recorded` is the direction before, where it was another."""
    lines = [("voided", "by the person before the kiosk: it was somebody else; it counts as nobody's")] * voided
    if recorded is not None:
        lines.append(("corrected", f"at the kiosk; recorded was {recorded.value}"))
    return tuple(lines)


def _timed(event: RegisteredEvent, zone: tzinfo) -> str:
    own = f"the kiosk's clock, {event.clock.value}"
    if event.clock_jump_ms is not None:
        own += f", which had jumped {event.clock_jump_ms / 1000:+.1f} s"
    match event.timed_by:
        case TimedBy.CLOCK:
            return own
        case TimedBy.BOOT:
            return f"the same start's clock, once it was right; the kiosk's said {_at(event.first_seen_at, zone)}"
        case TimedBy.BOUNDS:
            earliest = _at(event.earliest_at, zone) if event.earliest_at else "unknown"
            latest = _at(event.latest_at, zone) if event.latest_at else "unknown"
            return f"estimate, not before {earliest}, not after {latest}"


def _place(
    epoch: str, seq: int, repeat_of: int | None, repeated: str | None, moved: tuple[str, int] | None
) -> tuple[tuple[str, str], ...]:
    lines = [("entry", f"{seq} of epoch {epoch}")]
    if repeat_of is not None:
        lines.append(("repeats", f"entry {repeat_of}" + (f", {receipts.shown(repeated)}" if repeated else "")))
    if moved is not None:
        lines.append(("moved", f"was entry {moved[1]} of epoch {moved[0]}, on a card that was copied or put back"))
    return tuple(lines)


def _at(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _entry(where: Path, payload: bytes) -> Entry:
    try:
        return chain.read_entry(payload)[0]
    except MessageRefused as error:
        raise EvidenceUnusable(f"{where}: the entry cannot be read ({error}); see ./hadir verify-chain") from error
