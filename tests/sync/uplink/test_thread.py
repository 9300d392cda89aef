"""The uplink on a thread of its own: awake in time, through failures, ended when told."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import config
import sync.uplink
from errors import HadirError
from sync.messages import (
    ClockQuality,
    TerminalStatus,
    decode,
)
from sync.mqtt import LinkDown
from sync.outbox import Outbox
from sync.own_status import LOOK_EVERY_S, Condition
from sync.uplink import Uplink
from tests.fakes import FakeLink
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack_door, open_card, punch
from tests.sync.uplink.desk import EVENTS, STATUS, Desk, FakeDoor


class Running:
    """An uplink on its own thread with the real clock."""

    def __init__(self, folder: Path, link: FakeLink, open_it: Callable[[], sqlite3.Connection]) -> None:
        self.link = link
        self.stop = threading.Event()
        self.uplink = Uplink(
            config.Config(),
            open_card=open_it,
            signer=SIGNER,
            acks=ack_door,
            condition=Condition,
            releases=FakeDoor().door(),
            on_release=lambda _: None,
            link=link,
        )
        self.thread = threading.Thread(target=self.uplink.run, args=(self.stop,))

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        began = time.monotonic()
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()
        assert time.monotonic() - began < 2, "returns soon after stop"


def await_life(link: FakeLink) -> None:
    deadline = time.monotonic() + 5
    while link._life != "running":
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_punch_is_on_its_way_when_it_is_committed_and_waits_for_no_look(tmp_path: Path) -> None:
    link = FakeLink()
    with closing(open_card(tmp_path)) as card, Running(tmp_path, link, lambda: open_card(tmp_path)) as running:
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
        await_life(link)
        link.connect()
        link.await_on(STATUS, 1)
        waits = []
        for number in range(1, 11):
            outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
            committed = time.monotonic()
            running.uplink.wake()
            link.await_on(EVENTS, number)
            waits.append(time.monotonic() - committed)
    assert sorted(waits)[5] < LOOK_EVERY_S / 2, waits


def test_it_waits_for_a_card_that_comes_late_and_survives_a_broken_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.uplink, "_REST_S", 0.05)
    link = FakeLink()
    tries: list[int] = []

    def open_late() -> sqlite3.Connection:
        tries.append(1)
        if len(tries) == 1:
            raise HadirError("no card yet")
        return open_card(tmp_path)

    with Running(tmp_path, link, open_late) as running:
        await_life(link)
        healthy = running.uplink._condition

        def broken() -> Condition:
            running.uplink._condition = healthy
            raise ZeroDivisionError

        running.uplink._condition = broken
        link.connect()
        told = [decode(TerminalStatus, payload) for payload in link.await_on(STATUS, 1)]
    assert len(tries) == 2
    assert told[0].alarms == ("uplink_failing",)


def test_stop_before_the_card_ever_came_ends_the_thread(tmp_path: Path) -> None:
    def never() -> sqlite3.Connection:
        raise HadirError("no card")

    with Running(tmp_path, FakeLink(), never):
        pass


def test_a_link_that_goes_down_between_two_rows_loses_neither(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = desk.link.publish
    calls: list[str] = []

    def failing(topic: str, payload: bytes, **more: object) -> int:
        calls.append(topic)
        if len(calls) == 2:
            desk.link.disconnect()
        return publish(topic, payload, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.link, "publish", failing)
    for _ in range(3):
        desk.punch()
        desk.turn()
    assert desk.sent() == [1]
    monkeypatch.undo()
    with pytest.raises(LinkDown):
        desk.link.publish(EVENTS, b"x")
    desk.link.connect(session_present=True)
    desk.turn()
    desk.turn()
    assert desk.sent() == [1, 2, 3]


def test_times_are_given_with_zone(desk: Desk) -> None:
    assert desk.statuses()[0].at.tzinfo is not None
    assert desk.statuses()[0].at == datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=1000)
