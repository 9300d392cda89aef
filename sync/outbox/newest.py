"""The newest entries of a card, read without an Outbox: by whoever asks what the card knows of the time."""

import sqlite3

from sync import chain
from sync.messages import Entry, MessageRefused
from sync.outbox import OutboxFailed

_LOOKED_AT = 500


def newest_entries(connection: sqlite3.Connection) -> list[Entry]:
    """Return some of the card's entries, the newest first, without those that are damaged. Raises OutboxFailed."""
    wanted = "SELECT payload FROM outbox ORDER BY epoch DESC, seq DESC LIMIT ?"
    try:
        rows = connection.execute(wanted, (_LOOKED_AT,)).fetchall()
    except sqlite3.Error as error:
        raise OutboxFailed(f"the card cannot be read: {error}") from error
    found = []
    for (payload,) in rows:
        try:
            found.append(chain.read_entry(payload)[0])
        except MessageRefused:
            continue
    return found
