"""The queue of punches on the kiosk's card: a table, from which a row leaves only on the collector's word.

A punch is safe once `Outbox.record` has returned: the row is committed with WAL and synchronous=FULL, which loses
nothing when the power goes (NORMAL does). `seq` has no gaps within an epoch, and an epoch is one life of one
terminal's database, so the centre can see from the numbers alone what it is missing.

Each thread opens its own connection and its own Outbox on it.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from errors import HadirError
from sync.messages import Ack, AttendanceEvent, ClockQuality, MessageRefused, Punch, decode, encode

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "outbox_1_tables",
        """
        CREATE TABLE outbox_epochs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            epoch TEXT NOT NULL UNIQUE,
            office TEXT NOT NULL,
            terminal TEXT NOT NULL,
            last_seq INTEGER NOT NULL DEFAULT 0,
            born_us INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE outbox (
            epoch INTEGER NOT NULL REFERENCES outbox_epochs (number),
            seq INTEGER NOT NULL,
            payload BLOB NOT NULL,
            employee TEXT NOT NULL,
            occurred_us INTEGER NOT NULL,
            repeat_of INTEGER,
            acknowledged_us INTEGER,
            PRIMARY KEY (epoch, seq)
        ) STRICT;
        CREATE INDEX outbox_pending ON outbox (epoch, seq) WHERE acknowledged_us IS NULL;
        CREATE INDEX outbox_acknowledged ON outbox (acknowledged_us) WHERE acknowledged_us IS NOT NULL;
        CREATE INDEX outbox_of_employee ON outbox (employee, occurred_us);
        """,
    ),
)

_FULL, _EXTRA = 2, 3
_FORGET_ROWS = 500
_BIRTH = datetime(1970, 1, 1, tzinfo=UTC)


class OutboxFailed(HadirError):
    """The card did not take it: nothing was stored. The screen says "not recorded, try again"."""


class AckRefused(HadirError):
    """An acknowledgement is not for this life of this terminal, or for punches never made. Nothing was marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """A committed punch the collector has not acknowledged; `payload` is the exact bytes recorded."""

    seq: int
    payload: bytes


