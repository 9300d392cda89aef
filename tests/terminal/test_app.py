"""The whole kiosk on a dummy screen: a camera that shows numbers, a real card, a real signed set, no broker."""

import logging
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pygame
import pytest

import config
from errors import HadirError
from sync import keys, releases
from sync.messages import ClockQuality, Method
from sync.outbox import Outbox, OutboxFailed
from sync.uplink import Uplink
from terminal import app, kiosk, store, view
from terminal.display import Display
from terminal.faces import Face, Picture
from terminal.faces.models import ModelUnavailable
from terminal.gallery import Gallery
from terminal.pin import PinDesk
from terminal.screens import screen_of
from terminal.screens.drawing import Screen
from terminal.shelf import Shelf
from terminal.vision import Vision
from terminal.visit.signals import ENTER, PIN_BUTTON
from terminal.visit.states import AlreadyRecorded, Recorded, State
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, FakeEngine, Kit, encoding_set

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


def test_without_a_broker_the_screen_says_since_when_and_keeps_recording(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminal.pulse._OFFLINE_AFTER_S", 0.5)

    def director() -> None:
        kit.camera.show(1)
        watched.until_screen("Recorded")
        kit.camera.show()
        pattern = re.compile(r"Luring sejak \d\d:\d\d.*1 menunggu terkirim.*Data wajah v3")
        watched.until(lambda: any(pattern.search(said) for said in watched.said), "not said to be offline")

    live(kit, director)


def test_without_models_the_kiosk_works_by_pin_and_takes_them_when_they_come(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = threading.Event()
    tried: list[int] = []

    def open_engine(_: config.Engine) -> FakeEngine:
        tried.append(1)
        if not here.is_set():
            raise ModelUnavailable("the models are not the published ones; delete them")
        return kit.engine

    monkeypatch.setattr(app, "open_engine", open_engine)
    monkeypatch.setattr(app, "engine_id_of", lambda _: kit.engine.engine_id)
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.until(lambda: "READY=1" in watched.told, "a kiosk without models is a kiosk")
        watched.until(lambda: "Pengenalan wajah belum tersedia" in watched.said[-1], "not said on the screen")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        watched.until(lambda: len(tried) > 3, "not tried again")
        kit.camera.show(2)
        here.set()
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")
        kit.camera.show()
        watched.until_screen("Idle")
        watched.until(lambda: "Pengenalan wajah" not in watched.said[-1], "the alarm stays")

    live(kit, director, engine_given=False)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]
    assert caplog.text.count("alarm models_unavailable") == 1, "said once, however often it is tried"


def test_models_that_take_long_to_come_leave_the_pin(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = threading.Event()

    def open_engine(_: config.Engine) -> FakeEngine:
        here.wait(20)
        return kit.engine

    monkeypatch.setattr(app, "open_engine", open_engine)
    monkeypatch.setattr(app, "engine_id_of", lambda _: kit.engine.engine_id)
    monkeypatch.setattr("terminal.supplies._PATIENCE_S", 0.2)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        here.set()
        watched.until_screen("Idle")

    live(kit, director, engine_given=False)


def test_a_manifest_that_cannot_be_read_leaves_the_pin_until_it_can(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = threading.Event()

    def identify(_: config.Engine) -> str:
        if not mended.is_set():
            raise ModelUnavailable("engine.manifest mine.yaml cannot be read; give the right file")
        return kit.engine.engine_id

    monkeypatch.setattr(app, "engine_id_of", identify)
    monkeypatch.setattr(app, "open_engine", lambda _: kit.engine)
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)
    monkeypatch.setattr("terminal.lasting._RESTART_AFTER_S", 0.05)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        kit.camera.show(2)
        mended.set()
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")

    live(kit, director, engine_given=False)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]


@pytest.mark.parametrize("torn", [False, True])
def test_without_a_release_key_nobody_is_known_until_it_comes(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, torn: bool
) -> None:
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)
    monkeypatch.setattr("terminal.lasting._RESTART_AFTER_S", 0.05)
    key = tmp_path / "late.pub"
    if torn:
        key.write_bytes(b"-----BEGIN PUBLIC")

    def director() -> None:
        watched.until(lambda: bool(watched.said) and "Kunci data wajah tidak ada" in watched.said[-1], "not said")
        kit.camera.show(2)
        watched.until_screen("Looking")
        part = tmp_path / "part"
        part.write_bytes(kit.settings.terminal.release_key.read_bytes())
        part.replace(key)
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")

    live(kit, director, terminal={"release_key": str(key)})
    assert kit.events()[0].punch.gallery_version == 3


