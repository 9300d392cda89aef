"""How long whoever types a PIN must wait, by number and for the whole kiosk. *Pure*: time is an argument.

Nobody is ever locked out. After `free_tries` failures for a number each next one doubles its delay; a failure is
forgotten for every `max_delay_s` that passes without another. After `tries_per_day` failures of a number in one day it
is checked only when `max_delay_s` have passed without any try: whoever keeps trying is kept waiting, and the owner
waits so long once the trying has stopped. The kiosk itself makes `tries_per_minute` checks at most in any minute: a
few at once, then one every few seconds, so that a colleague behind a guesser waits seconds. A right PIN gives its check
back: a queue of people who know their PINs is not slowed down.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import config

MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What is remembered of one number. `count` falls with time, `today` only with the day; both times are on the
    steady clock, in seconds, `tried_at_s` also of tries that were not checked."""

    count: int
    today: int
    failed_at_s: float
    tried_at_s: float


class Throttle:
    """The state of one kiosk's delays."""

    def __init__(self, rules: config.Pin) -> None:
        self._rules = rules
        self._failures: dict[str, Failures] = {}
        self._day = date.min
        self._burst = max(1, rules.tries_per_minute * 2 // 5)
        self._spacing_s = 60 / max(1, rules.tries_per_minute - self._burst)
        self._tokens = float(self._burst)
        self._filled_at_s: float | None = None

    def restore(self, remembered: Iterable[tuple[str, Failures]], day: date) -> None:
        """What was remembered before, as it was on `day`, is so again."""
        self._failures = dict(remembered)
        self._day = day

    def turn_to(self, day: date) -> None:
        """It is `day` in the office; what was counted on another no longer is."""
        if day != self._day:
            self._failures = {number: replace(known, today=0) for number, known in self._failures.items()}
            self._day = day

    def wait_s(self, number: str, now_s: float) -> float:
        """Return how many seconds `number` must wait at this kiosk before a check; 0 when it may go ahead."""
        self._fill(now_s)
        bucket_s = 0.0 if self._tokens >= 1 else (1 - self._tokens) * self._spacing_s
        known = self._failures.get(number)
        if known is None:
            return bucket_s
        delay_s = known.failed_at_s + self._delay_s(known.count) - now_s
        silence_s = known.tried_at_s + self._rules.max_delay_s - now_s if self._is_over(known) else 0.0
        return max(bucket_s, delay_s, silence_s, 0.0)

    def put_off(self, number: str, now_s: float) -> None:
        """A try of `number` was not checked, for it had to wait."""
        known = self._failures.get(number)
        if known is not None and self._is_over(known):
            self._failures[number] = replace(known, tried_at_s=now_s)

    def begin(self, now_s: float) -> None:
        """One check is being made."""
        self._fill(now_s)
        self._tokens = max(0.0, self._tokens - 1)

    def failed(self, number: str, now_s: float) -> Failures:
        """The check of `number` failed; return what is remembered of it now."""
        known = self._failures.pop(number, None)
        count = self._count(known, now_s) + 1
        today = (known.today if known else 0) + 1
        made = Failures(count=count, today=today, failed_at_s=now_s, tried_at_s=now_s)
        self._failures[number] = made
        if len(self._failures) > MAX_REMEMBERED:
            del self._failures[next(iter(self._failures))]
        return made

    def succeeded(self, number: str) -> None:
        """The check of `number` succeeded: its delay is over.

        The day's failures stay counted: an owner who punches gives a guesser no new tries.
        """
        self._tokens = min(float(self._burst), self._tokens + 1)
        known = self._failures.pop(number, None)
        if known is not None and known.today > 0:
            self._failures[number] = replace(known, count=0)

    def _is_over(self, known: Failures) -> bool:
        return known.today >= self._rules.tries_per_day

    def _count(self, known: Failures | None, now_s: float) -> int:
        if known is None:
            return 0
        return max(0, known.count - int(max(0.0, now_s - known.failed_at_s) // self._rules.max_delay_s))

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
