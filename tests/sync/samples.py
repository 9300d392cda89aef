"""Made values for the tests of delivery: a card, punches, events, statuses."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sync import chain, keys, receipts
from sync.messages import (
    Ack,
    AttendanceEvent,
    ClockNote,
    ClockQuality,
    Direction,
    DirectionBy,
    Method,
    Presence,
    Punch,
    TerminalStatus,
    decode,
    encode,
)
from sync.offers import Released
from sync.outbox import MIGRATIONS, Outbox
from sync.register.arrivals import Arrival
from sync.register.arrivals import arrival as arrived

SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
BOOT = "ab" * 16
EPOCH = "e" * 32
SIGNER = keys.signer(keys.PrivateKey.from_private_bytes(hashlib.sha256(b"kiosk").digest()))
COLLECTOR = keys.signer(keys.PrivateKey.from_private_bytes(hashlib.sha256(b"collector").digest()))


def open_card(folder: Path) -> sqlite3.Connection:
    """Return a connection as terminal/store.py opens it: WAL, FULL, the outbox's tables there."""
    connection = sqlite3.connect(folder / "card.sqlite", isolation_level=None, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").fetchone():
        for _, script in MIGRATIONS:
            connection.executescript(script)
    return connection


def released(sets: Mapping[str, bytes]) -> Released:
    """Return how a collector finds these sets, by office, as they are when it looks."""

    def current(office: str) -> tuple[str, bytes] | None:
        return (hashlib.sha256(sets[office]).hexdigest(), sets[office]) if office in sets else None

    return Released(
        digests=lambda: {office: hashlib.sha256(blob).hexdigest() for office, blob in sets.items()}, current=current
    )


def punch(employee: str = "1987", *, at: datetime = SEVEN, score: float | None = 0.7) -> Punch:
    return Punch(
        employee=employee,
        method=Method.FACE,
        direction=Direction.IN,
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=at,
        first_seen_at=at - timedelta(seconds=1),
        gallery_version=3,
        engine_id="test",
        score=score,
        margin=0.2,
    )


_made: dict[tuple[str, str, int], bytes] = {}


def begin_chains_anew() -> None:
    """Have no entry known: what a test made must not be what the next one's follow."""
    _made.clear()


def event(
    seq: int,
    *,
    employee: str = "1987",
    terminal: str = "lobby-1",
    office: str = "demo",
    at: datetime = SEVEN,
    epoch: str = EPOCH,
    **more: Any,
) -> AttendanceEvent:
    """Return an entry that follows the one of that terminal with the seq before, as it was made last or by default."""
    before = _made.get((terminal, epoch, seq - 1))
    if before is None and 1 < seq <= 2000:
        for each in range(1, seq):
            if (terminal, epoch, each) not in _made:
                payload_of(event(each, terminal=terminal, office=office, epoch=epoch))
        before = _made[terminal, epoch, seq - 1]
    values: dict[str, Any] = {
        "prev_hash": chain.digest(before).hex() if before else chain.GENESIS,
        "clock": ClockQuality.SYNCED,
        "recorded_at": at + timedelta(seconds=2),
        "boot_id": "b" * 32,
        "boottime_ns": seq,
        "receipt": receipts.from_number(int.from_bytes(hashlib.sha256(f"{terminal} {epoch} {seq}".encode()).digest())),
    }
    return AttendanceEvent(
        terminal=terminal,
        epoch=epoch,
        seq=seq,
        office=office,
        punch=Punch(
            employee=employee,
            method=Method.FACE,
            direction=Direction.IN,
            direction_by=DirectionBy.SCHEDULE,
            occurred_at=at + timedelta(seconds=2),
            first_seen_at=at,
            gallery_version=1,
        ),
        **(values | more),
    )


def payload_of(entry: AttendanceEvent | ClockNote, signer: keys.Signer | None = None) -> bytes:
    """Return the bytes the terminal sends for `entry`."""
    payload = chain.seal(encode(entry), (signer or SIGNER).sign)
    _made[entry.terminal, entry.epoch, entry.seq] = payload
    return payload


def arrival(seq: int, **more: Any) -> Arrival:
    return arrived(payload_of(event(seq, **more)), SEVEN + timedelta(seconds=9))


def ack(outbox: Outbox, upto: int = 0, extra: Sequence[int] = (), **more: Any) -> Ack:
    """Return what a collector says that has those rows of the card."""

    def digits(seq: int) -> str:
        rows = outbox._connection.execute(
            "SELECT payload FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
            "WHERE outbox_epochs.epoch = ? AND seq = ?",
            (more.get("epoch", outbox.epoch), seq),
        ).fetchall()
        return chain.digest(rows[0][0]).hex() if rows else "0" * 64

    values: dict[str, Any] = {
        "office": "demo",
        "terminal": "lobby-1",
        "epoch": outbox.epoch,
        "upto": upto,
        "upto_hash": digits(upto) if upto else "",
        "extra": tuple((seq, digits(seq)[:16]) for seq in extra),
    }
    return Ack(**(values | more))


def signed_ack(value: Ack) -> bytes:
    """Return the acknowledgement as the samples' collector signs it."""
    return chain.seal(encode(value), COLLECTOR.sign)


def ack_door(payload: bytes) -> Ack:
    """Return the acknowledgement in `payload`, which the samples' collector has signed. Raises MessageRefused."""
    return decode(Ack, chain.opened(payload, keys.verifier([COLLECTOR.public])))


def status(presence: Presence = Presence.ONLINE, at: datetime = SEVEN, **more: object) -> TerminalStatus:
    return TerminalStatus(office="demo", terminal="lobby-1", presence=presence, at=at, **more)  # type: ignore[arg-type]
