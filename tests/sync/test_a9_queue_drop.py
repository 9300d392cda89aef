"""A9 and A10: brokers that forget what they said yes to. The control, which asks the broker only, loses most of it."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

import config
from demo import broker
from sync.mqtt import Connected, Link, Received, Sent
from sync.register import Register
from sync.register.events import count_events, events_since, payload_of
from tests.sync.way import Centre, Hasty, Kiosk, await_collector, collector, exactly, new_centre, until

pytestmark = pytest.mark.slow

PUNCHES = 5000
KIOSKS = tuple(f"lobby-{number}" for number in range(1, 6))
EVENTS = "hadir/v1/+/+/event"
DROPPED = "$SYS/broker/publish/messages/dropped"


@pytest.fixture
def centre(tmp_path: Path, sqlite_url: str) -> Centre:
    return new_centre(sqlite_url, tmp_path / "keys", KIOSKS)


@pytest.fixture(autouse=True)
def _mosquitto(program: Callable[[str], str]) -> None:
    program("mosquitto")


@contextmanager
def default_limits() -> Iterator[config.Mqtt]:
    """Run mosquitto with its own limits: it keeps 1,000 messages for whoever is away."""
    port = broker.free_port()
    with broker.mosquitto(port, own=f"listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n") as running:
        yield running.settings


@contextmanager
def client(mqtt: config.Mqtt, name: str, *filters: str, remembered: bool = True) -> Iterator[Link]:
    """Yield a connected and subscribed link; the broker keeps its session afterwards."""
    link = Link(mqtt, client_id=name, rng=Hasty(), session_expiry_s=3600 if remembered else 0)
    link.start()
    try:
        assert isinstance(link.next(10), Connected)
        if filters:
            link.subscribe(*filters)
            while not isinstance(link.next(10), Sent):
                pass
        yield link
    finally:
        link.stop()


def told_success(mqtt: config.Mqtt, count: int) -> int:
    """Return how many of `count` messages the broker says it took."""
    with client(mqtt, "lobby-1") as link:
        sent = taken = answered = 0
        while answered < count:
            while sent < count and sent - answered < link.in_flight:
                link.publish("hadir/v1/demo/lobby-1/event", b"%d" % sent)
                sent += 1
            event = link.next(10)
            assert event is not None
            if isinstance(event, Sent):
                answered += 1
                taken += event.ok
    return taken


def received(link: Link) -> int:
    """Return how many messages come until none comes for a second."""
    count = 0
    while (event := link.next(1)) is not None:
        count += isinstance(event, Received)
    return count


def test_a9_the_control_the_broker_alone_delivers_a_fifth_of_what_it_said_yes_to() -> None:
    with default_limits() as mqtt:
        with client(mqtt, "hadir-collector", EVENTS):
            pass
        assert told_success(mqtt, PUNCHES) == PUNCHES
        with client(mqtt, "hadir-collector") as back:
            delivered = received(back)
    print(f"{delivered} of {PUNCHES} delivered")
    assert 900 < delivered < 1200


def test_a9_punches_made_while_the_collector_is_away_arrive_though_the_broker_drops_them(
    tmp_path: Path, centre: Centre
) -> None:
    with ExitStack() as stack:
        mqtt = stack.enter_context(default_limits())
        register = stack.enter_context(Register.open(centre.url))
        with collector(centre, mqtt):
            await_collector(mqtt)  # from now on the broker knows it, and keeps messages for it
        kiosks = [
            stack.enter_context(closing(Kiosk(tmp_path / name, mqtt, centre.collector_key, name, resend_after_s=0.5)))
            for name in KIOSKS
        ]
        for kiosk in kiosks:
            kiosk.punch(PUNCHES // len(kiosks))
        onlooker = stack.enter_context(client(mqtt, "onlooker", DROPPED, remembered=False))
        until(lambda: dropped(onlooker) > 0, "the broker's queue is full")
        assert count_events(register) == 0
        began = time.monotonic()
        stack.enter_context(collector(centre, mqtt))
        for kiosk in kiosks:
            until(kiosk.drained, "the outbox is empty")
        print(f"{PUNCHES} arrived {time.monotonic() - began:.1f} s after the collector was started")
        rows = events_since(register, 0, limit=2 * PUNCHES)
        assert len(rows) == PUNCHES
        for name, kiosk in zip(KIOSKS, kiosks, strict=True):
            ours = sorted((row.seq, row.id) for row in rows if row.terminal == name)
            assert [payload_of(register, each) for _, each in ours] == kiosk.sent


def dropped(onlooker: Link) -> int:
    """Return how many messages the broker says it has dropped, as it says once a second; 0 before it said so."""
    count = 0
    while (event := onlooker.next(0)) is not None:
        if isinstance(event, Received):
            count = int(event.payload)
    return count


def test_a10_the_control_a_wiped_broker_delivers_nothing_of_what_it_said_yes_to(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(broker.mosquitto(folder=tmp_path))
        with client(server.settings, "hadir-collector", EVENTS):
            pass
        assert told_success(server.settings, 100) == 100
        server = wiped(stack, server, tmp_path)
        with client(server.settings, "hadir-collector", EVENTS) as back:
            assert received(back) == 0


def test_a10_a_broker_wiped_ten_times_midway_loses_nothing(tmp_path: Path, centre: Centre) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with ExitStack() as stack:
        brokers = stack.enter_context(ExitStack())
        folder = tmp_path / "broker"
        folder.mkdir()
        server = brokers.enter_context(broker.mosquitto(folder=folder))
        register = stack.enter_context(Register.open(centre.url))
        stack.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings, centre.collector_key)))
        for _ in range(10):
            kiosk.punch(rng.randint(1, 60))
            time.sleep(rng.uniform(0, 0.3))
            server = wiped(brokers, server, folder, lambda: kiosk.punch(rng.randint(0, 20)))
        kiosk.punch(20)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def wiped(
    brokers: ExitStack, server: broker.Broker, folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> broker.Broker:
    """Return a new broker in place of the one in `brokers`, which was killed and everything it kept deleted."""
    server.kill()
    meanwhile()
    brokers.close()
    kept = list(folder.iterdir())
    print(f"deleted {[each.name for each in kept]}")
    shutil.rmtree(folder)
    folder.mkdir()
    return brokers.enter_context(broker.mosquitto(server.settings.port, folder=folder))
