"""A camera that is lost, hangs, is stuck or is covered: the main thread knows in time, and no thread is left behind."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

import config
from terminal import camera_life, camera_watch, capture, vision
from terminal.camera import Camera, CameraLost, Frame
from terminal.camera import pi as pi_camera
from terminal.camera import usb as usb_camera
from terminal.camera.pi import Picamera2Camera
from terminal.camera.usb import UsbCamera
from terminal.camera_record import CameraRecord, noted, until
from terminal.faces import Encoding, Face, Picture
from terminal.sighting import CameraState, CameraTrouble, Sighting
from terminal.vision import Vision
from tests.terminal.camera_scenes import Lobby, Shown
from tests.terminal.fake_picamera2 import FakePicamera2, module, stream
from tests.terminal.stage import ENGINE_ID, gallery_of, settings

AT = datetime(2026, 3, 2, tzinfo=UTC)
LOBBY = Lobby()


class NobodyEngine:
    """Finds nobody in any picture."""

    engine_id, dimension = ENGINE_ID, 64

    def detect(self, picture: Picture) -> list[Face]:
        return []

    def encode(self, picture: Picture, face: Face) -> Encoding:
        raise AssertionError("nobody is there to be encoded")


class Plug:
    """A V4L2 camera and the socket it is in: what cv2.VideoCapture gives of it. Complains when misused."""

    def __init__(self) -> None:
        self.shown: Shown = LOBBY.lit
        self.there = threading.Event()
        self.there.set()
        self.hangs = threading.Event()
        self.open_hangs = threading.Event()
        self.opened = self.released = 0

    def open(self, number: int) -> "PluggedIn":
        self.opened += 1
        while self.open_hangs.is_set():
            time.sleep(0.01)
        return PluggedIn(self)


class PluggedIn:
    """One opening of it."""

    def __init__(self, plug: Plug) -> None:
        self._plug, self._owner = plug, threading.get_ident()
        self._open, self._number = True, 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's names
        return self._plug.there.is_set()

    def set(self, propId: int, value: float) -> bool:  # noqa: N803
        return False

    def grab(self) -> bool:
        assert self._open, "used after release"
        assert self._owner == threading.get_ident(), "used by another thread than opened it"
        while self._plug.hangs.is_set():
            time.sleep(0.01)
        time.sleep(0.01)
        return self._plug.there.is_set()

    def retrieve(self) -> tuple[bool, Any]:
        self._number += 1
        return True, np.ascontiguousarray(self._plug.shown(self._number)[..., ::-1])

    def release(self) -> None:
        assert self._open, "released twice"
        self._open = False
        self._plug.released += 1


class Told:
    """A Vision in its thread, and what it told, with the time."""

    def __init__(self, open_camera: Callable[[], Camera], *, hz: float = 30) -> None:
        self._changed = threading.Condition()
        self.news: list[tuple[float, Sighting | CameraState]] = []
        self._stop = threading.Event()
        body = Vision(
            settings(camera={"frame_rate_hz": hz, "source": "usb:0"}),
            open_camera=open_camera,
            engine=NobodyEngine(),
            gallery=lambda: gallery_of(1),
            publish=self._publish,
        )
        self._thread = threading.Thread(target=body.run, args=[self._stop], name="vision")
        self._thread.start()

    def _publish(self, what: Sighting | CameraState) -> None:
        with self._changed:
            self.news.append((time.monotonic(), what))
            self._changed.notify_all()

    def until(self, what: Callable[[Sighting | CameraState], bool], *, timeout_s: float = 10) -> float:
        """Return how long it took until something of the kind was told."""
        began_s, seen = time.monotonic(), len(self.news)
        with self._changed:
            assert self._changed.wait_for(lambda: any(what(each) for _, each in self.news[seen:]), timeout_s), [
                each for _, each in self.news[seen:] if isinstance(each, CameraState)
            ]
        return time.monotonic() - began_s

    def until_seen(self, *, timeout_s: float = 10) -> float:
        return self.until(lambda each: isinstance(each, Sighting), timeout_s=timeout_s)

    def until_lost(self, why: CameraTrouble, *, timeout_s: float = 10) -> float:
        return self.until(lambda each: isinstance(each, CameraState) and each.why is why, timeout_s=timeout_s)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    monkeypatch.setattr(usb_camera, "CLOSE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(vision, "_FIRST_RETRY_S", 0.05)
    made = Plug()
    yield made
    made.hangs.clear()
    made.open_hangs.clear()


@pytest.fixture
def told(plug: Plug) -> Iterator[Told]:
    usb = config.Camera(source="usb:0")
    made = Told(lambda: UsbCamera(0, usb, open_device=plug.open))
    made.until_seen()
    yield made
    plug.hangs.clear()
    plug.open_hangs.clear()
    made.end()


def threads() -> list[str]:
    return sorted(each.name for each in threading.enumerate() if each.name.startswith(("camera", "capture")))


def drain(ahead: capture.Ahead) -> None:
    """Take what it still gives; ends when it raises."""
    while True:
        ahead.take(5)


def test_a_camera_that_is_pulled_out_is_lost_at_once_and_seen_again_when_it_is_back(told: Told, plug: Plug) -> None:
    plug.there.clear()
    took_s = told.until_lost(CameraTrouble.LOST)
    plug.there.set()
    print(f"pulled out: told after {took_s:.2f} s, back after {told.until_seen():.2f} s")
    assert took_s < 1


@pytest.mark.parametrize("where", ["read", "open"])
@pytest.mark.slow
def test_a_driver_that_hangs_is_told_within_three_seconds_though_its_thread_is_stuck(
    told: Told, plug: Plug, where: str
) -> None:
    if where == "read":
        plug.hangs.set()
    else:
        plug.open_hangs.set()
        plug.there.clear()
        told.until_lost(CameraTrouble.LOST)
        told.until(lambda each: isinstance(each, CameraState) and each.state == "starting")
        plug.there.set()
    took_s = told.until_lost(CameraTrouble.LOST)
    plug.hangs.clear()
    plug.open_hangs.clear()
    print(f"hangs in {where}: told after {took_s:.2f} s, back after {told.until_seen():.2f} s")
    assert took_s < 3.0


def test_a_camera_that_takes_long_to_start_means_pin_only_but_is_no_loss_yet(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vision, "SILENT_S", 0.2)
    monkeypatch.setattr(vision, "OPENING_S", 0.6)
    monkeypatch.setattr(vision, "_SAID_AGAIN_EVERY_S", 0.1)
    plug.open_hangs.set()
    usb = config.Camera(source="usb:0")
    told = Told(lambda: UsbCamera(0, usb, open_device=plug.open))
    told.until(lambda each: isinstance(each, CameraState) and each.state == "lost" and each.why is None)
    told.until_lost(CameraTrouble.LOST)
    plug.open_hangs.clear()
    told.until_seen()
    told.end()


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (LOBBY.covered, CameraTrouble.BLACK),
        (lambda _: LOBBY.scene.astype(np.uint8), CameraTrouble.FROZEN),
    ],
    ids=["covered", "frozen"],
)
@pytest.mark.slow
def test_pictures_that_show_nobody_are_told_within_three_seconds_and_cost_no_search(
    told: Told, plug: Plug, shown: Shown, why: CameraTrouble
) -> None:
    plug.shown = shown
    took_s = told.until_lost(why)
    heard = len(told.news)
    told.until_lost(why)  # said again while it lasts, so that the vision thread is heard
    assert not [each for _, each in told.news[heard:] if isinstance(each, Sighting)], "nobody is looked for meanwhile"
    plug.shown = LOBBY.lit
    back_s = told.until_seen()
    print(f"{why}: told after {took_s:.2f} s, back after {back_s:.2f} s")
    assert took_s < 3.0
    assert back_s < 1.0


@pytest.mark.slow
def test_a_camera_that_is_stuck_is_opened_anew_and_stays_down_until_it_moves(
    told: Told, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_life, "TROUBLE_S", 0.3)
    monkeypatch.setattr(camera_watch, "_FIRST_REOPENING_S", 0.3)
    still = LOBBY.lit()
    plug.shown = lambda _: still
    told.until_lost(CameraTrouble.FROZEN)
    opened, heard = plug.opened, len(told.news)
    told.until(lambda each: isinstance(each, CameraState) and each.state == "starting")
    told.until_lost(CameraTrouble.FROZEN)
    assert plug.opened > opened
    assert not [each for _, each in told.news[heard:] if isinstance(each, Sighting)], "it never looked fine meanwhile"
    plug.shown = LOBBY.lit
    told.until_seen()


def test_a_hundred_rounds_of_pulling_out_and_plugging_in_leave_no_thread(plug: Plug) -> None:
    usb = config.Camera(source="usb:0")
    before = threads()
    for _ in range(100):
        with capture.Ahead(lambda: UsbCamera(0, usb, open_device=plug.open), interval_s=0) as ahead:
            assert ahead.take(5) is not None
            plug.there.clear()
            with pytest.raises(CameraLost):
                drain(ahead)
        with (
            capture.Ahead(lambda: UsbCamera(0, usb, open_device=plug.open), interval_s=0) as ahead,
            pytest.raises(CameraLost, match="there is no camera"),
        ):
            ahead.take(5)
        plug.there.set()
    assert threads() == before
    assert plug.opened == plug.released == 200


def test_a_hundred_rounds_of_a_picamera2_that_falls_silent_leave_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", module())
    FakePicamera2.gives = staticmethod(lambda main: stream(main["format"], (64, 36), (120, 90, 60)))
    pi = config.Camera(source="picamera", width_px=64, height_px=36)
    before = threads()
    for _ in range(100):
        FakePicamera2.silent = False
        with capture.Ahead(lambda: Picamera2Camera(pi), interval_s=0) as ahead:
            frame = ahead.take(5)
            assert frame is not None
            assert frame.live
            FakePicamera2.silent = True
            with pytest.raises(CameraLost, match="no picture"):
                drain(ahead)
    assert threads() == before
    assert len(FakePicamera2.opened) == 100
    assert all(each.closed for each in FakePicamera2.opened)


class Stuck:
    """A camera without a timeout of its own whose driver never answers."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.closed = False

    def read(self) -> Frame:
        self.let_go.wait(20)
        raise CameraLost("gone")

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> "Stuck":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def test_a_driver_that_never_answers_keeps_one_thread_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capture, "CLOSE_TIMEOUT_S", 0.05)
    camera, opened = Stuck(), []
    before = threads()

    def open_camera() -> Camera:
        opened.append(camera)
        return camera

    with capture.Ahead(open_camera, interval_s=0) as ahead:
        assert ahead.take(0.05) is None
    for _ in range(5):
        with capture.Ahead(open_camera, interval_s=0) as ahead, pytest.raises(CameraLost, match="does not let go"):
            ahead.take(5)
    assert len(opened) == 1
    assert threads() == sorted([*before, "capture"])
    camera.let_go.set()
    for thread in threading.enumerate():
        if thread.name == "capture":
            thread.join(5)
    assert camera.closed
    assert threads() == before


