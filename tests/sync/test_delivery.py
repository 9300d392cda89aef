"""The whole way, with real brokers, a real register and processes that are killed: nothing lost, nothing doubled.

The control at the end drops rows at the broker's PUBACK, as a simpler design would, and must lose some.
"""

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

import config
from demo import broker
from sync.messages import Ack, ClockQuality, Presence, TerminalStatus, encode, gallery_topic, terminal_topic
from sync.mqtt import Connected, Link, LinkDown, Received, Sent, Will
from sync.outbox import Outbox
from sync.own_status import Condition
from sync.received_sets import ReleaseDoor
from sync.register import Register
from sync.register.events import all_heads, count_events, events_since, payload_of
from sync.register.refusals import refusal_counts
from sync.register.statuses import all_statuses
from sync.releases import EncodingSet
from sync.uplink import Uplink
from tests.sync.samples import BOOT, event, open_card, punch

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 40.0

pytestmark = pytest.mark.slow


class Hasty(random.Random):
    """Reconnects within 0.1 s, resends at once when due: the waits themselves are tested elsewhere."""

    def uniform(self, a: float, b: float) -> float:
        return a if a >= 1 else min(b, 0.1)


def until(true: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for something another process does, which nobody can announce here."""
    deadline = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


class Kiosk:
    """A card and a running uplink."""

    def __init__(
        self, folder: Path, mqtt: config.Mqtt, terminal: str = "lobby-1", *, resend_after_s: float = 1.5
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.settings = config.replace(
            config.Config(),
            mqtt={"port": mqtt.port},
            terminal={"id": terminal},
            uplink={"resend_after_s": resend_after_s},
        )
        self.card = open_card(folder)
        self.outbox = Outbox(self.card, office="demo", terminal=terminal)
        self.sets: list[EncodingSet] = []
        self.sent: list[bytes] = []
        self._stop = threading.Event()
        status = TerminalStatus(
            office="demo", terminal=terminal, presence=Presence.OFFLINE, at=event(1).punch.occurred_at
        )
        self.uplink = Uplink(
            self.settings,
            open_card=lambda: open_card(folder),
            condition=lambda: Condition(camera="ok"),
            releases=ReleaseDoor(check=self._check, keep=lambda _: None, kept=lambda: None),
            on_release=self.sets.append,
            link=Link(
                self.settings.mqtt,
                client_id=terminal,
                will=Will(topic=status.topic, payload=encode(status)),
                rng=Hasty(),
            ),
            rng=Hasty(),
        )
        self._thread = threading.Thread(target=self.uplink.run, args=(self._stop,))
        self._thread.start()

    @staticmethod
    def _check(blob: bytes, newer_than: int) -> EncodingSet:
        at = event(1).punch.occurred_at
        return EncodingSet(office="demo", version=len(blob), engine_id="t", dimension=16, created_at=at, people=())

    def punch(self, count: int = 1) -> None:
        for _ in range(count):
            recorded = self.outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1)
            self.sent.append(encode(recorded))
            self.uplink.wake()

    def drained(self) -> bool:
        return self.outbox.depth() == 0

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.card.close()
        assert not self._thread.is_alive()


@contextmanager
def collector(url: str, mqtt: config.Mqtt, before: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Run a collector as its own process; `before` is code run in it first. Killed with -9 at the end."""
    program = f"""
import random, sys, threading
sys.path.insert(0, {str(PROJECT)!r})
import config, sync.collector, sync.mqtt
from tests.sync.samples import released
from tests.sync.test_delivery import Hasty
link = sync.collector.Link
sync.collector.Link = lambda *given, **more: link(*given, rng=Hasty(), **more)
{before}
settings = config.replace(config.Config(), centre={{"register": {url!r}}}, mqtt={{"port": {mqtt.port}}})
print("up", flush=True)
sync.collector.run(settings, stop=threading.Event(), released=released({{"demo": b"the set"}}))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def await_collector(mqtt: config.Mqtt) -> None:
    """The collector listens: it lays the office's set on its topic after it has subscribed.

    A broker drops what nobody subscribed to yet, and a kiosk nobody knows waits `resend_after_s` to send it again.
    """
    deadline = time.monotonic() + DEADLINE_S
    with ExitStack() as stack:
        link = Link(mqtt, client_id="onlooker", rng=Hasty())
        stack.callback(link.stop)
        link.start()
        while time.monotonic() < deadline:
            match link.next(1):
                case Connected():
                    link.subscribe(gallery_topic("demo"))
                case Received():
                    return
    pytest.fail("the collector never came")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/centre/register.sqlite"


@pytest.fixture
def register(url: str) -> Iterator[Register]:
    with Register.open(url) as opened:
        yield opened


@pytest.fixture(params=["embedded", "mosquitto"])
def start(request: pytest.FixtureRequest, program: Callable[[str], str]) -> Callable[..., object]:
    """A function that starts the broker of this kind on a port."""
    if request.param == "mosquitto":
        program("mosquitto")
        return broker.mosquitto
    return broker.embedded


def exactly(register: Register, kiosk: Kiosk) -> None:
    """Every punch of the kiosk is in the register once, with the bytes it recorded, and nothing else is."""
    assert count_events(register) == len(kiosk.sent)
    rows = sorted(events_since(register, 0, limit=100_000), key=lambda row: row.seq)
    assert [payload_of(register, row.id) for row in rows] == kiosk.sent
    (head,) = all_heads(register)
    assert head.upto == head.highest == len(kiosk.sent)
    counts = refusal_counts(register)
    assert (counts.rejected, counts.quarantined) == (0, 0)


def test_punches_arrive_once_and_are_acknowledged(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(url, server.settings))
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        kiosk.punch(300)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)
        until(lambda: bool(kiosk.sets), "the encoding set arrives")


def test_a_punch_is_in_the_register_within_a_second(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(url, server.settings))
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        kiosk.punch()
        until(kiosk.drained, "the way is open")
        waits = []
        for _ in range(10):
            began = time.monotonic()
            kiosk.punch()
            while count_events(register) < len(kiosk.sent):
                assert time.monotonic() - began < 5
                time.sleep(0.005)
            waits.append(time.monotonic() - began)
    print("commit to register, ms:", [round(1000 * wait) for wait in sorted(waits)])
    assert sorted(waits)[5] < 0.5


def test_a_broker_killed_midway_that_forgets_everything_loses_nothing(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(start())  # type: ignore[arg-type]
        port = server.settings.port
        stack.enter_context(collector(url, server.settings))
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        for _ in range(3):
            kiosk.punch(60)
            until(lambda: count_events(register) > len(kiosk.sent) - 50, "some are through")
            server.kill()
            kiosk.punch(30)
            first.close()
            server = first.enter_context(start(port))  # type: ignore[arg-type]
            kiosk.punch(30)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_collector_that_comes_late_gets_everything_and_nothing_was_acknowledged_before(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        kiosk.punch(100)
        time.sleep(2)  # long enough for every broker's PUBACK, and for a resend
        assert kiosk.outbox.depth() == 100
        stack.enter_context(collector(url, server.settings))
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_what_a_broker_lost_while_the_collector_was_away_is_there_soon_after_it_returns(
    tmp_path: Path, url: str, register: Register
) -> None:
    """Not after `resend_after_s`: a collector that comes says how far it is, and the kiosk sends what is missing."""
    with ExitStack() as stack:
        brokers, collectors = stack.enter_context(ExitStack()), stack.enter_context(ExitStack())
        server = brokers.enter_context(broker.embedded())
        collectors.enter_context(collector(url, server.settings))
        await_collector(server.settings)
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings, resend_after_s=3600)))
        kiosk.punch()
        until(kiosk.drained, "the way is open")
        collectors.close()
        server.kill()
        brokers.close()
        server = brokers.enter_context(broker.embedded(server.settings.port))
        kiosk.punch(30)
        time.sleep(1.5)  # the kiosk is connected again, and the broker has dropped what it was given
        began = time.monotonic()
        collectors.enter_context(collector(url, server.settings))
        until(kiosk.drained, "the outbox is empty")
        assert time.monotonic() - began < 10
        exactly(register, kiosk)


@pytest.mark.parametrize("moment", ["before the commit", "between commit and acknowledgement"])
def test_a_collector_killed_between_receipt_and_acknowledgement_counts_each_punch_once(
    start: Callable[..., object], moment: str, tmp_path: Path, url: str, register: Register
) -> None:
    stuck = """
import time
take = sync.collector.take
def stop_here(*given, **more):
    if not more["events"]:
        return take(*given, **more)
    if AFTER:
        take(*given, **more)
    print("now", flush=True)
    time.sleep(600)
sync.collector.take = stop_here
""".replace("AFTER", str(moment.startswith("between")))
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        with collector(url, server.settings, stuck) as victim:
            assert victim.stdout is not None
            kiosk.punch(10)
            assert victim.stdout.readline() == "now\n"
            committed = count_events(register)
            assert (committed > 0) is moment.startswith("between")
            assert kiosk.outbox.depth() == 10
        stack.enter_context(collector(url, server.settings))
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_storm_of_kills_on_both_sides_of_the_broker(
    tmp_path: Path, url: str, register: Register, program: Callable[[str], str]
) -> None:
    """The collector dies five times, the broker (which keeps nothing) three times, while punches go on."""
    program("mosquitto")
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with ExitStack() as stack:
        brokers, collectors = stack.enter_context(ExitStack()), stack.enter_context(ExitStack())
        server = brokers.enter_context(broker.mosquitto())
        port = server.settings.port
        collectors.enter_context(collector(url, server.settings))
        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        kills = ["collector"] * 5 + ["broker"] * 3
        rng.shuffle(kills)
        for victim in kills:
            kiosk.punch(rng.randint(5, 60))
            time.sleep(rng.uniform(0, 0.4))
            if victim == "broker":
                server.kill()
                brokers.close()
                server = brokers.enter_context(broker.mosquitto(port))
            else:
                collectors.close()
                collectors.enter_context(collector(url, server.settings))
        kiosk.punch(20)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_kiosk_that_starts_again_sends_what_was_left(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        with closing(Kiosk(tmp_path / "card", server.settings)) as first:
            first.punch(40)
        stack.enter_context(collector(url, server.settings))
        second = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        second.sent[:0] = first.sent
        second.punch(10)
        until(second.drained, "the outbox is empty")
        exactly(register, second)


def test_strangers_on_the_topics_harm_nobody(tmp_path: Path, url: str, register: Register) -> None:
    """Garbage, another terminal's event, a copy with other bytes, a forged acknowledgement; two kiosks go on."""
    with ExitStack() as stack:
        server = stack.enter_context(broker.embedded())
        stack.enter_context(collector(url, server.settings))
        one = stack.enter_context(closing(Kiosk(tmp_path / "one", server.settings, "lobby-1")))
        two = stack.enter_context(closing(Kiosk(tmp_path / "two", server.settings, "lobby-2")))
        one.punch(5)
        two.punch(5)
        until(lambda: one.drained() and two.drained(), "the way is open")

        stranger = Link(server.settings, client_id="stranger", rng=Hasty())
        stranger.start()
        stack.callback(stranger.stop)
        assert isinstance(stranger.next(5), Connected)
        events = terminal_topic("demo", "lobby-1", "event")
        stranger.publish(events, b"\x00garbage\xff")
        stranger.publish(terminal_topic("demo", "lobby-2", "event"), one.sent[0])
        stranger.publish(events, one.sent[0].replace(b'"employee":"1987"', b'"employee":"6666"'))
        forged = Ack(office="demo", terminal="lobby-2", epoch=two.outbox.epoch, upto=2**50)
        stranger.publish(terminal_topic("demo", "lobby-1", "ack"), encode(forged))
        one.punch(5)
        two.punch(5)
        until(lambda: one.drained() and two.drained(), "both go on")
        until(lambda: refusal_counts(register).rejected == 2, "two are rejected")
        assert refusal_counts(register).quarantined == 1
        assert count_events(register) == 20
        assert {row.employee for row in events_since(register, 0)} == {"1987"}
        until(
            lambda: any("ack_refused" in state.status.alarms for state in all_statuses(register)),
            "the kiosk tells of the forged acknowledgement",
        )


def test_the_centre_sees_a_kiosk_come_and_go(
    start: Callable[..., object], tmp_path: Path, url: str, register: Register
) -> None:
    def online() -> bool:
        return [state.online for state in all_statuses(register)] == [True]

    def offline() -> bool:
        return [state.online for state in all_statuses(register)] == [False]

    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(url, server.settings))
        with closing(Kiosk(tmp_path / "card", server.settings)) as kiosk:
            until(online, "it is seen")
            assert kiosk.outbox.epoch == all_statuses(register)[0].status.epoch
        until(offline, "its goodbye is seen")

        program = f"""
import sys, threading, time
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
import config
from tests.sync.test_delivery import Kiosk
kiosk = Kiosk(Path({str(tmp_path / "card")!r}), config.Mqtt(port={server.settings.port}))
time.sleep(600)
"""
        with subprocess.Popen([sys.executable, "-c", program]) as victim:
            try:
                until(online, "it is seen again")
            finally:
                victim.kill()
        until(offline, "its last will is seen")


