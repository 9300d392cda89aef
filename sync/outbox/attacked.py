"""What the note of an attack says in the chain, beside its place there; and the notes that a card still has."""

import sqlite3
from datetime import datetime
from typing import TypedDict

from sync import chain
from sync.messages import AttackNote, MessageRefused, PadVerdict
from sync.outbox.card import failing_clearly
from sync.outbox.epochs import microseconds


class Attacked(TypedDict):
    """The fields of an AttackNote that are its own."""

    id: str
    employee: str | None
    verdict: PadVerdict
    cues: tuple[str, ...]
    evidence_ref: str
    held: bool
    made_at: datetime


def attacks_since(connection: sqlite3.Connection, since: datetime) -> tuple[AttackNote, ...]:
    """Return the notes of attacks and near misses recorded at or after `since`, in the order recorded, each once.

    A damaged row is passed over. Raises OutboxFailed.
    """
    with failing_clearly():
        rows = connection.execute(
            "SELECT payload FROM outbox WHERE employee = '' AND occurred_us >= ? AND NOT moved ORDER BY epoch, seq",
            (microseconds(since),),
        ).fetchall()
    found = []
    for (payload,) in rows:
        try:
            entry, _ = chain.read_entry(payload)
        except MessageRefused:
            continue
        if isinstance(entry, AttackNote):
            found.append(entry)
    return tuple(found)
