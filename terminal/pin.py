"""Employee number and PIN: argon2id on a thread of its own, delay instead of lock-out, one answer for every failure.

An unknown number, a person without a PIN and a wrong PIN take the same work and get the same answer, so the keypad
tells nobody who works here. Delays and counts live in memory only: a restart forgets them (the hashes are what
protects a stolen card; the delays are for the person at the keypad).
"""

import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error

import config
from errors import HadirError
from sync.releases import Person
from terminal.visit.signals import PinVerdict

PIN_DIGITS = 6
_MAX_REMEMBERED = 10_000
_MAX_MEMORY_KIB = 65_536
_MAX_PASSES = 10
# OWASP's password storage parameters for argon2id; 20 MiB and about 100 ms on a Pi 4.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class PinRefused(HadirError):
    """The PIN may not be used; the text says what is wrong with it and what to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswer:
    """The answer to the check numbered `check`. `employee` only for OK; `wait_s` is how long to wait before the next
    try (0: none needed). `gallery_version` is that of the set the PIN was checked against."""

    check: int
    verdict: PinVerdict
    employee: str | None = None
    wait_s: float = 0.0
    gallery_version: int = 0
    evidence_ref: str | None = None


def hash_pin(employee: str, pin: str) -> str:
    """Return the argon2id hash that belongs to this employee and this PIN together. Raises PinRefused for poor PINs."""
    acceptable(pin, employee=employee)
    return _hasher.hash(_secret(employee, pin))


def check_pin(stored: str, employee: str, pin: str) -> bool:
    """Return whether `pin` is the one `stored` was made from for `employee`.

    A hash that is none, or that asks for more than this kiosk has to give, is never right.
    """
    try:
        asked = extract_parameters(stored)
        if asked.memory_cost > _MAX_MEMORY_KIB or asked.time_cost > _MAX_PASSES:
            return False
        return bool(_hasher.verify(stored, _secret(employee, pin)))
    except (Argon2Error, ValueError):  # a wrong PIN, a hash of another kind, text that is not Unicode
        return False


def acceptable(pin: str, *, employee: str = "") -> None:
    """Return when `pin` may be used by `employee`. Raises PinRefused saying why not."""
    if not re.fullmatch(rf"[0-9]{{{PIN_DIGITS}}}", pin):
        raise PinRefused(f"a PIN is {PIN_DIGITS} digits, 0 to 9; type {PIN_DIGITS} of them")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if steps == {0}:
        raise PinRefused("one digit repeated is the first thing a stranger tries; choose another PIN")
    if steps in ({1}, {9}):
        raise PinRefused("digits in a row are the first thing a stranger tries; choose another PIN")
    if pin[:3] == pin[3:] or pin[:2] * 3 == pin or pin[:3] == pin[:2:-1]:
        raise PinRefused("a pattern said twice is easily seen and guessed; choose another PIN")
    if len(set(pin)) < 3:
        raise PinRefused("two different digits are too few; choose another PIN")
    if pin in _COMMON:
        raise PinRefused("this PIN is on every list of common ones; choose another")
    digits = re.sub(r"[^0-9]", "", employee)
    if digits and (digits.endswith(pin) or (len(digits) >= 3 and pin.endswith(digits[-PIN_DIGITS:]))):
        raise PinRefused("the end of the employee number is known to colleagues; choose another PIN")
    if len(digits) == _NIP_DIGITS and pin in _birthdays(digits):
        raise PinRefused("the date of birth stands in the employee number; choose another PIN")


class Throttle:
    """How long whoever types must wait, by number and for the whole kiosk. *Pure*: time is an argument.

    After `free_tries` failures for a number each next one doubles its delay; a failure is forgotten for every
    `max_delay_s` that passes without another. The kiosk itself makes `tries_per_minute` checks at most in any minute:
    a few at once, then one every few seconds, so that a colleague behind a guesser waits seconds. A right PIN gives its
    check back: a queue of people who know their PINs is not slowed down.
    """

    def __init__(self, rules: config.Pin) -> None:
        self._rules = rules
        self._failures: dict[str, tuple[int, float]] = {}
        self._burst = max(1, rules.tries_per_minute * 2 // 5)
        self._spacing_s = 60 / max(1, rules.tries_per_minute - self._burst)
        self._tokens = float(self._burst)
        self._filled_at_s: float | None = None

    def wait_s(self, number: str, now_s: float) -> float:
        """Return how many seconds `number` must wait at this kiosk before a check; 0 when it may go ahead."""
        self._fill(now_s)
        bucket_s = 0.0 if self._tokens >= 1 else (1 - self._tokens) * self._spacing_s
        count, failed_at_s = self._failures.get(number, (0, now_s))
        return max(bucket_s, failed_at_s + self._delay_s(count) - now_s, 0.0)

    def begin(self, now_s: float) -> None:
        """One check is being made."""
        self._fill(now_s)
        self._tokens = max(0.0, self._tokens - 1)

    def failed(self, number: str, now_s: float) -> None:
        """The check of `number` failed."""
        count = self._count(number, now_s)
        self._failures.pop(number, None)
        self._failures[number] = (count + 1, now_s)
        if len(self._failures) > _MAX_REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, number: str) -> None:
        """The check of `number` succeeded."""
        self._failures.pop(number, None)
        self._tokens = min(float(self._burst), self._tokens + 1)

    def _count(self, number: str, now_s: float) -> int:
        count, failed_at_s = self._failures.get(number, (0, now_s))
        return max(0, count - int(max(0.0, now_s - failed_at_s) // self._rules.max_delay_s))

    def _delay_s(self, count: int) -> float:
        beyond = count - self._rules.free_tries
        if beyond < 0:
            return 0.0
        return float(min(self._rules.first_delay_s * 2 ** min(beyond, 20), self._rules.max_delay_s))

    def _fill(self, now_s: float) -> None:
        if self._filled_at_s is not None:
            passed_s = max(0.0, now_s - self._filled_at_s)
            self._tokens = min(float(self._burst), self._tokens + passed_s / self._spacing_s)
        self._filled_at_s = now_s


class PinDesk:
    """Checks PINs one at a time on its own thread; `ask` and `answer` return at once. `people` and `version` give those
    of the newest set; `now_s` is a monotonic clock in seconds."""

    def __init__(
        self,
        rules: config.Pin,
        *,
        people: Callable[[], tuple[int, Mapping[str, Person]]],
        now_s: Callable[[], float],
    ) -> None:
        self._people = people
        self._now_s = now_s
        self._throttle = Throttle(rules)
        self._questions: queue.SimpleQueue[tuple[int, str, str] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[PinAnswer] = queue.SimpleQueue()
        self._closing = False
        self._no_one = _hasher.hash("no one has this PIN")
        self._thread = threading.Thread(target=self._work, name="pin", daemon=True)
        self._thread.start()

    def ask(self, check: int, number: str, pin: str) -> None:
        """The check is queued; `answer` will give its PinAnswer under the same number."""
        self._questions.put((check, number, pin))

    def answer(self) -> PinAnswer | None:
        """Return the next answer that is ready, or None."""
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    @property
    def alive(self) -> bool:
        """Whether somebody is there to answer."""
        return self._thread.is_alive()

    def close(self) -> None:
        """The thread has ended; questions not begun get no answer."""
        self._closing = True
        self._questions.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (question := self._questions.get()) is not None and not self._closing:
            check, number, pin = question
            self._answers.put(self._judge(check, number, pin))

    def _judge(self, check: int, number: str, pin: str) -> PinAnswer:
        version, people = self._people()
        wait_s = self._throttle.wait_s(number, self._now_s())
        if wait_s > 0:
            return PinAnswer(check=check, verdict=PinVerdict.WAIT, wait_s=wait_s, gallery_version=version)
        self._throttle.begin(self._now_s())
        person = people.get(number)
        stored = person.pin if person else None
        right = check_pin(stored or self._no_one, number, pin)
        if person and stored and right:
            self._throttle.succeeded(number)
            return PinAnswer(check=check, verdict=PinVerdict.OK, employee=person.employee, gallery_version=version)
        now_s = self._now_s()
        self._throttle.failed(number, now_s)
        return PinAnswer(
            check=check,
            verdict=PinVerdict.REFUSED,
            wait_s=self._throttle.wait_s(number, now_s),
            gallery_version=version,
        )


_NIP_DIGITS = 18
# Besides patterns: rows of the keypad, and the years and words of published lists of leaked six-digit PINs.
_COMMON = frozenset(
    re.findall(
        "[0-9]{6}",
        """
    147258 147369 147852 159357 159753 246810 258369 258456 357159 369258 456852 741852 753159 789456 852456 963852
    123654 123789 789123 456123 112358 135790 314159 271828 123987 101010 102030 123450 159951 520131 131452 170845
    """,
    )
)


def _secret(employee: str, pin: str) -> str:
    """Bind the PIN to its employee, so that a hash copied to somebody else's row opens nothing."""
    return f"{employee}\n{pin}"


def _birthdays(nip: str) -> set[str]:
    """Return the six-digit ways to write the birth date with which an Indonesian civil servant's NIP begins."""
    year, month, day = nip[2:4], nip[4:6], nip[6:8]
    return {day + month + year, year + month + day, month + day + year, nip[:6], month + nip[:4], day + nip[:4]}
