"""One thread that watches the register for every open page, so that a hundred pages cost what one does."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import config
from console.board import Board, board_of, day_start
from console.desk import SHOWN_CASES, Desk, desk_of
from sync.register import Register, RegisterError, RegisterUnavailable
from sync.register.attacks import Attack, count_attacks, first_open
from sync.register.events import (
    RegisteredEvent,
    TimedBy,
    events_corrected,
    events_of_day,
    events_retimed,
    events_since,
    last_id,
)
from sync.register.people import Employee, list_people
from sync.register.reviews import PinPunch, pins_of
from sync.register.statuses import TerminalState, all_statuses

log = logging.getLogger("hadir.console.watch")

LOOK_EVERY_S = 0.2
"""New events are asked for this often; the rest of the page every SLOW_EVERY_S."""
SLOW_EVERY_S = 1.0
PEOPLE_EVERY_S = 5.0
RETRY_EVERY_S = 1.0
STUCK_AFTER_S = 3.0
"""A look that takes longer is told as a problem while it still goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What pages show now. `problem` is absent or one of reading, absent, unavailable, refused (words.py)."""

    version: int
    board: Board
    desk: Desk
    problem: str | None


class Watch:
    """Reads the register from `start` to `stop` and wakes whoever listens when there is something new to show."""

    def __init__(self, settings: config.Config, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._zone = settings.office.zone
        self._names = {settings.office.id: settings.office.name}
        # Three missed words make a kiosk silent, but never sooner than its will would speak for it.
        self._silent_after_s = max(3 * settings.uplink.status_every_s, 1.5 * settings.mqtt.keepalive_s)
        self._register: Register | None = None
        self._file_id: tuple[int, int] | None = None
        self._forget()
        self._shown = Shown(version=1, board=self._board(), desk=Desk(), problem="reading")
        self._stopping = threading.Event()
        self._began_look = time.monotonic()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="console-watch", daemon=True)

    @property
    def office_names(self) -> dict[str, str]:
        """Office id to name, for the offices whose name this machine knows."""
        return self._names

    @property
    def shown(self) -> Shown:
        """What to show now; told as unavailable while the register keeps a look waiting."""
        if not self._stopping.is_set() and time.monotonic() - self._began_look > STUCK_AFTER_S:
            self._show(self._shown.board, self._shown.desk, "unavailable")
        return self._shown

    @property
    def alive(self) -> bool:
        """Whether the register is still being looked at."""
        return self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin to look."""
        self._began_look = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Wake every listener a last time and end within a second; a look that hangs is left to end by itself."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(1)

    @contextlib.contextmanager
    def listener(self) -> Iterator[asyncio.Event]:
        """Yield an event of this asyncio loop that is set whenever there is something new to show."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._listeners.add(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._listeners.discard(entry)

    @property
    def listeners(self) -> int:
        with self._lock:
            return len(self._listeners)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._began_look = time.monotonic()
                problem = self._look()
                self._show(self._board(), self._desk(), problem)
                self._began_look = time.monotonic()
                self._stopping.wait(RETRY_EVERY_S if problem else LOOK_EVERY_S)
        finally:
            if self._register is not None:
                self._register.close()

    def _look(self) -> str | None:
        """Bring what is known up to date; returns the problem, None when there is none."""
        try:
            if not self._at_the_register():
                return "absent"
            assert self._register is not None  # noqa: S101 - opened just above; tells the type checker
            self._read(self._register)
        except RegisterUnavailable as error:
            self._complain("the register cannot be read: %s", error)
            return "unavailable"
        except RegisterError as error:
            self._complain("the register cannot be used: %s", error)
            return "refused"
        self._complained = ""
        return None

    def _at_the_register(self) -> bool:
        """Have the register open, anew if its file was replaced; False while there is none.

        The collector makes the register, not a page that only looks.
        """
        url = self._settings.centre.register
        if url.startswith("sqlite:///"):
            try:
                found = Path(url.removeprefix("sqlite:///")).stat()
            except OSError:
                self._let_go()
                return False
            if self._file_id not in (None, (found.st_dev, found.st_ino)):
                self._let_go()
            self._file_id = found.st_dev, found.st_ino
        if self._register is None:
            self._register = Register.open(url)
        return True

    def _let_go(self) -> None:
        if self._register is not None:
            self._register.close()
            self._register = None
        self._file_id = None
        self._forget()

    def _forget(self) -> None:
        self._records: dict[int, RegisteredEvent] = {}
        self._last_id = 0
        self._people: list[Employee] = []
        self._heard: list[TerminalState] = []
        self._midnight: datetime | None = None
        self._open: list[Attack] = []
        self._open_in_all = 0
        self._pins: list[PinPunch] = []
        self._attacks: Mapping[tuple[str, str], int] = {}
        self._people_at = self._slow_at = self._desk_due = float("-inf")
        self._complained = ""

    def _read(self, register: Register) -> None:
        midnight = day_start(self._clock(), self._zone)
        if self._midnight != midnight:
            self._last_id = last_id(register)
            whole_day = events_of_day(register, start=midnight, end=midnight + timedelta(days=2))
            self._records, self._midnight = {each.id: each for each in whole_day}, midnight
        while new := events_since(register, self._last_id):
            self._last_id = new[-1].id
            self._records |= {each.id: each for each in new if each.counted_at >= midnight}
        now = time.monotonic()
        known = {each.number for each in self._people}
        stranger = any(each.employee not in known for each in self._records.values())
        if now - self._people_at >= (SLOW_EVERY_S if stranger else PEOPLE_EVERY_S):
            self._people, self._people_at = list_people(register), now
        if now - self._slow_at >= SLOW_EVERY_S:
            self._heard, self._slow_at = all_statuses(register), now
            # What was told without a clock is told better when the time comes back, under the same id.
            by_clock = {id: each for id, each in self._records.items() if each.timed_by is TimedBy.CLOCK}
            self._records = by_clock | {each.id: each for each in events_retimed(register, start=midnight)}
            # And so is what people corrected at the kiosk after it was recorded.
            self._records |= {each.id: each for each in events_corrected(register, start=midnight)}
        if now >= self._desk_due:
            self._read_desk(register, midnight)
            took_s = time.monotonic() - now  # one kiosk that sends attacks without end must not keep the others away
            self._desk_due = now + max(SLOW_EVERY_S, 10 * took_s)

    def _read_desk(self, register: Register, midnight: datetime) -> None:
        since = midnight - timedelta(days=self._settings.centre.evidence_days)
        self._open, self._open_in_all = first_open(register, since, most=SHOWN_CASES)
        named = {each.employee for each in self._open if each.employee is not None}
        first = min((each.at for each in self._open), default=midnight)
        self._pins = pins_of(register, named, first)
        self._attacks = count_attacks(register, midnight)

    def _board(self) -> Board:
        return board_of(
            self._records.values(),
            self._people,
            self._heard,
            now=self._clock(),
            zone=self._zone,
            office_names=self._names,
            silent_after_s=self._silent_after_s,
            attacks=self._attacks,
        )

    def _desk(self) -> Desk:
        return desk_of(self._open, self._open_in_all, self._pins, self._people)

    def _show(self, board: Board, desk: Desk, problem: str | None) -> None:
        with self._lock:
            last = self._shown
            if (last.board, last.desk, last.problem) == (board, desk, problem):
                return
            self._shown = Shown(version=last.version + 1, board=board, desk=desk, problem=problem)
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for loop, event in listeners:
            with contextlib.suppress(RuntimeError):  # its loop has ended in this moment
                loop.call_soon_threadsafe(event.set)

    def _complain(self, words: str, error: RegisterError) -> None:
        """Log a problem once, not at every look."""
        if self._complained != str(error):
            log.warning(words, error)
            self._complained = str(error)