@pytest.mark.slow
def test_a_camera_that_hangs_for_long_is_given_up_and_opened_again_once_its_driver_lets_go(
    told: Told, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own timeouts are taken away: what is left is the vision thread's patience."""
    monkeypatch.setattr(usb_camera, "READ_TIMEOUT_S", 60.0)
    monkeypatch.setattr(vision, "SILENT_S", 0.3)
    monkeypatch.setattr(vision, "HUNG_S", 0.6)
    monkeypatch.setattr(capture, "CLOSE_TIMEOUT_S", 0.1)
    told.until_seen()
    plug.hangs.set()
    told.until(lambda each: isinstance(each, CameraState) and "does not let go" in (each.problem or ""))
    assert threads().count("capture") == 1
    plug.hangs.clear()
    told.until_seen()


# --- the record -----------------------------------------------------------------------------------------------------

OK, STARTING = CameraState(state="ok"), CameraState(state="starting")


def lost(why: CameraTrouble = CameraTrouble.LOST) -> CameraState:
    return CameraState(state="lost", problem="x", why=why)


def recorded(*states: tuple[float, CameraState]) -> CameraRecord:
    record = CameraRecord()
    for at_s, state in states:
        record = noted(record, state, at=AT + timedelta(seconds=at_s), now_s=at_s)
    return record


def test_losses_are_counted_with_their_length_and_the_last_ones_reason() -> None:
    record = recorded((0, OK), (10, lost()), (15, OK), (20, lost(CameraTrouble.BLACK)), (27, OK), (30, OK))
    assert record == CameraRecord(
        losses=2, lost_s=12, last_why=CameraTrouble.BLACK, last_at=AT + timedelta(seconds=20), since_s=None
    )


def test_a_loss_that_turns_into_another_is_one_and_attempts_to_open_it_are_none() -> None:
    record = recorded((0, lost(CameraTrouble.FROZEN)), (4, STARTING), (5, lost()), (6, STARTING), (9, OK))
    assert (record.losses, record.lost_s, record.last_why) == (1, 9, CameraTrouble.LOST)


def test_a_loss_that_lasts_counts_up_to_now_and_not_twice() -> None:
    record = recorded((0, lost()))
    assert [until(record, now_s=now_s).lost_s for now_s in (3, 5)] == [3, 5]
    assert until(until(record, now_s=3), now_s=5).lost_s == 5


def test_a_clip_that_is_over_and_models_that_are_missing_are_no_losses() -> None:
    assert recorded((0, OK), (5, CameraState(state="lost", problem="the clip is over"))).losses == 0


@pytest.mark.parametrize("why", CameraTrouble)
def test_every_trouble_has_an_alarm_of_its_own(why: CameraTrouble) -> None:
    assert why.alarm == f"camera_{why}"


def test_the_cameras_own_limits_end_before_the_vision_threads_patience() -> None:
    assert pi_camera.READ_TIMEOUT_S + pi_camera.CLOSE_TIMEOUT_S < capture.CLOSE_TIMEOUT_S
    assert usb_camera.OPEN_TIMEOUT_S + usb_camera.CLOSE_TIMEOUT_S < vision.HUNG_S
