"""The whole kiosk on a dummy screen: a camera that shows numbers, a real card, a real signed set, no broker."""

import logging
import re
import threading
import time
from typing import Any

import pytest

from sync.messages import ClockQuality, Method
from sync.outbox import Outbox, OutboxFailed
from terminal import kiosk
from terminal.display import Display
from terminal.visit.signals import ENTER, PIN_BUTTON
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, FakeEngine, Kit

pytestmark = pytest.mark.slow


def test_walking_up_is_a_green_screen_and_a_row_on_the_card(
    kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def director() -> None:
        watched.until(lambda: "READY=1" in watched.told, "not ready")
        kit.camera.show(2)
        watched.until_screen("Recorded")
        watched.until_screen("Idle")

    with caplog.at_level(logging.INFO):
        took_s = live(kit, director)
    assert took_s < 2
    events = kit.events()
    assert [(event.seq, event.punch.employee, event.punch.method) for event in events] == [(1, "1002", Method.FACE)]
    assert events[0].punch.gallery_version == 3
    assert events[0].punch.first_seen_at <= events[0].punch.occurred_at
    assert events[0].clock in ClockQuality
    assert re.search(r"visit recorded employee=1002 method=face seq=1 ms_from_first_seen=\d+\b", caplog.text)
    assert "Siti" not in caplog.text, "never a name in a log"
    assert any("Siti Nurhaliza" in said for said in watched.said)
    assert watched.told[-1] == "STOPPING=1"


def test_two_people_in_a_row_and_the_first_again(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        kit.camera.show(1)
        watched.until(lambda: any("Suharto" in said for said in watched.said), "not Suharto")
        kit.camera.show(2)
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")
        kit.camera.show(1)
        watched.until_screen("AlreadyRecorded")

    live(kit, director)
    found = [(event.seq, event.punch.employee, event.repeat_of) for event in kit.events()]
    assert found == [(1, "1001", None), (2, "1002", None), (3, "1001", 1)]


def test_a_stranger_is_never_named_and_gets_the_keypad(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        kit.camera.show(9)
        watched.until_screen("NotRecognised")
        watched.until_screen("PinNumber")

    live(kit, director, match={"unknown_after_s": 0.3})
    assert kit.events() == []
    assert not any(name in said for said in watched.said for name in ("Suharto", "Siti"))


def test_a_pin_punch_by_touch_and_keyboard(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        watched.until_screen("Idle")
        watched.tap(PIN_BUTTON)
        watched.until_screen("PinNumber")
        watched.type(*"1001", ENTER)
        watched.until_screen("PinCode")
        watched.type(*"000001", ENTER)
        watched.until(lambda: any("Nomor atau PIN salah" in said for said in watched.said), "no refusal")
        watched.type(*PIN, ENTER)
        watched.until_screen("Recorded")

    live(kit, director)
    found = [(event.punch.employee, event.punch.method, event.punch.score) for event in kit.events()]
    assert found == [("1001", Method.PIN, None)]
    assert kit.events()[0].punch.gallery_version == 3


def test_a_dead_camera_at_the_start_leaves_the_pin_and_is_taken_when_it_comes(kit: Kit, watched: Watched) -> None:
    kit.camera.unplug()

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.until(lambda: "READY=1" in watched.told, "a kiosk without a camera is a kiosk")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        watched.until_screen("CameraDown")
        kit.camera.unplug(False)
        watched.until_screen("Idle")
        kit.camera.show(2)
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")

    live(kit, director)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]


def test_a_camera_that_vanishes_means_pin_only_within_seconds(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        watched.until_screen("Idle")
        kit.camera.show(9)
        watched.until_screen("Looking")
        begun_s = time.monotonic()
        kit.camera.unplug()
        watched.until_screen("CameraDown")
        assert time.monotonic() - begun_s < 3

    live(kit, director)


def test_a_camera_that_freezes_means_pin_only_within_three_seconds(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = threading.Event()
    thaw = threading.Event()
    read = kit.camera.read

    def stuck() -> object:
        if frozen.is_set():
            thaw.wait(20)
        return read()

    monkeypatch.setattr(kit.camera, "read", stuck)

    def director() -> None:
        watched.until(lambda: "READY=1" in watched.told, "not ready")
        begun_s = time.monotonic()
        frozen.set()
        watched.until_screen("CameraDown")
        assert time.monotonic() - begun_s < kiosk.FROZEN_S + 1
        frozen.clear()
        thaw.set()
        watched.until_screen("Idle")

    live(kit, director)


def test_a_card_that_fails_is_said_and_the_next_try_succeeds(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = Outbox.record
    full = threading.Event()
    full.set()

    def failing(outbox: Outbox, *given: Any, **more: Any) -> Any:
        if full.is_set():
            raise OutboxFailed("the card cannot be used: database or disk is full; nothing was recorded, try again")
        return record(outbox, *given, **more)

    monkeypatch.setattr(Outbox, "record", failing)

    def director() -> None:
        watched.until_screen("Idle")
        kit.camera.show(1)
        watched.until_screen("NotRecorded")
        assert "Recorded" not in watched.screens
        full.clear()
        watched.until_screen("Recorded")

    live(kit, director)
    assert [event.seq for event in kit.events()] == [1]
    assert "visit not recorded employee=1001 method=face" in caplog.text


def test_a_slow_card_holds_up_no_picture_and_closing_waits_for_it(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Outbox.record
    writing, written = threading.Event(), threading.Event()

    def slow(outbox: Outbox, *given: Any, **more: Any) -> Any:
        writing.set()
        assert written.wait(20)
        return record(outbox, *given, **more)

    monkeypatch.setattr(Outbox, "record", slow)
    pictures: list[Any] = []

    def director() -> None:
        kit.camera.show(1)
        assert writing.wait(20)
        show = Display.show
        monkeypatch.setattr(Display, "show", lambda d, s, p=None, **m: (pictures.append(p), show(d, s, p, **m)))
        watched.until(lambda: len({id(picture) for picture in pictures}) > 5, "the picture stands still")
        assert "Recorded" not in watched.screens, "green before the commit"
        threading.Timer(0.2, written.set).start()  # while the kiosk closes

    live(kit, director)
    assert "Recorded" not in watched.screens
    assert [event.punch.employee for event in kit.events()] == ["1001"], "lost at the end"


def test_whoever_looks_into_the_mirror_waits_for_no_encode(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = kit.engine.encode
    encoding, done = threading.Event(), threading.Event()
    pictures: list[Any] = []

    def slow(picture: Any, face: Any) -> Any:
        encoding.set()
        assert done.wait(20)
        return encode(picture, face)

    monkeypatch.setattr(FakeEngine, "encode", lambda _, *given: slow(*given))

    def director() -> None:
        kit.camera.show(1)
        assert encoding.wait(20)
        show = Display.show
        monkeypatch.setattr(Display, "show", lambda d, s, p=None, **m: (pictures.append(p), show(d, s, p, **m)))
        watched.until(lambda: len({id(picture) for picture in pictures}) > 5, "the picture stands still")
        done.set()
        watched.until_screen("Recorded")

    live(kit, director)


def test_a_key_is_shown_though_no_picture_is_due_for_a_while(kit: Kit, watched: Watched) -> None:
    kit.camera.unplug()
    frame_s = 2.0

    def director() -> None:
        watched.until_screen("CameraDown")
        began_s = time.monotonic()
        for number in ("1", "10", "100", "1001"):
            watched.type(number[-1])
            watched.until(lambda number=number: number in watched.said[-1].split(" | "), f"no {number}")  # type: ignore[misc]
        assert time.monotonic() - began_s < 2 * frame_s, "each key waited for its frame"

    live(kit, director, display={"frame_rate_hz": 1 / frame_s})
