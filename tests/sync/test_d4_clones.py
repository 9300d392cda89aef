"""D4: two machines with one identity. Each is told, neither loses a punch, and they do not fight over the broker."""

import itertools
import random
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

import config
import sync.mqtt
from sync.messages import Presence, TerminalStatus, encode
from sync.mqtt import Connected, Disconnected, Event, Link
from sync.outbox import Outbox
from sync.own_status import ALARM_KEPT_S, Condition, OwnStatus
from sync.register import Register
from sync.register.events import events_since
from sync.register.refusals import refusal_counts
from sync.register.statuses import all_statuses
from sync.wire import FIRST_TAKEOVER_WAIT_S, NEXT_TAKEOVER_WAIT_S, TAKEOVER_FORGOTTEN_S, takeover_wait
from tests.fakes import FakeLink
from tests.sync.samples import open_card
from tests.sync.way import Centre, Kiosk, collector, new_centre, signer_of, until

TIME = 0.02
"""How much faster than real life the waits after a takeover pass here."""


class Faster(random.Random):
    """Waits a fiftieth after a takeover and hardly at all otherwise; keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return super().uniform(a, b) * TIME if a >= 20 else min(0.05, b)


def test_d4_the_first_takeover_costs_half_a_minute_and_each_further_one_a_minute_or_two() -> None:
    rng = random.Random(4)
    first = [takeover_wait(rng, since_last_s=None) for _ in range(500)]
    assert 20 <= min(first) < 21 < 39 < max(first) <= 40
    for since_last_s in (0.0, 61.0, TAKEOVER_FORGOTTEN_S - 1):
        again = [takeover_wait(rng, since_last_s=since_last_s) for _ in range(500)]
        assert 60 <= min(again) < 63 < 117 < max(again) <= 120
    assert takeover_wait(rng, since_last_s=TAKEOVER_FORGOTTEN_S) <= 40


def test_d4_the_alarm_is_told_within_a_minute_and_stands_longer_than_the_next_takeover_takes() -> None:
    """It goes into the first status after the wait, which the real uplink test below shows."""
    assert FIRST_TAKEOVER_WAIT_S[1] + sync.mqtt.CONNECT_TIMEOUT_S < 60
    assert NEXT_TAKEOVER_WAIT_S[1] < ALARM_KEPT_S


@pytest.mark.parametrize("seed", range(50))
def test_d4_two_clones_take_the_place_from_each_other_once_a_minute_at_most(seed: int) -> None:
    rng = random.Random(seed)
    now, victim = 0.0, 0
    last: list[float | None] = [None, None]
    takeovers = []
    for _ in range(60):
        takeovers.append(now)
        before = last[victim]
        last[victim] = now
        now += takeover_wait(rng, since_last_s=None if before is None else now - before)
        victim = 1 - victim  # the one that comes back takes over from the other
    gaps = [later - earlier for earlier, later in itertools.pairwise(takeovers)]
    assert min(gaps) >= 20
    assert min(gaps[2:]) >= 60


@contextmanager
def links(mqtt: config.Mqtt, count: int = 1) -> Iterator[list[tuple[Link, Faster]]]:
    """Yield links with one client id, each connected in its turn, and the waits they ask for."""
    pairs = []
    try:
        for _ in range(count):
            rng = Faster()
            link = Link(mqtt, client_id="lobby-1", rng=rng)
            pairs.append((link, rng))
            link.start()
            await_kind(link, Connected)
        yield pairs
    finally:
        for link, _ in pairs:
            link.stop()


E = TypeVar("E", bound=Event)


def await_kind(link: Link, kind: type[E]) -> E:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        event = link.next(1)
        if isinstance(event, kind):
            return event
    pytest.fail(f"no {kind.__name__} came")


@contextmanager
def taking_over() -> Iterator[config.Mqtt]:
    """A broker that takes everybody in and says at once that another came with the same id."""
    welcome, goodbye = b"\x20\x03\x00\x00\x00", b"\xe0\x02\x8e\x00"  # MQTT 5: CONNACK, DISCONNECT 0x8E
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    stream, _ = server.accept()
                    with stream:
                        stream.recv(1000)
                        stream.sendall(welcome + goodbye)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield config.Mqtt(port=server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.slow
def test_d4_a_link_that_is_told_of_a_takeover_says_so_and_comes_back_late() -> None:
    with taking_over() as mqtt, links(mqtt) as ((link, rng),):
        for _ in range(3):
            lost = await_kind(link, Disconnected)
            assert lost.taken_over
            assert lost.reason.endswith("another client uses the same id; see that each terminal.id exists once")
        await_kind(link, Connected)
    assert rng.asked[:3] == [FIRST_TAKEOVER_WAIT_S, NEXT_TAKEOVER_WAIT_S, NEXT_TAKEOVER_WAIT_S]


@pytest.mark.slow
def test_d4_a_loss_is_ordinary_until_the_owner_knows_of_another(mosquitto: config.Mqtt) -> None:
    """mosquitto before 2.0.13 just closes the connection of whoever was taken over."""
    with links(mosquitto) as ((link, rng),), links(mosquitto) as ((_, rng_other),):
        await_kind(link, Disconnected)
        link.contested()
        await_kind(link, Connected)
        lost = await_kind(link, Disconnected)
        assert lost.taken_over
        link.reconnect("the test")
        assert rng_other.asked
    assert rng.asked[1] in (FIRST_TAKEOVER_WAIT_S, NEXT_TAKEOVER_WAIT_S)


@pytest.mark.slow
def test_d4_an_ordinary_loss_is_no_takeover(mosquitto: config.Mqtt) -> None:
    with links(mosquitto) as ((link, rng),):
        link.contested()
        link.reconnect("the test")
        assert await_kind(link, Disconnected) == Disconnected(reason="the test", taken_over=False)
        await_kind(link, Connected)
    assert rng.asked[0] == (0, 1)


def fights(mqtt: config.Mqtt) -> int:
    """Return how often two links with one id throw each other out in what stands for a minute."""
    fought = 0
    with links(mqtt, 2) as pairs:
        for link, _ in pairs:
            link.contested()
        ends = time.monotonic() + 60 * TIME
        while time.monotonic() < ends:
            for link, _ in pairs:
                fought += isinstance(link.next(0.01), Disconnected)
    return fought


@pytest.mark.slow
def test_d4_the_control_without_these_waits_is_a_fight(mosquitto: config.Mqtt, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fights(mosquitto) <= 4  # each its first and its second
    monkeypatch.setattr(sync.mqtt, "takeover_wait", lambda *_, **__: 0.02)
    assert fights(mosquitto) > 8


@pytest.mark.parametrize(
    ("another", "newer_by_s", "presence", "cloned"),
    [
        (True, 1, Presence.ONLINE, True),
        (False, 1, Presence.ONLINE, False),  # our own, come back to us
        (True, -1, Presence.ONLINE, False),  # from before we started, put back with an old state of the broker
        (True, 1, Presence.OFFLINE, False),  # a last will says nothing of who is there
    ],
)
def test_d4_a_status_of_another_machine_under_our_name_is_told_from_our_own(
    another: bool, newer_by_s: int, presence: Presence, cloned: bool, tmp_path: Path
) -> None:
    link = FakeLink()
    link.start()
    own = OwnStatus(office="demo", terminal="lobby-1", device_key=signer_of("lobby-1").public.hex(), every_s=10)
    at = datetime.now(UTC) + timedelta(seconds=newer_by_s)
    found = encode(
        TerminalStatus(
            office="demo", terminal="lobby-1", presence=presence, at=at, boot_id=("c" if another else "b") * 32
        )
    )
    assert not own.is_anothers(found)  # that of our own last life: we have not told ours yet
    with closing(open_card(tmp_path)) as card:
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=signer_of("lobby-1"))
        link.connect()
        own.tell(link, lambda: Condition(boot_id="b" * 32), outbox)
    assert not own.is_anothers(found)  # nor has the broker ours
    own.answered(link.published[-1].mid)
    assert own.is_anothers(found) is cloned
    assert not own.is_anothers(b"garbage")


@pytest.fixture
def centre(tmp_path: Path, sqlite_url: str) -> Centre:
    return new_centre(sqlite_url, tmp_path / "keys")


def copy_card(source: Path, target: Path) -> None:
    """Have everything of one card on another, as an image of it would."""
    target.mkdir()
    with closing(open_card(source)) as one, closing(sqlite3.connect(target / "card.sqlite")) as two:
        one.backup(two)


@pytest.mark.slow
def test_d4_two_kiosks_from_one_card_lose_nothing_double_nothing_and_are_told_of(
    tmp_path: Path, mosquitto: config.Mqtt, centre: Centre
) -> None:
    with Register.open(centre.url) as register, collector(centre, mosquitto):
        with closing(Kiosk(tmp_path / "one", mosquitto, centre.collector_key)) as first:
            first.punch(20)
            until(first.drained, "the first life is through")
        copy_card(tmp_path / "one", tmp_path / "two")
        began = time.monotonic()
        with (
            closing(Kiosk(tmp_path / "one", mosquitto, centre.collector_key, rng=Faster())) as one,
            closing(Kiosk(tmp_path / "two", mosquitto, centre.collector_key, rng=Faster())) as two,
        ):
            for number in range(40):
                (one, two)[number % 2].punch(1 + number % 3)
                time.sleep(0.02)
            until(lambda: "identity_cloned" in alarms(register), "the centre is told of the clone")
            print(f"told after {time.monotonic() - began:.2f} s, which stand for {1 / TIME:.0f} times as long")
            until(one.drained, "the one has everything through")
            until(two.drained, "the other has everything through")
            thanked = sorted(receipts(one) + receipts(two))
        assert len(thanked) == 2 * 20 + len(one.sent) + len(two.sent)
        there = sorted(row.receipt for row in events_since(register, 0, limit=10_000))
        assert there == sorted(set(thanked))
        assert refusal_counts(register).quarantined > 0  # the evidence that there were two


def alarms(register: Register) -> tuple[str, ...]:
    with suppress(ValueError):
        (state,) = all_statuses(register)
        return state.status.alarms
    return ()


def receipts(kiosk: Kiosk) -> list[str]:
    """Return the code of everything this card was thanked for, each once."""
    rows = kiosk.card.execute("SELECT DISTINCT receipt FROM outbox WHERE receipt IS NOT NULL").fetchall()
    return [receipt for (receipt,) in rows]
