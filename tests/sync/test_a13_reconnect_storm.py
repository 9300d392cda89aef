"""A13: 300 kiosks whose broker was away come back, all of them and not at once.

Nobody shares a clock or a seed here: each Link draws its own waits, as on 300 machines.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

import config
import sync.mqtt
from demo import broker
from sync.mqtt import Connected, Link
from sync.wire import LONGEST_WAIT_S, reconnect_wait
from tests.sync.test_mqtt import strange_server

KIOSKS = 300
MOST_IN_A_SECOND = 0.10
BACK_S = 90.0


@dataclass(slots=True)
class Fleet:
    """So many connected links, and when each came back, in seconds of one monotonic clock."""

    links: list[Link] = field(default_factory=list)
    came_at: list[list[float]] = field(default_factory=list)

    @property
    def up(self) -> int:
        return sum(link.connected for link in self.links)

    def look(self) -> None:
        """Note who came back since the last look."""
        for link, came_at in zip(self.links, self.came_at, strict=True):
            while (event := link.next(0)) is not None:
                if isinstance(event, Connected):
                    came_at.append(time.monotonic())

    def forget(self) -> None:
        """Nobody has come back yet."""
        self.look()
        for each in self.came_at:
            each.clear()

    def await_all(self, deadline_s: float) -> None:
        self.await_up(len(self.links), deadline_s)

    def await_up(self, count: int, deadline_s: float) -> None:
        ends = time.monotonic() + deadline_s
        while self.up < count:
            self.look()
            assert time.monotonic() < ends, f"only {self.up} of {len(self.links)} are back after {deadline_s} s"
            time.sleep(0.02)
        self.look()


@contextmanager
def fleet(mqtt: config.Mqtt) -> Iterator[Fleet]:
    made = Fleet()
    try:
        for number in range(KIOSKS):
            link = Link(mqtt, client_id=f"lobby-{number}")
            made.links.append(link)
            made.came_at.append([])
            link.start()
        made.await_all(30)
        yield made
    finally:
        stoppers = [threading.Thread(target=link.stop) for link in made.links]
        for thread in stoppers:
            thread.start()
        for thread in stoppers:
            thread.join()


def fullest_second(times: list[float]) -> float:
    """Return the share of `times` that lies within the fullest second, wherever that begins."""
    times = sorted(times)
    return max(sum(start <= at < start + 1 for at in times) for start in times) / len(times)


@pytest.fixture
def port(program: Callable[[str], str]) -> int:
    program("mosquitto")
    return broker.free_port()


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a13_after_a_real_minute_everybody_is_back_and_no_second_is_full(port: int) -> None:
    with broker.mosquitto(port) as first, fleet(first.settings) as kiosks:
        first.kill()
        time.sleep(60)
        kiosks.forget()
        with broker.mosquitto(port):
            kiosks.await_all(BACK_S)
        back = [came_at[0] for came_at in kiosks.came_at]
        print(f"all back within {max(back) - min(back):.1f} s, fullest second {fullest_second(back):.1%}")
        assert fullest_second(back) <= MOST_IN_A_SECOND


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("away_s", [5.0, pytest.param(60.0, marks=pytest.mark.nightly)], ids=["short", "whole"])
def test_a13_a_broker_that_dies_again_in_the_midst_of_their_return_has_them_all_in_the_end(
    away_s: float, port: int
) -> None:
    with broker.mosquitto(port) as first, fleet(first.settings) as kiosks:
        first.kill()
        time.sleep(away_s)
        with broker.mosquitto(port) as second:
            kiosks.await_up(KIOSKS // 2, BACK_S)
            second.kill()
        kiosks.forget()
        with broker.mosquitto(port):
            began = time.monotonic()
            kiosks.await_all(BACK_S)
            print(f"away for {away_s:g} s, killed again: all back after {time.monotonic() - began:.1f} s")


def outage(seed: int, away_s: float, wait: Callable[..., float] = reconnect_wait) -> list[float]:
    """Return when each of 300 kiosks is back after an outage, in seconds from its end, by the waits alone."""
    back = []
    for number in range(KIOSKS):
        rng = random.Random(f"{seed} {number}")
        now, attempt = 0.0, 0
        while now < away_s:
            now += wait(attempt, rng, away_s=now)
            attempt += 1
        back.append(now - away_s)
    return back


@pytest.mark.parametrize("seed", range(20))
def test_a13_after_a_minute_everybody_is_back_within_another_and_no_second_is_full(seed: int) -> None:
    back = outage(seed, 60)
    assert max(back) <= 60
    assert fullest_second(back) <= MOST_IN_A_SECOND


@pytest.mark.parametrize("away_s", [2, 10, 600, 7200])
def test_a13_nobody_stays_away_longer_than_the_outage_was_or_five_minutes(away_s: float) -> None:
    for seed in range(5):
        assert max(outage(seed, away_s)) <= min(LONGEST_WAIT_S, max(8, away_s))


def test_a13_the_control_without_that_limit_has_kiosks_away_for_minutes_more() -> None:
    def unlimited(attempt: int, rng: random.Random, *, away_s: float) -> float:
        return reconnect_wait(attempt, rng)

    assert all(max(outage(seed, 60, unlimited)) > BACK_S for seed in range(20))


def test_a13_the_control_with_paho_s_own_waits_has_everybody_in_one_second() -> None:
    def doubling(attempt: int, rng: random.Random, *, away_s: float) -> float:
        return min(120.0, 2.0**attempt)

    assert fullest_second(outage(1, 60, doubling)) == 1.0


class Noting(random.Random):
    """Draws as always, notes it, and has the link wait a thousandth of it."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.drawn.append(super().uniform(a, b))
        return self.drawn[-1] / 1000


@pytest.mark.slow
def test_a13_a_broker_that_never_answers_gets_no_two_alike_kiosks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve withheld CONNACKs for each of eight kiosks."""
    monkeypatch.setattr(sync.mqtt, "CONNECT_TIMEOUT_S", 0.05)
    monkeypatch.setattr(sync.mqtt, "_TURN_S", 0.02)
    monkeypatch.setattr("sync.wire.SHORT_OUTAGE_S", LONGEST_WAIT_S)  # the outage lasts no real minutes here
    with strange_server(None) as mqtt:
        rngs = [Noting() for _ in range(8)]
        links = [Link(mqtt, client_id=f"lobby-{number}", rng=rng) for number, rng in enumerate(rngs)]
        try:
            for link in links:
                link.start()
            ends = time.monotonic() + 30
            while any(len(rng.drawn) < 12 for rng in rngs):
                assert time.monotonic() < ends
                time.sleep(0.02)
        finally:
            for link in links:
                link.stop()
    for rng in rngs:
        assert all(0 <= wait <= min(LONGEST_WAIT_S, 2.0**n) for n, wait in enumerate(rng.drawn[:12]))
        assert max(rng.drawn[:12]) > 16
    for n in range(12):
        assert len(Counter(rng.drawn[n] for rng in rngs)) == len(rngs)
