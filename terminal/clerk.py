"""The clerk: the one thread that writes to the card, so that nobody who waits for a picture waits for a disk.

A card that is slow, worn or full takes a second for a commit, and the screen goes on meanwhile. Who asks is answered in
the order asked, and a punch is answered when it is committed or will not be: green comes from that answer alone.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from errors import HadirError, where
from terminal.attacks import KeepAttack
from terminal.day import Day
from terminal.ledger import Ledger
from terminal.provisional import EnrolmentKept, KeepEnrolment
from terminal.visit.signals import CommitFailed, Correct, Input, NoteDesk, Record

STUCK_S = 20.0
"""A card that has not answered for so long is told to the watchdog: SQLite itself gives up on a lock after 5 s."""
_OPENING_S = 5.0
_CLOSING_S = 6.0
_MOST_ATTACKS = 20

_log = logging.getLogger("hadir.terminal.clerk")

Writing = Record | Correct | NoteDesk | KeepEnrolment
"""What is asked of the card. A note is answered only when it cannot be made."""
Answer = Input | EnrolmentKept
"""What the card answers: what a visit is given, or whoever enrols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upkeep:
    """Look after what is not a visit's. `count`: what the centre lacks, too."""

    count: bool


class Clerk:
    """Keeps the ledger on a thread of its own; `ask` and `answer` return at once. The main thread talks to it.

    One punch, correction or enrolment is under way at a time: another one is refused, so that a card which does not
    answer gathers no punches that were never thanked for, and no answer can be taken for that to another question.
    """

    def __init__(
        self,
        open_ledger: Callable[[], AbstractContextManager[Ledger]],
        *,
        nobody_yet: Day,
        look: Callable[[], None],
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """The card is open and the day known, unless that takes longer than seconds; then it comes later.

        `open_ledger` is called by the thread, which closes what it opened. `look` is done once a second, where it may
        wait for a disk. `answered` is called on the thread when there is an answer to take.
        """
        self._open_ledger, self._nobody_yet, self._look, self._answered = open_ledger, nobody_yet, look, answered
        self._ledger: Ledger | None = None
        self._said = ""
        self._asked: queue.SimpleQueue[Writing | KeepAttack | _Upkeep | None] = queue.SimpleQueue()
        self._attacks: deque[KeepAttack] = deque(maxlen=_MOST_ATTACKS)
        self._put_off: deque[KeepAttack] = deque(maxlen=_MOST_ATTACKS)
        self._answers: queue.SimpleQueue[tuple[Writing, Answer]] = queue.SimpleQueue()
        self._unanswered = 0
        self._began_s: float | None = None
        self._upkeep_asked = threading.Event()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)
        self._thread.start()
        self._opened.wait(_OPENING_S)

    @property
    def day(self) -> Day:
        """Today's punches as they are on the card now."""
        ledger = self._ledger
        return ledger.day if ledger is not None else self._nobody_yet

    @property
    def waiting(self) -> int:
        """How many punches the centre lacked when they were counted last."""
        ledger = self._ledger
        return ledger.waiting if ledger is not None else 0

    @property
    def arrived_to(self) -> int:
        """Up to which seq of the day's epoch the centre had everything a moment ago."""
        ledger = self._ledger
        return ledger.arrived_to if ledger is not None else 0

    @property
    def attacks_s(self) -> tuple[float, ...]:
        """When there were attacks before the kiosk started, on the steady clock, by what the card remembers."""
        ledger = self._ledger
        return ledger.attacks_s if ledger is not None else ()

    @property
    def alive(self) -> bool:
        """Whether there is somebody to answer, and the card was not asked something too long ago."""
        began_s = self._began_s
        return self._thread.is_alive() and (began_s is None or time.monotonic() < began_s + STUCK_S)

    def ask(self, asked: Writing) -> None:
        """It is queued, or refused while another one is unanswered; `answer` will tell."""
        self._unanswered += not isinstance(asked, NoteDesk)
        if self._unanswered > 1 and not isinstance(asked, NoteDesk):
            _log.error("not written, the card has not answered yet")
            self._answers.put((asked, CommitFailed()))
        else:
            self._asked.put(asked)

    def note_attack(self, asked: KeepAttack) -> None:
        """It is kept when nothing else waits for the card, and tried again while that fails; nothing is answered."""
        self._asked.put(asked)

    def upkeep(self, *, count: bool) -> None:
        """The clock is noted, the day of now is `day` and what waits counted, when the thread comes to it."""
        if not self._upkeep_asked.is_set():
            self._upkeep_asked.set()
            self._asked.put(_Upkeep(count=count))

    def answer(self) -> Answer | None:
        """Return the next answer that is there, or None."""
        while not self._answers.empty():
            asked, answer = self._answers.get_nowait()
            if not isinstance(asked, NoteDesk):
                self._unanswered -= 1
                return answer
            if not self._unanswered:  # else it would be taken for the answer to what was asked since
                return answer
        return None

    def close(self) -> None:
        """What was asked has been done and the thread has ended; a card that does not answer is left behind."""
        self._asked.put(None)
        self._thread.join(_CLOSING_S)
        if self._thread.is_alive():
            _log.error("the card did not answer in time; what was not thanked for may be lost")

    # --- the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        with ExitStack() as held:
            self._opened_ledger(held)
            self._opened.set()
            while (asked := self._next()) is not None:
                self._began_s = time.monotonic()
                try:
                    self._do(asked, self._opened_ledger(held))
                except Exception as error:  # noqa: BLE001 - the border of the message handler: the next one is answered
                    _log.error("the card's thread failed: %s at %s", type(error).__name__, where(error))
                    self._tell(asked, CommitFailed())
                self._began_s = None

    def _next(self) -> Writing | KeepAttack | _Upkeep | None:
        """Return what is asked next: an attack only when nobody waits for an answer, None when it is to end."""
        while True:
            if self._attacks and self._asked.empty():
                return self._attacks.popleft()
            asked = self._asked.get()
            if asked is None and self._attacks:
                self._asked.put(None)
                return self._attacks.popleft()
            if not isinstance(asked, KeepAttack):
                return asked
            self._attacks.append(asked)

    def _do(self, asked: Writing | KeepAttack | _Upkeep, ledger: Ledger | None) -> None:
        match asked:
            case KeepAttack():
                left = ledger.note_attack(asked) if ledger is not None else asked
                if left is not None:
                    self._put_off.append(left)
            case Record():
                self._tell(asked, ledger.record(asked) if ledger is not None else CommitFailed())
            case Correct():
                self._tell(asked, ledger.correct(asked) if ledger is not None else CommitFailed())
            case NoteDesk():
                self._tell(asked, ledger.note_desk(asked) if ledger is not None else CommitFailed())
            case KeepEnrolment():
                self._tell(asked, ledger.enrol(asked) if ledger is not None else CommitFailed())
            case _Upkeep():
                self._upkeep_asked.clear()
                self._attacks.extendleft(reversed(self._put_off))
                self._put_off.clear()
                self._look()
                if ledger is not None:
                    ledger.look_after(datetime.now(UTC), count=asked.count)
            case _:
                assert_never(asked)

    def _tell(self, asked: Writing | KeepAttack | _Upkeep, answer: Answer | None) -> None:
        if answer is not None and not isinstance(asked, KeepAttack | _Upkeep):
            self._answers.put((asked, answer))
            self._answered()

    def _opened_ledger(self, held: ExitStack) -> Ledger | None:
        """Return the ledger, opened now if it was not; None if it cannot be, which is said once."""
        if self._ledger is None:
            try:
                ledger = held.enter_context(self._open_ledger())
                ledger.look_after(datetime.now(UTC), count=True)
                ledger.recall()
                self._ledger = ledger
            except HadirError as error:
                if str(error) != self._said:
                    _log.error("nothing can be recorded: %s", error)
                self._said = str(error)
        return self._ledger
