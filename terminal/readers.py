"""Readers that type: badges of NFC or QR read by a device that acts as a keyboard. *Pure*.

Such a reader types a whole line and ENTER faster than fingers can. Each key is passed on at once, so that nobody's
typing is held up; the ENTER that ends such a line brings all of it along, and the visit takes that whole or not at all.
What a QR code says is hostile text: it is only ever compared with what an employee number may be.
"""

from terminal.visit import signals
from terminal.visit.signals import Typed

GAP_S = 0.02
"""Keys surely further apart are a person's. Readers type a character every 1 to 20 ms; the fastest typists need 60."""
LEAST_CHARACTERS = 3
LONGEST = 64
"""Twice an employee number: of a longer line only so much is kept, which is none and cannot become one."""


class Bursts:
    """Marks the ENTER that ends a line no person typed. One for all keyboards of a kiosk.

    Keys are only known to have been pressed between two looks for them. How long a look takes may not cut a line in
    two, for the second half of a number can be another one: what counts is the least time there was between two keys.
    """

    def __init__(self) -> None:
        self._line: list[str] = []
        self._looked_s = self._before_s = self._last_s = float("-inf")
        self._ended = False

    def look(self, now_s: float) -> None:
        """The keys that are heard next were pressed since the look before, by `now_s` on a steady clock in seconds."""
        self._before_s, self._looked_s = self._looked_s, now_s

    def heard(self, key: str) -> Typed | None:
        """Return what is to be made of `key`; None for nothing, as of the second line end that some readers send."""
        if self._before_s - self._last_s > GAP_S or key == signals.CANCEL:  # CANCEL: what comes next begins at home
            self._line, self._ended = [], False
        self._last_s = self._looked_s
        if key == signals.ENTER:
            return self._line_end()
        if key == signals.BACKSPACE:
            del self._line[-1:]
        elif key != signals.CANCEL:
            self._line.append(key)
            del self._line[LONGEST:]
        self._ended = False
        return Typed(key=key)

    def _line_end(self) -> Typed | None:
        line, self._line = self._line, []
        if self._ended and not line:
            return None
        self._ended = len(line) >= LEAST_CHARACTERS
        return Typed(key=signals.ENTER, burst="".join(line) if self._ended else "")
