"""One punch followed through the whole of Hadir: real clip, real models, real programs, real broker, real database.

Each station is looked at from outside, in the order of docs/architecture.md: the kiosk's card, the wire, the register,
the acknowledgement, the card again, and the retained status.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

import config
from demo import broker, clip, stage
from sync import chain, keys
from sync.collector_key import ack_door
from sync.messages import (
    AttendanceEvent,
    Method,
    Presence,
    TerminalStatus,
    decode,
    gallery_topic,
    terminal_topic,
)
from sync.mqtt import Link
from sync.register import Register
from sync.register.events import events_since, payload_of
from sync.wire import Connected, Received

PUNCHES = 2
"""The first two people of the clip are enough: each takes six seconds to walk up."""


@contextmanager
def a_broker(kind: str, program: Callable[[str], str]) -> Iterator[config.Mqtt]:
    if kind == "mosquitto":
        program("mosquitto")
    with broker.mosquitto() if kind == "mosquitto" else broker.embedded() as running:
        yield running.settings


@contextmanager
def running(project: Path, config_path: Path, *words: str) -> Iterator[None]:
    """One of Hadir's programs, its log beside the settings; it must end well when it is asked to."""
    with (config_path.parent / f"{words[0]}.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, str(project / "hadir.py"), "--config", str(config_path), *words], stdout=log, stderr=log
        )
        try:
            yield
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                code = child.wait(timeout=10)
            finally:
                child.kill()
                child.wait()
    assert code == 0, (config_path.parent / f"{words[0]}.log").read_text()[-2000:]


