"""The desk where PINs are checked, one at a time, on a thread of its own."""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

import config
from sync.peppers import NONE, Pepper
from sync.releases import Person
from terminal.evidence import Drawer, Glimpse
from terminal.pin.hashes import check_pin, is_sound, nobodys_hash, pepper_id_of
from terminal.pin.tally import PinCounts, Tally
from terminal.pin.throttle import Throttle
from terminal.visit.signals import PinVerdict

PEPPER_MISSING = "pin_pepper_missing"
_LOOK_EVERY_S = 2.0

People = Callable[[], tuple[int, Mapping[str, Person]]]
"""Version and people of the newest set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswer:
    """The answer to the check numbered `check`. `employee` only for OK; `wait_s` is how long to wait before the next
    try (0: none needed). `gallery_version` is that of the set the PIN was checked against; `evidence_ref` says where
    the sealed picture is, or why there is none."""

    check: int
    verdict: PinVerdict
    employee: str | None = None
    wait_s: float = 0.0
    gallery_version: int = 0
    evidence_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    check: int
    number: str
    pin: str = field(repr=False)
    seen: Glimpse | None = None


class PinDesk:
    """Checks PINs; `ask`, `answer`, `today` and `alarms` return at once, on any thread."""

    def __init__(
        self,
        rules: config.Pin,
        *,
        people: People,
        now_s: Callable[[], float],
        peppers: Callable[[], Mapping[str, Pepper]] = lambda: NONE,
        tally: Tally | None = None,
        pictures: Drawer | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        is_dated: Callable[[], bool] = lambda: True,
        zone: tzinfo = UTC,
    ) -> None:
        """`people` and `peppers` give those of now; `now_s` is a monotonic clock in seconds, `now` the time.

        The thread is running. What is to outlive it lies in `tally`. Days begin in `zone`, and none begins while
        `is_dated` says that the date is not known.
        """
        self._people, self._peppers = people, peppers
        self._now_s, self._now, self._is_dated, self._zone = now_s, now, is_dated, zone
        self._tally = tally or Tally(None)
        self._pictures = pictures
        self._throttle = Throttle(rules)
        self._forgotten_after = timedelta(seconds=rules.max_delay_s)
        self._day, self._counts, self._kept = date.min, PinCounts(), PinCounts()
        self._needed: tuple[int, frozenset[str]] = (-1, frozenset())
        self._lacks = False
        self._nobodys: dict[str | None, str] = {}
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[PinAnswer] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="pin", daemon=True)
        self._thread.start()

    def ask(self, check: int, number: str, pin: str, seen: Glimpse | None = None) -> None:
        """The check is queued; `answer` will give its PinAnswer under the same number. `seen` is who typed it."""
        self._questions.put(_Question(check=check, number=number, pin=pin, seen=seen))

    def answer(self) -> PinAnswer | None:
        """Return the next answer that is ready, or None."""
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    def today(self) -> PinCounts:
        """Return how many PINs were right and wrong today."""
        return self._counts

    def alarms(self) -> tuple[str, ...]:
        """Return the codes of what is missing here."""
        return (PEPPER_MISSING,) if self._lacks else ()

    @property
    def alive(self) -> bool:
        """Whether somebody is there to answer."""
        return self._thread.is_alive()

    def close(self) -> None:
        """The thread has ended; questions not begun get no answer."""
        self._closing = True
        self._questions.put(None)
        self._thread.join()

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._remember()
            self._look_around()
            while not self._closing:
                try:
                    question = self._questions.get(timeout=_LOOK_EVERY_S)
                except queue.Empty:
                    self._look_around()
                    continue
                if question is None or self._closing:
                    break
                self._answers.put(self._judge(question))
                self._keep_counts()
        finally:
            self._tally.close()

    def _remember(self) -> None:
        now, now_s = self._now(), self._now_s()
        known = self._tally.read(now_s=now_s, at=now)
        if known is not None:
            self._day, self._counts, self._kept = known.day, known.counts, known.counts
            self._throttle.restore(known.failures, known.day)
        self._turn_day()

    def _turn_day(self) -> None:
        now = self._now()
        day = now.astimezone(self._zone).date()
        if day == self._day or not self._is_dated():
            return
        self._tally.turn(before=now - self._forgotten_after)
        self._day, self._counts, self._kept = day, PinCounts(), PinCounts()
        self._throttle.turn_to(day)

    def _look_around(self) -> None:
        """What takes its time is done while nobody waits."""
        self._turn_day()
        version, people = self._people()
        peppers = self._peppers()
        self._lacks = bool(self._lacking(version, people, peppers))
        self._nobodys_hash(peppers)
        if self._pictures is not None:
            self._pictures.tidy()

    def _judge(self, asked: _Question) -> PinAnswer:
        self._turn_day()
        version, people = self._people()
        peppers = self._peppers()
        lacking = self._lacking(version, people, peppers)
        self._lacks = bool(lacking)
        # Tries while a pepper is missing are counted apart: the owner is not kept waiting for them once it is there.
        number = f"?{asked.number}" if lacking else asked.number
        wait_s = self._throttle.wait_s(number, self._now_s())
        if wait_s > 0:
            self._throttle.put_off(number, self._now_s())
            return PinAnswer(check=asked.check, verdict=PinVerdict.WAIT, wait_s=wait_s, gallery_version=version)
        self._throttle.begin(self._now_s())
        person = people.get(asked.number)
        stored = person.pin if person is not None and person.pin is not None and is_sound(person.pin) else None
        nobodys = self._nobodys_hash(peppers)  # asked for in any case: the first time it takes as long as a check
        right = check_pin(stored or nobodys, asked.number, asked.pin, peppers=peppers)
        if person is not None and stored is not None and right:
            return self._let_in(asked, person, number, version)
        now_s = self._now_s()
        known = self._throttle.failed(number, now_s)
        self._counts = replace(self._counts, wrong=self._counts.wrong + 1)
        self._tally.keep(self._day, self._counts, at=self._now(), number=number, known=known)
        self._kept = self._counts
        return PinAnswer(
            check=asked.check,
            # Which PINs could not be checked here is not told apart from which are wrong, or nobody's.
            verdict=PinVerdict.NO_ANSWER if lacking else PinVerdict.REFUSED,
            wait_s=self._throttle.wait_s(number, now_s),
            gallery_version=version,
        )

    def _let_in(self, asked: _Question, person: Person, number: str, version: int) -> PinAnswer:
        self._throttle.succeeded(number)
        self._counts = replace(self._counts, right=self._counts.right + 1)
        return PinAnswer(
            check=asked.check,
            verdict=PinVerdict.OK,
            employee=person.employee,
            gallery_version=version,
            evidence_ref=self._picture_of(asked, person),
        )

    def _picture_of(self, asked: _Question, person: Person) -> str | None:
        return self._pictures.keep(asked.seen, person) if self._pictures is not None else None

    def _keep_counts(self) -> None:
        """What nobody needs to wait for is on the card."""
        if self._counts != self._kept:
            self._tally.keep(self._day, self._counts, at=self._now())
            self._kept = self._counts

    def _nobodys_hash(self, peppers: Mapping[str, Pepper]) -> str:
        newest = next(reversed([*peppers.values()]), None)
        key = newest.key_id if newest is not None else None
        if key not in self._nobodys:
            self._nobodys = {key: nobodys_hash(newest)}
        return self._nobodys[key]

    def _lacking(self, version: int, people: Mapping[str, Person], peppers: Mapping[str, Pepper]) -> frozenset[str]:
        """Return the ids of the peppers that PINs of the set were made with and that are not here."""
        if self._needed[0] != version:
            ids = {pepper_id_of(person.pin) for person in people.values() if person.pin is not None}
            self._needed = (version, frozenset(key for key in ids if key is not None))
        return self._needed[1] - peppers.keys()
