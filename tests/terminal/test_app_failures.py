"""The whole kiosk when a part of it fails, stands still or is ended: nobody is told what is not so."""

import threading
from pathlib import Path
from typing import Any

import msgspec
import pygame
import pytest

import config
from errors import HadirError
from sync import keys, releases
from sync.uplink import Uplink
from terminal import app, kiosk, store, view
from terminal.faces import Face, Picture
from terminal.gallery import Gallery
from terminal.pin import PinDesk
from terminal.screens import screen_of
from terminal.screens.drawing import Screen
from terminal.vision import Vision
from terminal.visit.states import AlreadyRecorded, Recorded, State
from tests.terminal.living import Watched, live
from tests.terminal.made import Kit, encoding_set

pytestmark = pytest.mark.slow


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
    assert "the visit begins anew: ValueError at test_app_failures.py" in caplog.text
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
