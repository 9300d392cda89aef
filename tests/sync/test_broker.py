"""The broker's files as shipped: mosquitto starts with them, and lets each machine do its own and nothing else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

import config
from demo import broker
from sync.mqtt import Connected, Disconnected, Link, Received, Sent

pytestmark = pytest.mark.slow

EVENT = "hadir/v1/demo/lobby-1/event"
STATUS = "hadir/v1/demo/lobby-1/status"
ACK = "hadir/v1/demo/lobby-1/ack"
SET = "hadir/v1/demo/gallery/set"

WRITES = {
    "hadir-collector": {ACK, "hadir/v1/other/lobby-9/ack", SET, "hadir/v1/other/gallery/set"},
    "hadir-publish": {SET, "hadir/v1/other/gallery/set"},
    "lobby-1": {EVENT, STATUS},
    "lobby-2": set(),
}
TOPICS = {
    EVENT,
    STATUS,
    ACK,
    SET,
    "hadir/v1/other/lobby-1/event",
    "hadir/v1/demo/lobby-2/event",
    "hadir/v1/demo/lobby-2/status",
    "hadir/v1/other/lobby-9/ack",
    "hadir/v1/other/gallery/set",
    "hadir/v1/demo/lobby-1/command",
    "elsewhere",
}
READS = {"hadir-collector": {EVENT, STATUS}, "hadir-publish": set(), "lobby-1": {ACK, SET, STATUS}, "lobby-2": set()}


@pytest.fixture
def shipped(project: Path, authority: Path, tmp_path: Path, program: Callable[[str], str]) -> Iterator[config.Mqtt]:
    """mosquitto under the shipped files, with the test's certificates and places."""
    program("mosquitto")
    files = project / "sync" / "broker"
    lines = (files / "mosquitto.conf").read_text(encoding="utf-8")
    for theirs, ours in {
        "/etc/mosquitto/certs/": f"{authority}/",
        "/etc/mosquitto/hadir.acl": str(files / "acl"),
        "/var/lib/mosquitto/": f"{tmp_path}/",
    }.items():
        assert theirs in lines
        lines = lines.replace(theirs, ours)
    port = broker.free_port()
    with broker.mosquitto(port, own=lines.replace("listener 8883", f"listener {port} {broker.HOST}")) as running:
        yield msgspec.structs.replace(running.settings, tls_ca=str(authority / "ca.pem"))


@contextmanager
def machine(settings: config.Mqtt, authority: Path, name: str) -> Iterator[Link]:
    own = msgspec.structs.replace(
        settings, tls_certificate=str(authority / f"{name}.pem"), tls_key=str(authority / f"{name}.key")
    )
    link = Link(own, client_id="whatever")
    link.start()
    try:
        assert isinstance(link.next(10), Connected)
        yield link
    finally:
        link.stop()


@pytest.mark.parametrize("name", sorted(WRITES))
def test_each_machine_writes_its_own_topics_and_no_others(shipped: config.Mqtt, authority: Path, name: str) -> None:
    with machine(shipped, authority, name) as link:
        for topic in sorted(TOPICS):
            mid = link.publish(topic, b"x")
            answer = link.next(10)
            assert isinstance(answer, Sent)
            assert answer.mid == mid
            assert answer.ok is (topic in WRITES[name]), topic


def test_each_machine_hears_its_own_topics_and_no_others(shipped: config.Mqtt, authority: Path) -> None:
    """By delivery, not by SUBACK: mosquitto grants forbidden filters and filters when it delivers."""
    heard: dict[str, set[str]] = {name: set() for name in READS}
    with (
        machine(shipped, authority, "hadir-collector") as collector,
        machine(shipped, authority, "hadir-publish") as publisher,
        machine(shipped, authority, "lobby-1") as kiosk,
        machine(shipped, authority, "lobby-2") as other,
    ):
        links = {"hadir-collector": collector, "hadir-publish": publisher, "lobby-1": kiosk, "lobby-2": other}
        for link in links.values():
            link.subscribe("#", "hadir/v1/+/+/ack", *TOPICS)
            assert isinstance(link.next(10), Sent)
        for link, topic in [(kiosk, EVENT), (kiosk, STATUS), (collector, ACK), (collector, SET)]:
            link.publish(topic, b"x")
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            for name, link in links.items():
                event = link.next(0.05)
                if isinstance(event, Received):
                    heard[name].add(event.topic)
    assert heard == READS


def test_a_certificate_of_nobody_is_not_let_in(shipped: config.Mqtt, authority: Path) -> None:
    own = msgspec.structs.replace(
        shipped,
        tls_certificate=str(authority / "rogue-kiosk.pem"),
        tls_key=str(authority / "rogue-kiosk.key"),
    )
    link = Link(own, client_id="lobby-1")
    link.start()
    try:
        assert isinstance(link.next(10), Disconnected)
    finally:
        link.stop()
