"""The enrolments made here that the centre has not decided about, as they lie on the card: sealed for this kiosk alone.

One is written in the transaction that has it in the chain (`Outbox.enrol`), so that either both are there or neither.
When the centre has decided, its row keeps the id alone, so that nothing brings it back.
"""

import logging
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass

from errors import HadirError
from sync import sealing
from terminal.provisional import NewEnrolment, packed, unpacked

MIGRATION = (
    "store_3_provisional",
    """
    CREATE TABLE provisional (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sealed BLOB
    ) STRICT;
    """,
)
_ABOUT = b"hadir provisional enrolment 1\0"

_log = logging.getLogger("hadir.terminal.provisional")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionalCard:
    """The rows of one card. `open_card` gives a connection to whichever thread asks; `key` is `sealing.card_key`'s."""

    open_card: Callable[[], sqlite3.Connection]
    key: bytes

    def waiting(self) -> tuple[NewEnrolment, ...]:
        """Return those the centre has not decided about, in the order kept, without what cannot be opened any more.

        Raises HadirError where the card cannot be read.
        """
        found = []
        with closing(self.open_card()) as connection:
            rows = _rows(connection, "SELECT id, sealed FROM provisional WHERE sealed IS NOT NULL ORDER BY number")
        for id_, sealed in rows:
            try:
                found.append(unpacked(sealing.open_with(self.key, bytes(sealed), about=_ABOUT + id_.encode())))
            except HadirError as error:  # another device key, since the one before was damaged: the centre has it
                _log.error("enrolment %s on the card is not used here: %s", id_, error)
        return tuple(found)

    def keep(self, connection: sqlite3.Connection, enrolment: NewEnrolment) -> bool:
        """Have `enrolment` on the card when the caller's transaction ends; return False where it was kept before."""
        if connection.execute("SELECT 1 FROM provisional WHERE id = ?", (enrolment.id,)).fetchone() is not None:
            return False
        sealed = sealing.seal_with(self.key, packed(enrolment), about=_ABOUT + enrolment.id.encode())
        connection.execute("INSERT INTO provisional (id, sealed) VALUES (?, ?)", (enrolment.id, sealed))
        return True

    def forget(self, ids: Collection[str]) -> None:
        """Have nothing of these on the card but their ids. Raises HadirError, and then all of them are still there."""
        if not ids:
            return
        with closing(self.open_card()) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("UPDATE provisional SET sealed = NULL WHERE id = ?", [(id_,) for id_ in ids])
                connection.execute("COMMIT")
                with suppress(sqlite3.Error):  # else it lies in the log until that is written over
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise ProvisionalFailed(f"enrolments that were decided about stay on the card: {error}") from error


class ProvisionalFailed(HadirError):
    """The card could not be read or changed; the text says why."""


def _rows(connection: sqlite3.Connection, sql: str) -> list[tuple[str, bytes]]:
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.Error as error:
        raise ProvisionalFailed(f"the enrolments on the card cannot be read: {error}") from error
