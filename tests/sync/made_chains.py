"""Chains as kiosks make them, by the thousand: on cards through the real outbox, in registers as the collector writes.

What is written here straight into SQLite is shown in verify/test_whole.py to be what the real ways write.
"""

import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from sync import chain, receipts
from sync.keys import Signer
from sync.messages import (
    AttackNote,
    AttendanceEvent,
    Change,
    ClockNote,
    ClockQuality,
    Correction,
    DeskNote,
    Direction,
    DirectionBy,
    Entry,
    Method,
    PadVerdict,
    Punch,
    encode,
)
from sync.outbox import Outbox
from sync.register import Register, devices
from sync.register.rows import row_of
from tests.sync.samples import BOOT, SEVEN, SIGNER, open_card, punch

_RECEIVED = "2026-03-02 09:00:00.000000"
_GIVEN = "FROM events AS given WHERE given.receipt = events.receipt AND given.method IS NULL"
_CORRECTED = (
    f"UPDATE events SET voided = EXISTS (SELECT 1 {_GIVEN} AND given.direction IS NULL), "  # noqa: S608 - our own
    f"direction_now = (SELECT direction {_GIVEN} AND given.direction IS NOT NULL ORDER BY seq DESC LIMIT 1), "
    f"corrected_at = (SELECT recorded_at {_GIVEN} ORDER BY seq DESC LIMIT 1) "
    f"WHERE terminal = ? AND epoch = ? AND method IS NOT NULL AND EXISTS (SELECT 1 {_GIVEN})"
)


def made(
    terminal: str, epoch: str, count: int, signer: Signer = SIGNER, seed: int = 1
) -> Iterator[tuple[Entry, bytes]]:
    """Yield `count` entries of one chain with their signed bytes: of five kinds, with repeats and jumps."""
    rng = random.Random(f"{seed} {terminal} {epoch}")
    before, at = chain.GENESIS, SEVEN
    last: AttendanceEvent | None = None
    for seq in range(1, count + 1):
        at += timedelta(microseconds=rng.randrange(1, 60_000_000))
        common = {
            "terminal": terminal,
            "epoch": epoch,
            "seq": seq,
            "office": "demo",
            "prev_hash": before,
            "recorded_at": at,
            "boot_id": BOOT,
            "boottime_ns": (at - SEVEN) // timedelta(microseconds=1) * 1000,
            "clock_jump_ms": rng.randrange(-9_000_000, 9_000_000) if rng.random() < 0.01 else None,
        }
        entry: Entry
        kind = rng.random()
        if kind < 0.01:
            entry = ClockNote(clock=ClockQuality.SYNCED, **common)  # type: ignore[arg-type]
        elif kind < 0.02:
            entry = AttackNote(
                clock=ClockQuality.SYNCED,
                id=f"{seq:032x}",
                employee="1001" if seq % 2 else None,
                verdict=PadVerdict.ATTACK if seq % 3 else PadVerdict.UNDECIDED,
                cues=("relief",),
                made_at=at,
                **common,  # type: ignore[arg-type]
            )
        elif kind < 0.04:
            entry = DeskNote(
                clock=ClockQuality.SYNCED,
                employee="1001",
                action="opened",
                made_at=at,
                **common,  # type: ignore[arg-type]
            )
        elif kind < 0.1 and last is not None:
            direction = rng.choice([None, *Direction])
            entry = Correction(
                clock=ClockQuality.SYNCED,
                of=last.seq,
                employee=last.punch.employee,
                receipt=last.receipt,
                change=Change.DIRECTION if direction else Change.NOT_ME,
                direction=direction,
                made_at=at,
                **common,  # type: ignore[arg-type]
            )
        else:
            by_face = rng.random() < 0.9
            entry = last = AttendanceEvent(
                clock=rng.choice(list(ClockQuality)),
                punch=Punch(
                    employee=str(rng.randrange(100_000, 999_999)),
                    method=Method.FACE if by_face else Method.PIN,
                    direction=rng.choice(list(Direction)),
                    direction_by=DirectionBy.SCHEDULE,
                    occurred_at=at - timedelta(microseconds=rng.randrange(300_000)),
                    first_seen_at=at - timedelta(seconds=1),
                    gallery_version=3,
                    engine_id="opencv" if by_face else None,
                    score=0.71 if by_face else None,
                ),
                receipt=receipts.from_number(rng.getrandbits(50)),
                repeat_of=seq - 1 if seq > 1 and rng.random() < 0.05 else None,
                **common,  # type: ignore[arg-type]
            )
        payload = chain.seal(encode(entry), signer.sign)
        before = chain.digest(payload).hex()
        yield entry, payload


def new_register(path: Path, terminals: tuple[str, ...], signer: Signer = SIGNER) -> None:
    """Have an empty register at `path` that knows the key of these kiosks."""
    with Register.open(f"sqlite:///{path}") as register:
        for terminal in terminals:
            devices.admit(register, terminal=terminal, office="demo", public_key=signer.public, at=SEVEN)


def fill(path: Path, terminal: str, epoch: str, count: int, signer: Signer = SIGNER) -> None:
    """Have a whole chain of `count` entries in the register at `path`."""
    names: tuple[str, ...] = ()
    rows: list[tuple[object, ...]] = []
    head = ""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=120)) as connection:
        connection.execute("PRAGMA synchronous = OFF")

        def insert() -> None:
            marks = ", ".join("?" * len(names))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT INTO events ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our own names
                rows,
            )
            connection.execute("COMMIT")
            rows.clear()

        for entry, payload in made(terminal, epoch, count, signer):
            digest = chain.digest(payload)
            row = {
                **row_of(entry),
                "payload": payload,
                "payload_sha256": digest,
                "received_at": _RECEIVED,
                "timed_by": "clock",
            }
            row["counted_at"] = row["first_seen_at"]
            names, head = tuple(row), digest.hex()
            rows.append(tuple(_text(value) if isinstance(value, datetime) else value for value in row.values()))
            if len(rows) == 10_000:
                insert()
        insert()
        connection.execute(_CORRECTED, (terminal, epoch))
        connection.execute(
            "INSERT INTO heads (terminal, epoch, office, upto, upto_hash, highest, forked, changed_at) "
            "VALUES (?, ?, 'demo', ?, ?, ?, 0, ?)",
            (terminal, epoch, count, head, count, _RECEIVED),
        )


def large_register(path: Path, chains: int, entries: int) -> None:
    """Have a register at `path` with so many chains of so many entries, made on all cores."""
    new_register(path, tuple(f"lobby-{number}" for number in range(chains)))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for filled in [
            pool.submit(fill, path, f"lobby-{number}", f"{number:032x}", entries) for number in range(chains)
        ]:
            filled.result()


def card(folder: Path, count: int, *, terminal: str = "lobby-1", signer: Signer = SIGNER) -> str:
    """Have a card in `folder` with `count` punches recorded on it, and return the name of their epoch."""
    with closing(open_card(folder)) as connection:
        outbox = Outbox(connection, office="demo", terminal=terminal, signer=signer)
        for number in range(count):
            at = SEVEN + timedelta(seconds=90 * number)
            outbox.record(
                punch(str(1000 + number), at=at),
                clock=ClockQuality.SYNCED,
                boot_id=BOOT,
                boottime_ns=90_000_000_000 * number,
                recorded_at=at + timedelta(seconds=1),
                repeat_of=number if number and number % 7 == 0 else None,
            )
        return outbox.epoch


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
