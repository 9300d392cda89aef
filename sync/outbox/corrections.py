"""What corrections do to the punches on the card: each punch's row says beside its bytes what became of it.

The corrections' own bytes are the truth, and the columns follow them in the same transaction. Works inside a
transaction of the caller.
"""

import sqlite3
from dataclasses import dataclass

from sync.messages import Change, Correction


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Where a punch lies on this card now: the number and the name of its epoch, and its seq in it."""

    number: int
    epoch: str
    seq: int

    def as_seen_from(self, epoch: str) -> tuple[int, str | None]:
        """Return `of` and `of_epoch` by which a correction in `epoch` names it."""
        return self.seq, None if self.epoch == epoch else self.epoch


def named(connection: sqlite3.Connection, *, employee: str, receipt: str) -> Named | None:
    """Return where the punch of that receipt lies, recorded again or not; None where it is not on this card."""
    row = connection.execute(
        "SELECT outbox.epoch, outbox_epochs.epoch, seq FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
        "WHERE employee = ? AND receipt = ? AND NOT moved ORDER BY outbox.epoch DESC LIMIT 1",
        (employee, receipt),
    ).fetchone()
    return Named(number=row[0], epoch=row[1], seq=row[2]) if row else None


def apply(connection: sqlite3.Connection, correction: Correction) -> None:
    """Have the punch that `correction` is of as it says from now on; nothing where it is not on this card."""
    where = named(connection, employee=correction.employee, receipt=correction.receipt)
    if where is None:
        return
    if correction.change is Change.NOT_ME:
        connection.execute("UPDATE outbox SET voided = 1 WHERE epoch = ? AND seq = ?", (where.number, where.seq))
    else:
        connection.execute(
            "UPDATE outbox SET direction_now = ? WHERE epoch = ? AND seq = ?",
            (correction.direction, where.number, where.seq),
        )


def carry_over(connection: sqlite3.Connection, was: tuple[int, int], now: tuple[int, int]) -> None:
    """Have the punch that lay at `was`, (epoch number, seq), as corrected under its new place `now`."""
    connection.execute(
        "UPDATE outbox SET (voided, direction_now) = (SELECT voided, direction_now FROM outbox WHERE epoch = ? "
        "AND seq = ?) WHERE epoch = ? AND seq = ?",
        (*was, *now),
    )
