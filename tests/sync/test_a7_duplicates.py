"""A7: somebody on the way delivers every entry three times and shuffles them; the register is the same."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

import config
from demo import broker
from sync import chain
from sync.messages import ClockQuality, encode
from sync.mqtt import Connected, Link, LinkDown, Received
from sync.register import Register
from sync.register.events import all_heads, events_of_day, events_since, payload_of
from sync.register.refusals import refusal_counts
from tests.sync.samples import BOOT, SEVEN, punch
from tests.sync.way import Centre, Hasty, Kiosk, await_collector, collector, new_centre, until

pytestmark = pytest.mark.slow

TIMES, WINDOW = 3, 50
PUNCHES = 400


class Peer:
    """Carries between a broker near the kiosks and one near the collector, and is careless with entries."""

    def __init__(self, near: config.Mqtt, far: config.Mqtt, rng: random.Random) -> None:
        self.delivered = self.behind = 0
        self._rng = rng
        self._near = Link(near, client_id="peer", rng=Hasty())
        self._far = Link(far, client_id="peer", rng=Hasty())
        self._window: list[tuple[str, bytes]] = []
        self._highest: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    @contextmanager
    def carrying(self) -> Iterator["Peer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(5)
            assert not self._thread.is_alive()

    def _work(self) -> None:
        links = {self._near: ("hadir/v1/+/+/event", "hadir/v1/+/+/status"), self._far: ("hadir/v1/+/+/ack",)}
        for link in links:
            link.start()
        while not self._stop.is_set():
            with suppress(LinkDown):
                event = self._near.next(0.02)
                idle = event is None
                for link, wanted in links.items():
                    event = event if link is self._near else link.next(0)
                    while event is not None:
                        if isinstance(event, Connected):
                            link.subscribe(*wanted)
                        elif isinstance(event, Received):
                            self._carry(event)
                        event = link.next(0)
                while len(self._window) >= WINDOW or (idle and self._window):
                    self._deliver()
        for link in links:
            link.stop()

    def _carry(self, received: Received) -> None:
        kind = received.topic.rpartition("/")[2]
        if kind == "event":
            self._window += [(received.topic, each) for each in chain.unpack(received.payload) for _ in range(TIMES)]
        elif kind == "ack":
            self._near.publish(received.topic, received.payload)
        else:
            self._far.publish(received.topic, received.payload, retain=received.retained)

    def _deliver(self) -> None:
        now, self._window = self._window[:WINDOW], self._window[WINDOW:]
        self._rng.shuffle(now)
        for topic, payload in now:
            seq = chain.read_entry(payload)[0].seq
            self.behind += seq < self._highest.get(topic, 0)
            self._highest[topic] = max(seq, self._highest.get(topic, 0))
            self.delivered += 1
            self._far.publish(topic, payload)


def record(kiosk: Kiosk, number: int, later_s: int) -> None:
    at = SEVEN + timedelta(seconds=11 * number + later_s)
    entry = kiosk.outbox.record(
        punch(str(1001 + number % 200), at=at),
        clock=ClockQuality.SYNCED,
        boot_id=BOOT,
        boottime_ns=11_000_000_000 * (number + 1),
        recorded_at=at,
    )
    kiosk.sent.append(chain.seal(encode(entry), kiosk.signer.sign))
    kiosk.uplink.wake()


@pytest.fixture
def centre(tmp_path: Path, sqlite_url: str) -> Centre:
    return new_centre(sqlite_url, tmp_path / "keys")


def test_a7_everything_three_times_and_shuffled_is_in_the_register_once_and_in_order(
    tmp_path: Path, centre: Centre, mosquitto: config.Mqtt
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    with ExitStack() as stack:
        far = stack.enter_context(broker.mosquitto()).settings
        register = stack.enter_context(Register.open(centre.url))
        stack.enter_context(collector(centre, far))
        await_collector(far)
        peer = stack.enter_context(Peer(mosquitto, far, random.Random(seed)).carrying())
        kiosks = {
            name: stack.enter_context(closing(Kiosk(tmp_path / name, mosquitto, centre.collector_key, name)))
            for name in ("lobby-1", "lobby-2")
        }
        for number in range(PUNCHES):
            for later_s, kiosk in enumerate(kiosks.values()):
                record(kiosk, number, later_s)
        for kiosk in kiosks.values():
            until(kiosk.drained, "the outbox is empty")
        rows = events_since(register, 0, limit=100_000)
        for name, kiosk in kiosks.items():
            ours = sorted((row.epoch, row.seq, row.id) for row in rows if row.terminal == name)
            assert [seq for _, seq, _ in ours] == list(range(1, PUNCHES + 1))
            assert [payload_of(register, each) for _, _, each in ours] == kiosk.sent
        assert len(rows) == 2 * PUNCHES
        assert [(head.upto, head.highest) for head in all_heads(register)] == [(PUNCHES, PUNCHES)] * 2
        counts = refusal_counts(register)
        assert (counts.rejected, counts.quarantined) == (0, 0)
        day = events_of_day(register, start=SEVEN - timedelta(minutes=1), end=SEVEN + timedelta(days=1))
        model = [
            (name, str(1001 + number % 200)) for number in range(PUNCHES) for name in kiosks
        ]  # in the order of their times
        assert [(row.terminal, row.employee) for row in day] == model
        # The control: whoever stored what came would have three times as many, and not in order.
        print(f"{peer.delivered} delivered, {peer.behind} behind a later one")
        assert peer.delivered >= TIMES * len(rows)
        assert peer.behind > len(rows)
