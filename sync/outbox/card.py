"""The connection to the card as the outbox uses it: one that forgets nothing, in transactions that fail clearly."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from errors import HadirError

_FULL, _EXTRA = 2, 3


class OutboxFailed(HadirError):
    """The card did not take it: nothing was stored. The screen says "not recorded, try again"."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the card's one write lock; committed on leaving, undone by any exception. Raises OutboxFailed."""
    with failing_clearly():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn what SQLite says into OutboxFailed."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxFailed(f"the card cannot be used: {error}; nothing was recorded, try again") from error


def refuse_forgetful(connection: sqlite3.Connection) -> None:
    """Return when a commit on this connection outlives a power cut. Raises OutboxFailed."""
    with failing_clearly():
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if journal != "wal" or synchronous not in (_FULL, _EXTRA):
        raise OutboxFailed(
            f"the card's connection has journal_mode={journal}, synchronous={synchronous}; WAL and FULL are needed, "
            "or a power cut loses punches"
        )
