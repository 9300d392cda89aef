"""What the collector's word does to the rows on the card. Works inside a transaction of the caller."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from errors import HadirError
from sync import chain
from sync.messages import Ack
from sync.outbox.epochs import Epoch, microseconds


class AckRefused(HadirError):
    """An acknowledgement is not for this terminal, or for an epoch it never had. Nothing was marked."""


class EpochUnknown(AckRefused):
    """An acknowledgement is for an epoch this card never had: for an earlier card of this kiosk. Nothing was marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What an acknowledgement did on the card.

    Of epoch `number`, every row up to `upto` and each of `extra` is with the centre; `changed` rows are newly so.
    `refused` rows were recorded again in the epoch that is new where the centre has other bytes (`forked`); `reopened`
    rows, once acknowledged, wait again because the centre has lost them.
    """

    number: int
    upto: int = 0
    extra: tuple[int, ...] = ()
    changed: int = 0
    refused: tuple[int, ...] = ()
    reopened: int = 0
    forked: bool = False


def says_nothing_new(connection: sqlite3.Connection, epoch: Epoch, ack: Ack) -> bool:
    """Return whether `ack` would change nothing: most do not, and a card should not be written for them."""
    if ack.extra or ack.refused or ack.missing:
        return False
    if ack.upto and not _Hashes(connection, epoch).same(ack.upto, ack.upto_hash):
        return False
    waiting = "SELECT 1 FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL AND seq <= ? LIMIT 1"
    return connection.execute(waiting, (epoch.number, ack.upto)).fetchone() is None


def mark(connection: sqlite3.Connection, epoch: Epoch, ack: Ack, *, at: datetime) -> Marked:
    """Have the rows of `epoch` marked that `ack` vouches for with their hashes, and those it lacks waiting again."""
    at_us = microseconds(at)
    hashes = _Hashes(connection, epoch)
    upto, forked = ack.upto, False
    if upto and not hashes.same(upto, ack.upto_hash):
        # Up to there the centre has what another card recorded: its word says nothing of the rows on this one.
        # Of a closed epoch that is known, or its head was lost with a damaged card.
        upto, forked = 0, not epoch.closed
    extra = tuple(seq for seq, start in ack.extra if hashes.same(seq, start))
    refused = tuple(seq for seq, start in ack.refused if hashes.same(seq, start) and not hashes.acknowledged(seq))
    changed = connection.execute(
        "UPDATE outbox SET acknowledged_us = ? WHERE epoch = ? AND acknowledged_us IS NULL AND seq <= ?",
        (at_us, epoch.number, upto),
    ).rowcount
    for seq in extra:
        changed += connection.execute(
            "UPDATE outbox SET acknowledged_us = ? WHERE epoch = ? AND acknowledged_us IS NULL AND seq = ?",
            (at_us, epoch.number, seq),
        ).rowcount
    reopened = sum(_reopen(connection, epoch, first, last) for first, last in ack.missing)
    return Marked(
        number=epoch.number,
        upto=upto,
        extra=extra,
        changed=changed,
        refused=refused,
        reopened=reopened,
        forked=forked or bool(refused),
    )


def _reopen(connection: sqlite3.Connection, epoch: Epoch, first: int, last: int) -> int:
    """Have the acknowledged rows in [first, last] waiting again; return how many."""
    return connection.execute(
        "UPDATE outbox SET acknowledged_us = NULL WHERE epoch = ? AND acknowledged_us IS NOT NULL AND NOT moved "
        "AND seq BETWEEN ? AND ?",
        (epoch.number, first, last),
    ).rowcount


class _Hashes:
    """The hashes of the rows of one epoch, read when they are asked for."""

    def __init__(self, connection: sqlite3.Connection, epoch: Epoch) -> None:
        self._connection, self._epoch = connection, epoch

    def same(self, seq: int, start: str) -> bool:
        """Whether the row's hash begins with `start`; for one that was deleted after its month nobody can say no."""
        if seq == self._epoch.last_seq:
            return self._epoch.head_hash.startswith(start)
        row = self._row(seq)
        if row is None:
            return 0 < seq < self._epoch.last_seq
        return chain.digest(row[0]).hex().startswith(start)

    def acknowledged(self, seq: int) -> bool:
        row = self._row(seq)
        return row is None or row[1] is not None

    def _row(self, seq: int) -> tuple[bytes, int | None] | None:
        found: tuple[bytes, int | None] | None = self._connection.execute(
            "SELECT payload, acknowledged_us FROM outbox WHERE epoch = ? AND seq = ?", (self._epoch.number, seq)
        ).fetchone()
        return found