class Outbox:
    """The outbox of one terminal on one open connection to its card."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        office: str,
        terminal: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Have an epoch to record in, a new one if the database has none for this terminal.

        Raises OutboxFailed when the connection would lose rows in a power cut, or when the card still holds punches
        of another terminal or office that the centre lacks.
        """
        self._connection = connection
        self._office, self._terminal = office, terminal
        self._now = now
        _refuse_forgetful(connection)
        with self._transaction():
            self._number, self.epoch = self._epoch_row()

    def record(
        self, punch: Punch, *, clock: ClockQuality, boot_id: str, boottime_ns: int, repeat_of: int | None = None
    ) -> AttendanceEvent:
        """Return the event `punch` became, committed to the card in the next place of the sequence.

        Raises OutboxFailed, and then nothing is stored and the place is still free.
        """
        with self._transaction():
            seq = self._last_seq() + 1
            event = AttendanceEvent(
                terminal=self._terminal,
                epoch=self.epoch,
                seq=seq,
                office=self._office,
                punch=punch,
                clock=clock,
                boot_id=boot_id,
                boottime_ns=boottime_ns,
                repeat_of=repeat_of,
            )
            try:
                payload = encode(event)
                # What the collector would refuse for ever must not be thanked for here.
                event = decode(AttendanceEvent, payload)
            except (MessageRefused, TypeError, ValueError, OverflowError) as error:
                raise OutboxFailed(f"this punch cannot be recorded: {error}") from error
            self._connection.execute(
                "INSERT INTO outbox (epoch, seq, payload, employee, occurred_us, repeat_of) VALUES (?, ?, ?, ?, ?, ?)",
                (self._number, seq, payload, punch.employee, _microseconds(punch.occurred_at), repeat_of),
            )
            self._connection.execute("UPDATE outbox_epochs SET last_seq = ? WHERE number = ?", (seq, self._number))
        return event

    def pending(self, *, after_seq: int = 0, limit: int = 100) -> list[PendingEvent]:
        """Return the first `limit` unacknowledged punches above `after_seq`, in order. Raises OutboxFailed."""
        rows = self._rows(
            "SELECT seq, payload FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL AND seq > ? "
            "ORDER BY seq LIMIT ?",
            (self._number, after_seq, limit),
        )
        return [PendingEvent(seq=seq, payload=payload) for seq, payload in rows]

    def acknowledge(self, ack: Ack) -> int:
        """Mark what `ack` names as known to the centre; return how many rows that changed.

        Raises AckRefused for another terminal, office or epoch, or for a seq never recorded; OutboxFailed.
        """
        ours = (self._office, self._terminal, self.epoch)
        if (ack.office, ack.terminal, ack.epoch) != ours:
            raise AckRefused("an acknowledgement for another terminal, office or epoch; see who may write this topic")
        if max(ack.upto, *ack.extra, 0) > self.last_seq():
            raise AckRefused(
                "an acknowledgement for punches this card never made; if its database was copied back, begin a new one"
            )
        waiting = self._rows(
            "SELECT 1 FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL AND seq <= ? LIMIT 1",
            (self._number, max(ack.upto, *ack.extra, 0)),
        )
        if not waiting:
            return 0
        at = _microseconds(self._now())
        with self._transaction():
            changed = self._connection.execute(
                "UPDATE outbox SET acknowledged_us = ? WHERE epoch = ? AND acknowledged_us IS NULL AND seq <= ?",
                (at, self._number, ack.upto),
            ).rowcount
            changed += (
                self._connection.executemany(
                    "UPDATE outbox SET acknowledged_us = ? WHERE epoch = ? AND acknowledged_us IS NULL AND seq = ?",
                    [(at, self._number, seq) for seq in ack.extra],
                ).rowcount
                if ack.extra
                else 0
            )
        return changed

    def depth(self) -> int:
        """Return how many punches the collector has not acknowledged. Raises OutboxFailed."""
        rows = self._rows("SELECT count(*) FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL", (self._number,))
        return int(rows[0][0])

    def last_seq(self) -> int:
        """Return the seq of the newest punch of this epoch, 0 before the first. Raises OutboxFailed."""
        with _failing_clearly():
            return self._last_seq()

    def last_punch(self, employee: str, *, since: datetime) -> AttendanceEvent | None:
        """Return the newest punch of `employee` at or after `since` that is no repeat itself. Raises OutboxFailed."""
        rows = self._rows(
            "SELECT payload FROM outbox WHERE employee = ? AND occurred_us >= ? AND repeat_of IS NULL "
            "ORDER BY epoch DESC, seq DESC LIMIT 1",
            (employee, _microseconds(since)),
        )
        return self._event(rows[0][0]) if rows else None

    def punches(self, employee: str, *, since: datetime) -> list[AttendanceEvent]:
        """Return the punches of `employee` at or after `since`, in the order recorded. Raises OutboxFailed."""
        rows = self._rows(
            "SELECT payload FROM outbox WHERE employee = ? AND occurred_us >= ? ORDER BY epoch, seq",
            (employee, _microseconds(since)),
        )
        return [self._event(payload) for (payload,) in rows]

    def forget_acknowledged(self, before: datetime) -> int:
        """Delete the rows acknowledged before that moment, a few at a time; return how many. Raises OutboxFailed."""
        forgotten = 0
        while True:
            with self._transaction():  # short, so that a punch never waits for it
                changed = self._connection.execute(
                    "DELETE FROM outbox WHERE rowid IN (SELECT rowid FROM outbox "
                    "WHERE acknowledged_us IS NOT NULL AND acknowledged_us < ? LIMIT ?)",
                    (_microseconds(before), _FORGET_ROWS),
                ).rowcount
            forgotten += changed
            if changed < _FORGET_ROWS:
                return forgotten

    def _epoch_row(self) -> tuple[int, str]:
        row = self._connection.execute(
            "SELECT number, epoch, office, terminal FROM outbox_epochs ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if row is not None:
            number, epoch, office, terminal = row
            if (office, terminal) == (self._office, self._terminal):
                return int(number), str(epoch)
            left = self._connection.execute("SELECT count(*) FROM outbox WHERE acknowledged_us IS NULL").fetchone()[0]
            if left:
                raise OutboxFailed(
                    f"the card still holds {left} punches of terminal {terminal} of office {office} that the centre "
                    "lacks; set terminal.id and office.id back until they are sent"
                )
        epoch = secrets.token_hex(16)
        cursor = self._connection.execute(
            "INSERT INTO outbox_epochs (epoch, office, terminal, born_us) VALUES (?, ?, ?, ?)",
            (epoch, self._office, self._terminal, _microseconds(self._now())),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - an INSERT that did not raise has one
        return cursor.lastrowid, epoch

    def _last_seq(self) -> int:
        row = self._connection.execute(
            "SELECT last_seq FROM outbox_epochs WHERE number = ?", (self._number,)
        ).fetchone()
        if row is None:
            raise OutboxFailed("the card's database was replaced while it was in use; restart the terminal")
        return int(row[0])

    def _event(self, payload: bytes) -> AttendanceEvent:
        try:
            return decode(AttendanceEvent, payload)
        except MessageRefused as error:
            raise OutboxFailed(f"a row on the card is damaged: {error}") from error

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        with _failing_clearly():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Hold the card's one write lock; committed on leaving, undone by any exception."""
        with _failing_clearly():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _failing_clearly() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxFailed(f"the card cannot be used: {error}; nothing was recorded, try again") from error


def _refuse_forgetful(connection: sqlite3.Connection) -> None:
    with _failing_clearly():
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if journal != "wal" or synchronous not in (_FULL, _EXTRA):
        raise OutboxFailed(
            f"the card's connection has journal_mode={journal}, synchronous={synchronous}; WAL and FULL are needed, "
            "or a power cut loses punches"
        )


def _microseconds(moment: datetime) -> int:
    return (moment - _BIRTH) // timedelta(microseconds=1)
