"""The kiosk's place for an errand: at most one is under way, begun, fed, shown and ended by the main thread."""

import logging
from collections.abc import Callable
from typing import assert_never

from errors import HadirError
from terminal.announcer import Announcer
from terminal.errand import Begin, Beginning, Errand, Eyes, Given
from terminal.provisional import EnrolmentKept, KeepEnrolment
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.visit.signals import Chime, CommitFailed, Input
from terminal.visit.states import Now

_log = logging.getLogger("hadir.terminal.outing")


class Outing:
    """Has the errand that is under way, or none."""

    def __init__(self, begin: Begin | None, *, announcer: Announcer, keep: Callable[[KeepEnrolment], None]) -> None:
        """`begin` begins errands; without it there are none. `keep` asks the card; its answer goes to `takes`."""
        self._begin, self._announcer, self._keep = begin, announcer, keep
        self._errand: Errand | None = None
        self._asked = False

    @property
    def offered(self) -> bool:
        """Whether errands can be begun here."""
        return self._begin is not None

    @property
    def over(self) -> bool:
        """Whether there is none under way, or it has come to its end."""
        return self._errand is None or self._errand.over

    @property
    def employee(self) -> str | None:
        """Whom the errand was about."""
        return self._errand.employee if self._errand is not None else None

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
            match wish:
                case Chime():
                    self._announcer.chime(wish.sound, now.at)
                case KeepEnrolment():
                    self._asked = True
                    self._keep(wish)
                case _:
                    assert_never(wish)

    def others(self, written: Input | EnrolmentKept, now: Now) -> Input | None:
        """Return the card's answer where it is to somebody else; the errand has its own then, if it is still there."""
        match written:
            case EnrolmentKept():
                pass
            case CommitFailed() if self._asked:
                pass
            case _:
                return written
        self._asked = False
        self.give(written, now)
        return None

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