def test_control_rows_dropped_at_puback_are_lost_when_the_broker_dies(
    tmp_path: Path, url: str, register: Register
) -> None:
    """What the design avoids: the broker said Success 50 times, and the centre never hears of any of them."""
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(broker.embedded())
        port = server.settings.port

        card = stack.enter_context(closing(open_card(tmp_path)))
        dropping = Outbox(card, office="demo", terminal="careless")
        for _ in range(50):
            dropping.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1)
        link = Link(server.settings, client_id="careless", rng=Hasty())
        link.start()
        stack.callback(link.stop)
        assert isinstance(link.next(5), Connected)
        while rows := dropping.pending(limit=1):
            link.publish(terminal_topic("demo", "careless", "event"), rows[0].payload)
            answer = link.next(5)
            assert isinstance(answer, Sent)
            assert answer.ok
            dropping.acknowledge(Ack(office="demo", terminal="careless", epoch=dropping.epoch, upto=rows[0].seq))

        kiosk = stack.enter_context(closing(Kiosk(tmp_path / "card", server.settings)))
        kiosk.punch(50)
        server.kill()
        first.close()
        server = first.enter_context(broker.embedded(port))
        stack.enter_context(collector(url, server.settings))
        until(kiosk.drained, "the careful kiosk's outbox is empty")
        arrived = [row.terminal for row in events_since(register, 0, limit=1000)]
        assert arrived.count("lobby-1") == 50
        assert arrived.count("careless") == 0, "the control must lose, or this proves nothing"


def test_a_broker_that_forgot_the_retained_set_gets_it_again_from_the_collector(tmp_path: Path, url: str) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(broker.embedded())
        port = server.settings.port
        stack.enter_context(collector(url, server.settings))
        numbers = itertools.count(1)

        def lies_there(settings: config.Mqtt) -> bool:
            """Whether a newcomer is given the set. The embedded broker gives it to each client id only once."""
            link = Link(settings, client_id=f"kiosk-{next(numbers)}", rng=Hasty(), session_expiry_s=0)
            link.start()
            try:
                deadline = time.monotonic() + 1
                while time.monotonic() < deadline:
                    match link.next(0.3):
                        case Connected():
                            link.subscribe(gallery_topic("demo"))
                        case Received(retained=True, payload=b"the set"):
                            return True
            except LinkDown:
                return False
            finally:
                link.stop()
            return False

        until(lambda: lies_there(server.settings), "the set lies there")
        server.kill()
        first.close()
        server = first.enter_context(broker.embedded(port))
        until(lambda: lies_there(server.settings), "the set lies there again")