def test_a_card_that_cannot_be_opened_is_said_and_waited_for(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, mended = store.open_card, threading.Event()

    def failing(folder: Path) -> Any:
        if not mended.is_set():
            raise store.CardFailing("the card cannot be used (Read-only file system); mend it")
        return opened(folder)

    monkeypatch.setattr(store, "open_card", failing)
    monkeypatch.setattr("terminal.card._TRY_EVERY_S", 0.1)

    def director() -> None:
        watched.until_screen("CardDown")
        assert any("daftar hadir kertas" in said for said in watched.said)
        assert {"READY=1", "WATCHDOG=1"} <= set(watched.told), "systemd would restart it for nothing"
        mended.set()
        kit.camera.show(1)
        watched.until_screen("Recorded")

    live(kit, director)


def test_a_card_with_an_io_error_is_not_written_again_and_ends_the_kiosk(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []
    execute = store._Cursor.execute

    class Failing(store._Cursor):
        """Its disk fails every commit of a punch as a fsync with EIO does."""

        def execute(self, sql: str, *rest: Any) -> Any:
            with store._noting(self.connection, sql):
                if sql == "COMMIT" and "visit" in watched.told:
                    commits.append(sql)
                    failure = sqlite3.OperationalError("disk I/O error")
                    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                    raise failure
                return execute(self, sql, *rest)

    monkeypatch.setattr(store, "_Cursor", Failing)

    def director() -> None:
        watched.until_screen("Idle")
        watched.told.append("visit")
        kit.camera.show(1)
        watched.until_screen("NotRecorded")
        kit.camera.show(2)
        watched.until(lambda: "STOPPING=1" in watched.told, "it goes on")

    with pytest.raises(store.CardFailed, match="start the kiosk again"):
        live(kit, director)
    assert len(commits) == 1, "never a second fsync"
    assert "Recorded" not in watched.screens
    store._broken.clear()  # the next process
    monkeypatch.setattr(store, "_Cursor", Failing.__base__)
    watched.told.clear()
    live(kit, lambda: watched.until_screen("Recorded"))
    assert [event.seq for event in kit.events()] == [1]


def test_a_new_set_is_used_without_a_restart(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, pin_hash: str
) -> None:
    shelves: list[Shelf] = []

    class Kept(Shelf):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            shelves.append(self)

    monkeypatch.setattr(app, "Shelf", Kept)

    def director() -> None:
        watched.until(lambda: any("Belum ada data wajah" in said for said in watched.said), "somebody is known")
        kit.camera.show(1)
        watched.until_screen("Looking")
        shelves[0].put(encoding_set(pin_hash, version=8))
        watched.until_screen("Recorded")

    (kit.card / "current.hset").unlink()
    live(kit, director)
    assert kit.events()[0].punch.gallery_version == 8


def test_a_damaged_set_on_the_card_leaves_a_kiosk_that_starts(kit: Kit, watched: Watched) -> None:
    releases.keep_set(kit.card, b"these bytes were never a set")

    def director() -> None:
        watched.until(lambda: any("Belum ada data wajah" in said for said in watched.said), "somebody is known")

    live(kit, director)


@pytest.mark.parametrize("part", [Uplink, Vision])
def test_a_thread_that_crashes_is_logged_counted_and_started_again(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: type
) -> None:
    run = part.run
    crashes = []

    def crash(body: Any, stop: threading.Event) -> None:
        if len(crashes) < 2:
            crashes.append(1)
            raise RuntimeError("the test lets this thread crash")
        run(body, stop)

    monkeypatch.setattr(part, "run", crash)
    monkeypatch.setattr("terminal.lasting._RESTART_AFTER_S", 0.05)

    def director() -> None:
        watched.until(lambda: len(crashes) == 2, "it did not crash")
        kit.camera.show(1)
        watched.until_screen("Recorded")

    live(kit, director)
    assert caplog.text.count("thread crashed (RuntimeError) and starts again") == 2


def test_one_odd_frame_costs_nobody_the_green_screen(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    named = view._name
    odd = [1]

    def failing(state: State, gallery: Gallery) -> str | None:
        found = named(state, gallery)
        if found is not None and odd:
            odd.pop()
            raise ValueError("a frame nobody can draw")
        return found

    monkeypatch.setattr(view, "_name", failing)

    def director() -> None:
        kit.camera.show(1)
        watched.until_screen("Recorded")

    live(kit, director)
    assert odd == []
    assert "a turn failed: ValueError" in caplog.text
    assert [event.punch.employee for event in kit.events()] == ["1001"]


def test_an_odd_visit_punches_its_track_once_and_its_text_is_not_logged(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd: list[str] = []

    def shown(state: Any, context: Any) -> Screen:
        if isinstance(state, Recorded | AlreadyRecorded):
            odd.append(state.event.punch.employee)
            raise ValueError("Siti Nurhaliza cannot be drawn")
        return screen_of(state, context)

    monkeypatch.setattr(kiosk, "screen_of", shown)

    def director() -> None:
        kit.camera.show(1)
        watched.until(lambda: "1001" in odd, "nothing odd happened")
        kit.camera.show(2)
        watched.until(lambda: "1002" in odd, "the next visit was lost")
        kit.camera.show()
        threading.Event().wait(1)

    live(kit, director)
    assert [event.punch.employee for event in kit.events()] == ["1001", "1002"]
    assert "the visit begins anew: ValueError at test_app.py" in caplog.text
    assert "Siti" not in caplog.text


def test_a_name_no_font_can_draw_is_thanked_all_the_same(
    kit: Kit, watched: Watched, pin_hash: str, caplog: pytest.LogCaptureFixture
) -> None:
    content = encoding_set(pin_hash)
    odd = msgspec.structs.replace(content.people[0], name="Su\0har\x07to")
    content = msgspec.structs.replace(content, people=(odd,))
    signing = keys.load_private(kit.settings.terminal.release_key.with_name("release.key"))
    releases.keep_set(kit.card, releases.sign_set(content, signing))

    def director() -> None:
        kit.camera.show(1)
        watched.until(lambda: any("Suharto" in said for said in watched.said), "not thanked")

    live(kit, director)
    assert "begins anew" not in caplog.text


def test_a_loop_that_only_fails_ends(kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise ValueError("nothing can be drawn")

    monkeypatch.setattr(kiosk, "screen_of", failing)
    monkeypatch.setattr(kiosk, "_FAILURES_IN_A_ROW", 5)
    with pytest.raises(ValueError, match="nothing can be drawn"):
        app.run(kit.settings, stop=threading.Event(), camera=kit.camera.open, engine=kit.engine)


def test_the_watchdog_is_fed_only_while_vision_is_heard(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_WATCHDOG_EVERY_S", 0.05)
    monkeypatch.setattr(kiosk, "VISION_SILENT_S", 0.4)
    frozen, thaw = threading.Event(), threading.Event()
    detect = kit.engine.detect

    def stuck(picture: Picture) -> list[Face]:
        if frozen.is_set():
            thaw.wait(20)
        return detect(picture)

    monkeypatch.setattr(kit.engine, "detect", stuck)

    def fed() -> int:
        return watched.told.count("WATCHDOG=1")

    def director() -> None:
        watched.until(lambda: fed() > 3, "never fed")
        frozen.set()
        watched.until_screen("CameraDown")
        before = fed()
        threading.Event().wait(0.5)
        assert fed() == before
        thaw.set()
        frozen.clear()
        watched.until(lambda: fed() > before, "not fed again")

    live(kit, director)


def test_the_watchdog_is_not_fed_once_the_pin_desk_is_gone(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()
    monkeypatch.setattr(app, "_WATCHDOG_EVERY_S", 0.05)
    monkeypatch.setattr(PinDesk, "alive", property(lambda _: not gone.is_set()))

    def fed() -> int:
        return watched.told.count("WATCHDOG=1")

    def director() -> None:
        watched.until(lambda: fed() > 3, "never fed")
        gone.set()
        threading.Event().wait(0.2)
        before = fed()
        threading.Event().wait(0.3)
        assert fed() == before

    live(kit, director)


def test_a_camera_that_never_comes_up_means_pin_only(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = threading.Event()
    opened = kit.camera.open

    def stuck() -> object:
        hung.wait(20)
        return opened()

    monkeypatch.setattr(type(kit.camera), "open", lambda _: stuck())
    monkeypatch.setattr(kiosk, "STARTING_S", 0.3)

    def director() -> None:
        watched.until_screen("CameraDown")
        hung.set()
        watched.until_screen("Idle")

    live(kit, director)


def test_closing_the_window_ends_the_kiosk(kit: Kit, watched: Watched) -> None:
    ended = threading.Event()

    def director() -> None:
        watched.until_screen("Idle")
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert ended.wait(10)

    thread = threading.Thread(target=director)
    thread.start()
    app.run(kit.settings, stop=threading.Event(), camera=kit.camera.open, engine=kit.engine)
    ended.set()
    thread.join()


def test_what_is_wrong_at_the_start_is_one_sentence(kit: Kit, tmp_path: Path) -> None:
    stop = threading.Event()
    with store.claim(kit.card), pytest.raises(HadirError, match="another kiosk runs"):
        app.run(kit.settings, stop=stop, camera=kit.camera.open, engine=kit.engine)
    (tmp_path / "file").write_bytes(b"")
    nowhere = config.replace(kit.settings, terminal={"state": str(tmp_path / "file" / "state")})
    with pytest.raises(HadirError, match="the card cannot be used"):
        app.run(nowhere, stop=stop, camera=kit.camera.open, engine=kit.engine)
    store.claim(kit.card).close()


def test_nothing_is_left_running(kit: Kit, watched: Watched) -> None:
    before = set(threading.enumerate())
    live(kit, lambda: watched.until(lambda: "READY=1" in watched.told, "not ready"))
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert left == []
