"""D6: poison on every topic that a kiosk or the collector reads: both go on, none the larger, and none of it stays."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import broker
from sync.messages import encode, gallery_topic, terminal_topic
from sync.mqtt import Link, Received
from sync.register import Register
from sync.register.events import count_events
from sync.register.refusals import refusal_counts
from sync.register.statuses import all_statuses
from tests.sync.samples import SEVEN, status
from tests.sync.way import (
    Centre,
    await_collector,
    collector,
    connected,
    kiosk_process,
    new_centre,
    running_kiosk,
    until,
)

pytestmark = pytest.mark.slow

EVENTS, ACKS = terminal_topic("demo", "lobby-1", "event"), terminal_topic("demo", "lobby-1", "ack")
STATUS, SET = terminal_topic("demo", "lobby-1", "status"), gallery_topic("demo")
READ = (EVENTS, ACKS, STATUS, SET)
MOST_GROWTH_MB = 5


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return new_centre(f"sqlite:///{tmp_path}/centre/register.sqlite", tmp_path / "centre" / "keys")


@dataclass(frozen=True, slots=True)
class Poison:
    """A PUBLISH packet as its parts; `properties` as MQTT 5 lays them out, without their length."""

    topic: bytes
    payload: bytes
    properties: bytes = b""
    retain: bool = False


def all_poison() -> Iterator[Poison]:
    user_property = b"\x26" + b"\x00\x01k" + b"\x00\x01v"
    for topic in (each.encode() for each in READ):
        yield Poison(topic, b"\x00garbage\xff", retain=True)
        yield Poison(topic, b"garbage\n" * 10)
        yield Poison(topic, b"x" * 1_000_000)
        yield Poison(topic, b"x" * 1_000_000, retain=True)
        yield Poison(topic, b"many properties", user_property * 100_000)
        yield Poison(topic, b"{" * 15_000)
    yield Poison(b"", b"no topic")
    yield Poison(b"hadir/v1/demo/\xff\xfe/event", b"no text")
    yield Poison(b"hadir/v1/demo/lobby-1/ev\x00ent", b"a zero")
    yield Poison(STATUS.encode(), encode(status(at=SEVEN.replace(year=2099))).replace(b'"v":1', b'"v":7'), retain=True)


def length(value: int) -> bytes:
    signs = bytearray()
    while True:
        value, low = divmod(value, 128)
        signs.append(low | (128 if value else 0))
        if not value:
            return bytes(signs)


def pour(port: int, poison: Poison) -> None:
    """Say it as a client that does not care what a broker wants to hear, who may end the connection."""
    with socket.create_connection((broker.HOST, port), timeout=10) as stream:
        name = b"poisoner"
        hello = b"\x00\x04MQTT\x05\x02\x00\x3c\x00" + len(name).to_bytes(2) + name
        stream.sendall(b"\x10" + length(len(hello)) + hello)
        assert stream.recv(100)[0] == 0x20
        body = len(poison.topic).to_bytes(2) + poison.topic + b"\x00\x07"
        body += length(len(poison.properties)) + poison.properties + poison.payload
        with contextlib.suppress(OSError):
            stream.sendall(bytes([0x32 | poison.retain]) + length(len(body)) + body)
            stream.settimeout(5)
            stream.recv(100)


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def test_d6_poison_is_passed_over_and_makes_nobody_larger(
    tmp_path: Path, centre: Centre, program: Callable[[str], str]
) -> None:
    program("mosquitto")
    with ExitStack() as stack:
        register = stack.enter_context(Register.open(centre.url))
        server = stack.enter_context(broker.mosquitto())
        centre_process = stack.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        other = stack.enter_context(running_kiosk(tmp_path / "other", server.settings, centre, "lobby-2"))
        kiosk = stack.enter_context(kiosk_process(tmp_path / "card", server.settings, centre))
        until(lambda: len(all_statuses(register)) == 2, "both kiosks are heard")
        other.punch(20)
        until(other.drained, "the way is open")
        processes = {"kiosk": kiosk.pid, "collector": centre_process.pid}
        for number, poison in enumerate(all_poison()):
            if number == 2:
                time.sleep(1)  # what the very first of it needed is no growth
                before = {name: resident_mb(pid) for name, pid in processes.items()}
            pour(server.settings.port, poison)
        other.punch(20)
        until(other.drained, "the centre goes on")
        poured_at = datetime.now(UTC)
        until(
            lambda: any(
                state.terminal == "lobby-1" and state.online and state.heard_at > poured_at
                for state in all_statuses(register)
            ),
            "the kiosk goes on",
        )
        assert kiosk.poll() is None
        assert centre_process.poll() is None
        growth = {name: resident_mb(pid) - before[name] for name, pid in processes.items()}
        print("growth, MB:", {name: round(each, 1) for name, each in growth.items()})
        assert max(growth.values()) < MOST_GROWTH_MB
        assert count_events(register) == 40
        assert refusal_counts(register).quarantined == 0


def test_d6_what_lies_there_retained_is_cleared_once_by_the_collector(
    tmp_path: Path, centre: Centre, program: Callable[[str], str]
) -> None:
    program("mosquitto")
    with ExitStack() as stack:
        register = stack.enter_context(Register.open(centre.url))
        server = stack.enter_context(broker.mosquitto())
        for topic in (EVENTS, STATUS, ACKS, terminal_topic("elsewhere", "x-9", "event")):
            pour(server.settings.port, Poison(topic.encode(), b"lies there", retain=True))
        onlooker = stack.enter_context(connected(server.settings, "watcher"))
        onlooker.subscribe("hadir/v1/+/+/event", "hadir/v1/+/+/status", "hadir/v1/+/+/ack")
        stack.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kiosk.punch(5)
        until(kiosk.drained, "the way is open")
        until(lambda: refusal_counts(register).rejected == 3, "what was no message is listed")
        cleared = []
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            match onlooker.next(0.2):
                case Received(payload=b"", topic=topic):
                    cleared.append(topic)
        assert sorted(set(cleared)) == sorted([EVENTS, STATUS, ACKS, terminal_topic("elsewhere", "x-9", "event")])
        assert len(cleared) <= 6, "it does not answer itself"
        assert count_events(register) == 5
        assert refusal_counts(register).quarantined == 0
        newcomer = stack.enter_context(connected(server.settings, "newcomer"))
        assert lying(newcomer) <= {STATUS}


def lying(newcomer: Link) -> set[str]:
    """Return the topics on which something lies; fail where it is the poison."""
    newcomer.subscribe("hadir/v1/+/+/event", "hadir/v1/+/+/ack", "hadir/v1/+/+/status")
    found = set()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        match newcomer.next(0.2):
            case Received(topic=topic, payload=payload):
                assert payload != b"lies there"
                found.add(topic)
    return found
