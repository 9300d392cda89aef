"""What a damaged card still holds is brought to the fresh one: the punches the centre lacks, byte for byte.

They stay under their old epochs, which are closed: nothing more is recorded in those, and their chains may have holes.
First the damaged file is asked as a database, then read as plain bytes: an entry is signed, so that one found between
torn pages is either whole or none. What is known to be with the centre is left; what is not known is sent once more.
"""

import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync import chain
from sync.messages import AttendanceEvent, Correction, Entry, MessageRefused
from sync.outbox import corrections
from sync.outbox.epochs import microseconds

_ENTRY = re.compile(rb'\{"type":"(?:event|clock|correction|desk|enrolment|attack)"[^\n]{20,16384}\n[A-Za-z0-9+/]{86}==')
_FILES = ("", "-wal")

# Of what a torn schema says even the names of columns may be no text.
_UNREADABLE = (sqlite3.Error, ValueError, LookupError, OverflowError)

_log = logging.getLogger("hadir.sync.outbox")

Key = tuple[str, int]
"""(epoch, seq)."""


@dataclass(slots=True)
class _Found:
    """What was read of a damaged file so far."""

    waiting: dict[Key, bytes] = field(default_factory=dict)
    epochs: dict[str, dict[str, Any]] = field(default_factory=dict)


def salvage(connection: sqlite3.Connection, damaged: Path, *, verify: chain.Verify | None = None) -> int | None:
    """Have every punch of the file `damaged` that the centre may lack waiting on the fresh card; return how many.

    With `verify`, only what it takes: what the centre would refuse for ever is not sent. Raises nothing: a kiosk starts
    whatever its old card was, and the file stays where it is. All of them come, or none, and then it returns None.
    """
    try:
        found = _read(damaged, verify or (lambda _signature, _body: True))
        connection.execute("BEGIN IMMEDIATE")
        try:
            epochs = list(_by_epoch(found.waiting))
            for epoch, rows in epochs:
                _put(connection, epoch, rows, found.epochs.get(epoch, {}))
            for _, rows in epochs:
                for entry, _ in rows:
                    if isinstance(entry, Correction):
                        corrections.apply(connection, entry)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except (*_UNREADABLE, OSError, MemoryError) as error:
        _log.error("nothing could be saved from %s: %s", damaged, error)
        return None
    _log.error("%d punches were saved from %s", len(found.waiting), damaged)
    return len(found.waiting)


def _read(damaged: Path, verify: chain.Verify) -> _Found:
    found = _Found()
    known: frozenset[Key] = frozenset()
    with suppress(*_UNREADABLE), closing(_open(damaged)) as old:
        found.epochs = {row["epoch"]: row for row in _rows(old, "SELECT * FROM outbox_epochs")}
        for row in _rows(old, "SELECT payload FROM outbox WHERE acknowledged_us IS NULL ORDER BY epoch, seq"):
            _take(found, row["payload"], verify)
        known = _acknowledged(old)
    others: dict[Key, list[bytes]] = {}
    for ending in _FILES:
        with suppress(FileNotFoundError):
            for payload in _ENTRY.findall(damaged.with_name(damaged.name + ending).read_bytes()):
                key = _key(payload)
                if key is not None and key not in found.waiting and key not in known:
                    others.setdefault(key, []).append(payload)
    named = {_entry(payload).prev_hash for candidates in others.values() for payload in candidates}
    for candidates in others.values():
        # A punch that was never committed may lie there beside the one that got its place: the next one names that.
        candidates.sort(key=lambda payload: chain.digest(payload).hex() in named)
        for payload in reversed(candidates):
            if _take(found, payload, verify):
                break
    return found


def _open(damaged: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing in the file."""
    connection = sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _rows(connection: sqlite3.Connection, sql: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that can be read, up to the first that cannot."""
    with suppress(*_UNREADABLE):
        for row in connection.execute(sql):
            yield dict(row)


def _acknowledged(old: sqlite3.Connection) -> frozenset[Key]:
    """Return which rows the centre is known to have, read from both ends up to what cannot be."""
    wanted = (
        "SELECT outbox_epochs.epoch, seq FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
        "WHERE acknowledged_us IS NOT NULL ORDER BY outbox.epoch, seq"
    )
    forwards = _rows(old, wanted)
    backwards = _rows(old, wanted + " DESC")
    return frozenset((row["epoch"], row["seq"]) for rows in (forwards, backwards) for row in rows)


def _take(found: _Found, payload: object, verify: chain.Verify) -> bool:
    """Have `payload` among what waits if it is a signed entry; return whether it is."""
    if not isinstance(payload, bytes):
        return False
    try:
        entry, sealed = chain.read_entry(payload)
    except MessageRefused:
        return False
    if not verify(sealed.signature, sealed.body):
        return False
    found.waiting.setdefault((entry.epoch, entry.seq), payload)
    return True


def _key(payload: bytes) -> Key | None:
    try:
        entry = _entry(payload)
    except MessageRefused:
        return None
    return entry.epoch, entry.seq


def _entry(payload: bytes) -> Entry:
    return chain.read_entry(payload)[0]


def _by_epoch(waiting: dict[Key, bytes]) -> Iterable[tuple[str, list[tuple[Entry, bytes]]]]:
    """Return each epoch with its entries by seq, in the order in which the epochs were begun as well as is known."""
    grouped: dict[str, list[tuple[Entry, bytes]]] = {}
    for (epoch, _), payload in sorted(waiting.items()):
        grouped.setdefault(epoch, []).append((_entry(payload), payload))
    return sorted(grouped.items(), key=lambda each: each[1][0][0].recorded_at)


def _put(connection: sqlite3.Connection, epoch: str, rows: list[tuple[Entry, bytes]], known: dict[str, Any]) -> None:
    last, last_payload = rows[-1]
    last_seq, head_hash = last.seq, chain.digest(last_payload).hex()
    said_seq, said_hash = known.get("last_seq"), known.get("head_hash")
    if isinstance(said_seq, int) and isinstance(said_hash, str) and said_seq >= last_seq:
        last_seq, head_hash = said_seq, said_hash
    key_id = known.get("key_id")
    connection.execute(
        "INSERT INTO outbox_epochs (epoch, office, terminal, born_us, key_id, closed, last_seq, head_hash) "
        "VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING",
        (
            epoch,
            last.office,
            last.terminal,
            microseconds(rows[0][0].recorded_at),
            key_id if isinstance(key_id, str) else None,
            last_seq,
            head_hash,
        ),
    )
    (number,) = connection.execute("SELECT number FROM outbox_epochs WHERE epoch = ?", (epoch,)).fetchone()
    for entry, payload in rows:
        event = entry if isinstance(entry, AttendanceEvent) else None
        connection.execute(
            "INSERT INTO outbox (epoch, seq, payload, employee, occurred_us, repeat_of, receipt) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                number,
                entry.seq,
                payload,
                event.punch.employee if event else "",
                microseconds(event.punch.occurred_at if event else entry.recorded_at),
                event.repeat_of if event else None,
                event.receipt if event else None,
            ),
        )
