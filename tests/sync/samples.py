"""Made values for the tests of delivery: a card, punches, events, statuses."""

import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.messages import (
    AttendanceEvent,
    ClockQuality,
    Direction,
    DirectionBy,
    Method,
    Presence,
    Punch,
    TerminalStatus,
    encode,
)
from sync.offers import Released
from sync.outbox import MIGRATIONS
from sync.register.arrivals import Arrival

SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
BOOT = "ab" * 16
EPOCH = "e" * 32


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


def event(
    seq: int, *, employee: str = "1987", terminal: str = "lobby-1", office: str = "demo", at: datetime = SEVEN
) -> AttendanceEvent:
    return AttendanceEvent(
        terminal=terminal,
        epoch=EPOCH,
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
        clock=ClockQuality.SYNCED,
        boot_id="b" * 32,
        boottime_ns=seq,
    )


def arrival(seq: int, **more: object) -> Arrival:
    value = event(seq, **more)  # type: ignore[arg-type]
    return Arrival(event=value, payload=encode(value), received_at=SEVEN + timedelta(seconds=9))


def status(presence: Presence = Presence.ONLINE, at: datetime = SEVEN, **more: object) -> TerminalStatus:
    return TerminalStatus(office="demo", terminal="lobby-1", presence=presence, at=at, **more)  # type: ignore[arg-type]
