"""The whole way for tests: a card with a running uplink, a broker, and a centre whose collector is a process."""

import hashlib
import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import config
from sync import chain, keys
from sync.collector_key import ack_door
from sync.messages import ClockQuality, Presence, TerminalStatus, encode, gallery_topic
from sync.mqtt import Connected, Link, LinkDown, Received, Will
from sync.outbox import Outbox
from sync.own_status import Condition
from sync.received_sets import ReleaseDoor
from sync.register import Register
from sync.register.devices import admit
from sync.register.events import all_heads, count_events, events_since, payload_of
from sync.register.refusals import refusal_counts
from sync.releases import EncodingSet
from sync.uplink import Uplink
from tests.sync.samples import BOOT, SEVEN, open_card, punch

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 40.0


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


def signer_of(terminal: str) -> keys.Signer:
    """Return the key the kiosk of that name signs with in these tests."""
    return keys.signer(keys.PrivateKey.from_private_bytes(hashlib.sha256(terminal.encode()).digest()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """Where the register is and where the centre's keys lie."""

    url: str
    keys: Path

    @property
    def collector_key(self) -> Path:
        return self.keys / "collector.pub"


def new_centre(url: str, folder: Path, terminals: Sequence[str] = ("lobby-1", "lobby-2")) -> Centre:
    """Return a centre with new keys in `folder`, which takes what these kiosks sign."""
    keys.new_centre_keys(folder)
    with Register.open(url) as register:
        for terminal in terminals:
            approve(register, terminal)
    return Centre(url=url, keys=folder)


def approve(register: Register, terminal: str) -> None:
    """Have the kiosk's key approved, whether or not it was offered yet."""
    admit(register, terminal=terminal, office="demo", public_key=signer_of(terminal).public, at=SEVEN)


class Kiosk:
    """A card and a running uplink."""

    def __init__(
        self,
        folder: Path,
        mqtt: config.Mqtt,
        collector_key: Path,
        terminal: str = "lobby-1",
        *,
        resend_after_s: float = 1.5,
        keepalive_s: int = 30,
        signer: keys.Signer | None = None,
        rng: random.Random | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.settings = config.replace(
            config.Config(),
            mqtt={"host": mqtt.host, "port": mqtt.port, "keepalive_s": keepalive_s},
            terminal={"id": terminal},
            uplink={"resend_after_s": resend_after_s},
        )
        self.signer = signer or signer_of(terminal)
        self.card = open_card(folder)
        self.outbox = Outbox(self.card, office="demo", terminal=terminal, signer=self.signer)
        self.sets: list[EncodingSet] = []
        self.sent: list[bytes] = []
        self._stop = threading.Event()
        boot_id = secrets.token_hex(16)
        status = TerminalStatus(office="demo", terminal=terminal, presence=Presence.OFFLINE, at=SEVEN)
        self.uplink = Uplink(
            self.settings,
            open_card=lambda: open_card(folder),
            signer=self.signer,
            acks=ack_door(collector_key),
            condition=lambda: Condition(camera="ok", boot_id=boot_id),
            releases=ReleaseDoor(check=self._check, keep=lambda _: None, kept=lambda: None),
            on_release=self.sets.append,
            pictures=folder / "evidence",
            link=Link(
                self.settings.mqtt,
                client_id=terminal,
                will=Will(topic=status.topic, payload=encode(status)),
                rng=rng or Hasty(),
            ),
            rng=Hasty(),
        )
        self._thread = threading.Thread(target=self.uplink.run, args=(self._stop,))
        self._thread.start()

    @staticmethod
    def _check(blob: bytes, newer_than: int) -> EncodingSet:
        return EncodingSet(office="demo", version=len(blob), engine_id="t", dimension=16, created_at=SEVEN, people=())

    def punch(self, count: int = 1) -> None:
        for number in range(count):
            entry = self.outbox.record(
                punch(),
                clock=ClockQuality.SYNCED,
                boot_id=BOOT,
                boottime_ns=1 + number,
                recorded_at=SEVEN,
            )
            self.sent.append(chain.seal(encode(entry), self.signer.sign))
            self.uplink.wake()

    def drained(self) -> bool:
        return self.outbox.depth() == 0

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.card.close()
        assert not self._thread.is_alive()


@contextmanager
def running_kiosk(
    folder: Path, mqtt: config.Mqtt, centre: Centre, terminal: str = "lobby-1", resend_after_s: float = 1.5
) -> Iterator[Kiosk]:
    """Yield a kiosk that runs; stopped at the end."""
    with closing(Kiosk(folder, mqtt, centre.collector_key, terminal, resend_after_s=resend_after_s)) as running:
        yield running


@contextmanager
def kiosk_process(folder: Path, mqtt: config.Mqtt, centre: Centre) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a kiosk as its own process, with a keepalive of 5 s. Killed with -9 at the end."""
    program = f"""
import sys, time
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
import config
from tests.sync.way import Kiosk
kiosk = Kiosk(Path({str(folder)!r}), config.Mqtt(port={mqtt.port}), Path({str(centre.collector_key)!r}), keepalive_s=5)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def collector(
    centre: Centre, mqtt: config.Mqtt, before: str = "", *, name: str = "hadir-collector", shared: bool = False
) -> Iterator["subprocess.Popen[str]"]:
    """Run a collector as its own process; `before` is code run in it first. Killed with -9 at the end."""
    heads = str(centre.keys.parent / "heads")
    settings = {"register": centre.url, "keys": str(centre.keys), "heads": heads, "collector": name, "shared": shared}
    program = f"""
import random, sys, threading
sys.path.insert(0, {str(PROJECT)!r})
import config, sync.collector, sync.mqtt
from tests.sync.samples import released
from tests.sync.way import Hasty
link = sync.collector.Link
sync.collector.Link = lambda *given, **more: link(*given, rng=Hasty(), **more)
{before}
settings = config.replace(config.Config(), centre={settings!r}, mqtt={{"port": {mqtt.port}}})
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


@contextmanager
def connected(mqtt: config.Mqtt, name: str) -> Iterator[Link]:
    """Yield a link of a client of that name, which is connected."""
    link = Link(mqtt, client_id=name, rng=Hasty(), session_expiry_s=0)
    link.start()
    try:
        assert isinstance(link.next(5), Connected)
        yield link
    finally:
        link.stop()


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


def is_given_the_set(mqtt: config.Mqtt, name: str) -> bool:
    """Whether a newcomer is given the retained set. The embedded broker gives it to each client id only once."""
    link = Link(mqtt, client_id=name, rng=Hasty(), session_expiry_s=0)
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


def exactly(register: Register, sender: Kiosk) -> None:
    """Every punch of the kiosk is in the register once, with the bytes it recorded, and nothing else is."""
    assert count_events(register) == len(sender.sent)
    rows = sorted(events_since(register, 0, limit=100_000), key=lambda row: row.seq)
    assert [payload_of(register, row.id) for row in rows] == sender.sent
    (head,) = all_heads(register)
    assert head.upto == head.highest == len(sender.sent)
    counts = refusal_counts(register)
    assert (counts.rejected, counts.quarantined) == (0, 0)