def card_rows(card: Path) -> dict[int, tuple[bytes, bool]]:
    """Each seq on the card: the exact bytes recorded, and whether the centre has acknowledged them."""
    with closing(sqlite3.connect(f"file:{card}?mode=ro", uri=True, timeout=5)) as connection:
        found = connection.execute("SELECT seq, payload, acknowledged_us IS NOT NULL FROM outbox").fetchall()
    return {seq: (payload, bool(acknowledged)) for seq, payload, acknowledged in found}


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_a_face_becomes_a_punch_that_everybody_has_and_nobody_doubts(
    kind: str, project: Path, tmp_path: Path, walk_up_clip: clip.Clip, program: Callable[[str], str]
) -> None:
    with ExitStack() as parts:
        mqtt = parts.enter_context(a_broker(kind, program))
        settings = config.replace(
            config.load(project / "config.yaml"),
            terminal={
                "storage_mb": 500,  # how full this disk is, is no matter of the punch
                "state": str(tmp_path / "card"),
                "release_key": str(tmp_path / "keys" / "release.pub"),
                "collector_key": str(tmp_path / "keys" / "collector.pub"),
                "evidence_key": str(tmp_path / "keys" / "evidence.pub"),
                "enrolment_key": str(tmp_path / "keys" / "enrolment.pub"),
            },
            camera={"source": f"file:{walk_up_clip.path}"},
            display={"driver": "dummy"},
            liveness={"mode": "off"},  # what of a walk-up is delivered is the matter here
            mqtt={"port": mqtt.port},
            uplink={"status_every_s": 1},
            centre={
                "register": f"sqlite:///{tmp_path / 'register.sqlite'}",
                "keys": str(tmp_path / "keys"),
                "heads": str(tmp_path / "heads"),
                "releases": str(tmp_path / "releases"),
            },
        )
        stage.prepare(settings, tmp_path, with_clip=False, say=lambda _: None)
        path = tmp_path / "config.yaml"
        path.write_text(config.dump(settings))
        office, terminal = settings.office.id, settings.terminal.id

        observer = Link(settings.mqtt, client_id="observer")
        observer.start()
        parts.callback(observer.stop)
        topics = {kind: terminal_topic(office, terminal, kind) for kind in ("event", "ack", "status")}
        while not isinstance(observer.next(10), Connected):
            pass
        observer.subscribe(*topics.values(), gallery_topic(office))

        parts.enter_context(running(project, path, "collector", "run"))
        # Released after the kiosk started: a running kiosk takes a set over whole.
        parts.enter_context(running(project, path, "terminal", "run"))
        stage.release_if_changed(settings, lambda _: None)
        register = parts.enter_context(closing(Register.open(settings.centre.register)))

        acks = ack_door(settings.terminal.collector_key)
        sent: dict[int, bytes] = {}
        acknowledged = 0
        said: list[str] = []
        status: TerminalStatus | None = None
        until = time.monotonic() + 60
        while acknowledged < PUNCHES or status is None or status.outbox_depth != 0 or status.last_seq != acknowledged:
            assert time.monotonic() < until, f"{said}; {(tmp_path / 'terminal.log').read_text()[-2000:]}"
            match observer.next(1):
                case Received(topic=topic, payload=payload) if topic == topics["event"]:
                    for signed in chain.unpack(payload):
                        seq = chain.read_entry(signed)[0].seq
                        said.append(f"event {seq}")
                        # What left was on the card before, to the byte; the green screen comes from the same commit.
                        assert card_rows(settings.terminal.state / "card.sqlite")[seq][0] == signed
                        assert sent.setdefault(seq, signed) == signed
                case Received(topic=topic, payload=payload) if topic == topics["ack"]:
                    ack = acks(payload)
                    said.append(f"ack {ack.upto}")
                    # The centre speaks after its commit: what it acknowledges, the register has already.
                    rows = events_since(register, 0, 100)
                    assert [row.seq for row in rows][: ack.upto] == list(range(1, ack.upto + 1))
                    acknowledged = max(acknowledged, ack.upto)
                case Received(topic=topic, payload=payload) if topic == topics["status"]:
                    status = decode(TerminalStatus, payload)

        rows = events_since(register, 0, 100)
        expected = [each.employee for each in walk_up_clip.walk_ups][:PUNCHES]
        assert [row.employee for row in rows] == expected
        assert [row.seq for row in rows] == list(range(1, PUNCHES + 1)), "once each, without a gap"
        assert {seq: payload_of(register, row.id) for seq, row in enumerate(rows, 1)} == sent
        for row in rows:
            assert row.method is Method.FACE
            assert row.first_seen_at < row.occurred_at < row.received_at
        event, sealed = chain.read_entry(sent[1])
        assert isinstance(event, AttendanceEvent)
        device = keys.load_public(settings.terminal.state / "device.pub")
        assert keys.verify(device, sealed.signature, sealed.body), "signed by the kiosk that recorded it"
        assert [chain.read_entry(sent[seq])[0].prev_hash for seq in (1, 2)] == [
            chain.GENESIS,
            chain.digest(sent[1]).hex(),
        ]
        assert event.punch.gallery_version == 1
        assert event.punch.score is not None
        assert event.punch.score >= settings.match.threshold
        assert all(acked for _, acked in card_rows(settings.terminal.state / "card.sqlite").values())
        assert (status.presence, status.gallery_version, status.alarms) == (Presence.ONLINE, 1, ())
        names = [each.name for each in walk_up_clip.walk_ups]
        logs = "".join(file.read_text() for file in tmp_path.glob("*.log"))
        assert f"employee={expected[0]}" in logs
        assert not [name for name in names if name in logs], "a name is in a log"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_whole_demo_names_everybody_and_no_stranger_and_the_register_holds_exactly_that(
    project: Path, tmp_path: Path
) -> None:
    import json

    settings = config.replace(
        config.load(project / "config.yaml"),
        terminal={
            "state": str(tmp_path / "var" / "terminal"),
            "release_key": str(tmp_path / "var" / "release.pub"),
            "collector_key": str(tmp_path / "var" / "collector.pub"),
            "evidence_key": str(tmp_path / "var" / "evidence.pub"),
            "enrolment_key": str(tmp_path / "var" / "enrolment.pub"),
        },
        mqtt={"port": broker.free_port()},
        console={"port": broker.free_port()},
        centre={
            "register": f"sqlite:///{tmp_path / 'register.sqlite'}",
            "keys": str(tmp_path / "keys"),
            "heads": str(tmp_path / "heads"),
            "releases": str(tmp_path / "releases"),
        },
    )
    path = tmp_path / "config.yaml"
    path.write_text(config.dump(settings))
    said = subprocess.run(
        [str(project / "hadir"), "--config", str(path), "demo", "--headless", "--seconds", "40", "--json"],
        env={name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    figures = json.loads(said.stdout.splitlines()[-1])
    wanted = ("visits", "recorded", "wrong", "strangers", "strangers_named", "register_events", "restarts")
    assert {key: figures[key] for key in wanted} == {
        "visits": 4,
        "recorded": 4,
        "wrong": 0,
        "strangers": 2,
        "strangers_named": 0,
        "register_events": 4,
        "restarts": 0,
    }
    with closing(Register.open(settings.centre.register)) as register:
        rows = events_since(register, 0, 100)
    assert [row.employee for row in rows] == ["1001", "1002", "1003", "1004"]
