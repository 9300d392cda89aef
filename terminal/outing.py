"""The kiosk's place for an errand: at most one is under way, begun, fed, shown and ended by the main thread."""

import logging
from collections.abc import Callable

from errors import HadirError
from terminal.announcer import Announcer
from terminal.errand import Begin, Beginning, Errand, Eyes, Given
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.visit.signals import CommitFailed, Input
from terminal.visit.states import Now

_log = logging.getLogger("hadir.terminal.outing")


class Outing:
    """Has the errand that is under way, or none."""

    def __init__(self, begin: Begin | None, *, announcer: Announcer) -> None:
        """`begin` begins errands; without it there are none."""
        self._begin, self._announcer = begin, announcer
        self._errand: Errand | None = None
        self._asked = 0

    @property
    def offered(self) -> bool:
        """Whether errands can be begun here."""
        return self._begin is not None

    @property
    def over(self) -> bool:
        """Whether there is none under way, or it has come to its end."""
        return self._errand is None or self._errand.over

    def eyes(self) -> Eyes | None:
        """Return what studies the frames in place of looking for somebody, while there is an errand. Any thread."""
        errand = self._errand
        return errand.eyes if errand is not None else None

    def start(self, beginning: Callable[[], Beginning]) -> None:
        """An errand is under way, unless it cannot be, which the log says."""
        self.leave()
        try:
            self._errand = self._begin(beginning()) if self._begin is not None else None
        except HadirError as error:
            _log.error("nobody can be enrolled here: %s", error)

    def give(self, given: Given, now: Now) -> None:
        """What happened is known to the errand, and what it wishes is being done."""
        if self._errand is None:
            return
        for wish in self._errand.step(given, now):
            self._announcer.chime(wish.sound, now.at)

    def takes(self, written: Input, now: Now) -> bool:
        """Return whether the card's answer was that to what an errand asked, which has it then if it is there."""
        if not self._asked or not isinstance(written, CommitFailed):
            return False
        self._asked -= 1
        self.give(written, now)
        return True

    def screen(self, context: Context) -> Screen | None:
        """Return what the errand shows, and have said what it says; None without one."""
        if self._errand is None:
            return None
        self._announcer.tell(self._errand.spoken(context), context.now.at, context.now.monotonic_s)
        return self._errand.screen(context)

    def leave(self) -> None:
        """There is none."""
        errand, self._errand = self._errand, None
        if errand is not None:
            errand.close()
