"""The lives of a card's database: which one is being written, when a new one begins, and what moves into it.

Every function works inside a transaction of the caller.
"""

import itertools
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync import chain
from sync.chain import GENESIS
from sync.keys import Signer
from sync.outbox.card import OutboxFailed

_FORGET_ROWS = 500
_BIRTH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One life of the database: `number` is its place on this card, `epoch` its name everywhere else.

    `offset_us` is wall clock minus boot clock at the last entry, made in `boot_id`; `untimed_boot` the boot in which
    entries were made whose time nobody vouched for.
    """

    number: int
    epoch: str
    office: str
    terminal: str
    last_seq: int
    head_hash: str
    key_id: str | None
    closed: bool
    boot_id: str | None
    offset_us: int | None
    untimed_boot: str | None


_COLUMNS = "number, epoch, office, terminal, last_seq, head_hash, key_id, closed, boot_id, offset_us, untimed_boot"


def newest(connection: sqlite3.Connection) -> Epoch | None:
    """Return the epoch begun last, None on a card that has none yet."""
    return _epoch(
        connection.execute(f"SELECT {_COLUMNS} FROM outbox_epochs ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608
    )


def named(connection: sqlite3.Connection, epoch: str) -> Epoch | None:
    """Return the epoch of that name, None where this card never had it."""
    return _epoch(
        connection.execute(f"SELECT {_COLUMNS} FROM outbox_epochs WHERE epoch = ?", (epoch,)).fetchone()  # noqa: S608
    )


def begin(connection: sqlite3.Connection, *, office: str, terminal: str, signer: Signer, at: datetime) -> Epoch:
    """Return a new epoch, in which everything from now on is recorded."""
    name = secrets.token_hex(16)
    connection.execute("UPDATE outbox_epochs SET closed = 1 WHERE closed = 0")
    connection.execute(
        "INSERT INTO outbox_epochs (epoch, office, terminal, born_us, key_id) VALUES (?, ?, ?, ?, ?)",
        (name, office, terminal, microseconds(at), signer.key_id),
    )
    begun = named(connection, name)
    assert begun is not None  # noqa: S101 - inserted a line above
    return begun


def earlier(connection: sqlite3.Connection, *, before: int, most: int) -> tuple[tuple[str, int, int], ...]:
    """Return (epoch, oldest_seq, acknowledged_to) of the last epochs before number `before`, the newest first.

    Only of those with acknowledged rows: up to acknowledged_to none waits, and that one was not moved.
    """
    found = []
    for number, epoch in connection.execute(
        "SELECT number, epoch FROM outbox_epochs WHERE number < ? ORDER BY number DESC", (before,)
    ).fetchall():
        (waiting,) = connection.execute(
            "SELECT min(seq) FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL", (number,)
        ).fetchone()
        last = connection.execute(
            "SELECT seq FROM outbox WHERE epoch = ? AND NOT moved AND seq < ? ORDER BY seq DESC LIMIT 1",
            (number, waiting or 2**63 - 1),
        ).fetchone()
        if last is not None:
            (oldest,) = connection.execute("SELECT min(seq) FROM outbox WHERE epoch = ?", (number,)).fetchone()
            found.append((epoch, oldest, last[0]))
        if len(found) == most:
            break
    return tuple(found)


def refuse_others(connection: sqlite3.Connection, *, office: str, terminal: str) -> None:
    """Return when the card holds nothing of another terminal that the centre lacks. Raises OutboxFailed."""
    rows = connection.execute(
        "SELECT terminal, office, count(*) FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
        "WHERE acknowledged_us IS NULL AND (terminal, office) <> (?, ?) GROUP BY terminal, office",
        (terminal, office),
    ).fetchall()
    for other, at, left in rows:
        raise OutboxFailed(
            f"the card still holds {left} punches of terminal {other} of office {at} that the centre "
            "lacks; set terminal.id and office.id back until they are sent"
        )


def forget_some(connection: sqlite3.Connection, number: int, before_us: int) -> int:
    """Delete some rows from the beginning of an epoch that were acknowledged before then; return how many."""
    rows = connection.execute(
        "SELECT seq, payload, acknowledged_us FROM outbox WHERE epoch = ? ORDER BY seq LIMIT ?",
        (number, _FORGET_ROWS),
    ).fetchall()
    old = list(itertools.takewhile(lambda row: row[2] is not None and row[2] < before_us, rows))
    if old:
        last, payload, _ = old[-1]
        connection.execute("DELETE FROM outbox WHERE epoch = ? AND seq <= ?", (number, last))
        connection.execute(
            "UPDATE outbox_epochs SET forgotten_to = ?, forgotten_hash = ? WHERE number = ?",
            (last, chain.digest(payload).hex(), number),
        )
    return len(old)


def microseconds(moment: datetime) -> int:
    """Return `moment` in microseconds since 1970, exactly."""
    return (moment - _BIRTH) // timedelta(microseconds=1)


def _epoch(row: tuple[object, ...] | None) -> Epoch | None:
    if row is None:
        return None
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["head_hash"] = values["head_hash"] or GENESIS
    values["closed"] = bool(values["closed"])
    return Epoch(**values)  # type: ignore[arg-type]
