"""What a restart may not make a kiosk forget of PINs: failures by number, and how many of the day were right and wrong.

It lies on the card, in two small tables (terminal/store.py); each failure is one commit, before the answer is given.
The card's clock may have gone back in between: then a delay begins anew, and the day is still the one it was.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from errors import HadirError
from terminal.pin.throttle import MAX_REMEMBERED, Failures

_Found = TypeVar("_Found")

_log = logging.getLogger("hadir.terminal.pin")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCounts:
    """How many PINs this kiosk found right and wrong on one day of the office's."""

    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the card had: the day it was counted on, its counts, and the failures by number."""

    day: date
    counts: PinCounts
    failures: tuple[tuple[str, Failures], ...]


class Tally:
    """The card's side of it, for the one thread that uses it. A card that fails is logged once, and done without."""

    def __init__(self, open_card: Callable[[], sqlite3.Connection] | None) -> None:
        """Without `open_card` nothing is kept."""
        self._open_card = open_card
        self._connection: sqlite3.Connection | None = None
        self._said = False

    def read(self, *, now_s: float, at: datetime) -> Remembered | None:
        """Return what the card remembers, on the steady clock that says `now_s` at the time `at`; None if it does not.

        Where the tries of a day are used up, the time without a try begins anew.
        """

        def work(card: sqlite3.Connection) -> Remembered | None:
            found = card.execute("SELECT day, right, wrong FROM pin_day").fetchone()
            rows = card.execute(
                "SELECT number, count, today, failed_at FROM pin_failures ORDER BY failed_at DESC LIMIT ?",
                (MAX_REMEMBERED,),
            ).fetchall()
            failures = []
            for number, count, today, failed_at in reversed(rows):
                ago_s = max(0.0, (at - datetime.fromisoformat(failed_at)) / timedelta(seconds=1))
                known = Failures(count=count, today=today, failed_at_s=now_s - ago_s, tried_at_s=now_s)
                failures.append((number, known))
            if found is None:
                return None
            day, right, wrong = found
            counts = PinCounts(right=right, wrong=wrong)
            return Remembered(day=date.fromisoformat(day), counts=counts, failures=tuple(failures))

        return self._do(work)

    def keep(
        self, day: date, counts: PinCounts, *, at: datetime, number: str = "", known: Failures | None = None
    ) -> None:
        """The card has the counts of `day` and, for a `number`, what is remembered of it, `at` being now."""

        def work(card: sqlite3.Connection) -> None:
            card.execute("BEGIN IMMEDIATE")
            card.execute(
                "INSERT OR REPLACE INTO pin_day VALUES (1, ?, ?, ?)", (day.isoformat(), counts.right, counts.wrong)
            )
            if number and known is not None:
                values = (number, known.count, known.today, at.astimezone(UTC).isoformat())
                card.execute("INSERT OR REPLACE INTO pin_failures VALUES (?, ?, ?, ?)", values)
            elif number:
                card.execute("DELETE FROM pin_failures WHERE number = ?", (number,))
            card.execute("COMMIT")

        self._do(work)

    def turn(self, *, before: datetime) -> None:
        """A new day has begun: failures from `before` are gone from the card, those since count for none of today."""

        def work(card: sqlite3.Connection) -> None:
            card.execute("BEGIN IMMEDIATE")
            card.execute("DELETE FROM pin_failures WHERE failed_at < ?", (before.astimezone(UTC).isoformat(),))
            card.execute("UPDATE pin_failures SET today = 0")
            card.execute("COMMIT")

        self._do(work)

    def close(self) -> None:
        """The card is given back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], _Found]) -> _Found | None:
        if self._open_card is None:
            return None
        try:
            if self._connection is None:
                self._connection = self._open_card()
            found = work(self._connection)
        except (sqlite3.Error, HadirError, ValueError, TypeError) as error:
            with suppress(sqlite3.Error):
                if self._connection is not None and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            if not self._said:
                _log.error("wrong PINs are not remembered through a restart: %s", error)
            self._said = True
            return None
        self._said = False
        return found
