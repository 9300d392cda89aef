"""Readers that type: badges of NFC or QR read by a device that acts as a keyboard. *Pure*.

Such a reader types a whole line and ENTER faster than fingers can. Each key is passed on at once, so that nobody's
typing is held up; the ENTER that ends such a line brings all of it along, and the visit takes that whole or not at all.
What a QR code says is hostile text: it is only ever compared with what an employee number may be.
"""

from terminal.visit import signals
from terminal.visit.signals import Typed

GAP_S = 0.05
"""Two keys further apart are a person's. Readers type a character every 1 to 20 ms; the fastest typists need 60."""
LEAST_CHARACTERS = 3
LONGEST = 64
"""Twice an employee number: of a longer line only so much is kept, which is none and cannot become one."""


class Bursts:
    """Marks the ENTER that ends a line no person typed. One for all keyboards of a kiosk."""

    def __init__(self) -> None:
        self._line: list[str] = []
        self._last_s = float("-inf")
        self._ended = False

    def heard(self, key: str, now_s: float) -> Typed | None:
        """Return what is to be made of `key`, pressed at `now_s` on a steady clock in seconds; None for nothing.

        Nothing are the line ends that follow the one of a reader: some send two.
        """
        if now_s - self._last_s > GAP_S:
            self._line, self._ended = [], False
        self._last_s = now_s
        if key == signals.CANCEL:  # the visit goes home, and what comes next begins there
            self._line, self._ended = [], False
            return Typed(key=key)
        if key != signals.ENTER:
            # Keys without a character, as a reader of something odd may press, are no part of any number.
            self._line.append(key if len(key) == 1 else signals.FOREIGN)
            del self._line[LONGEST:]
            self._ended = False
            return Typed(key=key)
        line, self._line = self._line, []
        if self._ended and not line:
            return None
        self._ended = len(line) >= LEAST_CHARACTERS
        return Typed(key=key, burst="".join(line) if self._ended else "")
