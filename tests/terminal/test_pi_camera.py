"""The Pi's camera: what it was really given becomes RGB; absent, silent and broken ones are lost in words."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import config
from terminal.camera import CameraLost, SourceRefused, open_camera
from terminal.camera import pi as pi_camera
from terminal.camera.pi import Picamera2Camera, rgb
from tests.terminal.fake_picamera2 import RGB, FakePicamera2, module, stream

SETTINGS = config.Camera(source="picamera", width_px=640, height_px=360, frame_rate_hz=15)
COLOURS: tuple[RGB, ...] = ((200, 30, 60), (20, 160, 40), (30, 60, 220), (128, 128, 128), (235, 200, 180))


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakePicamera2]]:
    monkeypatch.setitem(sys.modules, "picamera2", module())
    yield FakePicamera2
    for each in FakePicamera2.opened:
        assert each.held == 0
        assert each.closed or FakePicamera2.close_hangs, "the camera was left open"


@pytest.mark.parametrize("colour", COLOURS, ids=str)
@pytest.mark.parametrize("padding", [0, 64])
@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("RGB888", True),
        ("BGR888", True),
        ("XRGB8888", True),
        ("XBGR8888", True),
        ("NV12", False),
        ("YUV420", False),
    ],
)
def test_every_format_and_stride_becomes_rgb(name: str, exact: bool, padding: int, colour: RGB) -> None:
    given, buffer = stream(name, (64, 48), colour, padding=padding)
    picture = rgb(buffer, given)
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    distance = np.abs(picture.astype(int) - np.array(colour)).max()
    assert distance <= (0 if exact else 4)


def test_the_pictures_left_and_upper_half_stay_where_they_are() -> None:
    """A mixed-up plane or row shows in a picture that is not of one colour."""
    for name in ("RGB888", "NV12", "YUV420"):
        given, dark = stream(name, (64, 48), (10, 10, 10), padding=64)
        _, light = stream(name, (64, 48), (240, 240, 240), padding=64)
        both = dark.copy()
        both[: 24 * given["stride"]] = light[: 24 * given["stride"]]
        picture = rgb(both, given)
        assert picture[:24].min() > 200, name
        assert picture[24:].max() < 60, name


def test_a_short_buffer_is_no_picture() -> None:
    given, buffer = stream("NV12", (64, 48), COLOURS[0])
    with pytest.raises(CameraLost, match="bytes of a picture"):
        rgb(buffer[:-1], given)


def test_a_format_nobody_asked_for_is_named() -> None:
    given, buffer = stream("YUYV", (64, 48), COLOURS[0])
    with pytest.raises(CameraLost, match="YUYV"):
        rgb(buffer, given)


@pytest.mark.parametrize("name", ["RGB888", "NV12", "YUV420"])
def test_the_camera_gives_what_it_likes_and_it_is_taken_as_what_it_is(device: type[FakePicamera2], name: str) -> None:
    device.gives = staticmethod(lambda main: stream(name, (320, 180), COLOURS[0], padding=64))
    with open_camera(SETTINGS) as camera:
        picture = camera.read().picture
    assert picture.shape == (180, 320, 3)
    assert np.abs(picture.astype(int) - COLOURS[0]).max() <= 4


def test_it_is_asked_for_rgb_of_the_settings_size_at_their_rate(device: type[FakePicamera2]) -> None:
    with Picamera2Camera(SETTINGS) as camera:
        assert camera.read().picture.shape == (360, 640, 3)
        camera.read()
    assert device.opened[0].controls == {"FrameDurationLimits": (66_667, 66_667), "AfMode": 2}


def test_a_camera_without_a_control_is_not_told_to_use_it(device: type[FakePicamera2]) -> None:
    device.controls_known = ("FaceDetectMode",)
    with Picamera2Camera(SETTINGS) as camera:
        camera.read()
    assert device.opened[0].controls == {}


def test_a_frame_was_taken_when_it_was_exposed(device: type[FakePicamera2]) -> None:
    device.sensor_age_ns = 40_000_000
    with Picamera2Camera(SETTINGS) as camera:
        frame = camera.read()
    now_ns = time.monotonic_ns()
    assert 40_000_000 <= now_ns - frame.monotonic_ns < 1_000_000_000


@pytest.mark.parametrize("age_ns", [None, -5_000_000_000, 3_600_000_000_000])
def test_a_sensor_clock_that_cannot_be_believed_is_not(device: type[FakePicamera2], age_ns: int | None) -> None:
    device.sensor_age_ns = age_ns
    with Picamera2Camera(SETTINGS) as camera:
        before_ns = time.monotonic_ns()
        assert camera.read().monotonic_ns >= before_ns


def test_no_camera_is_said_before_anything_is_opened(device: type[FakePicamera2]) -> None:
    device.cameras = []
    with pytest.raises(CameraLost, match="no camera was found; check the ribbon cable"):
        Picamera2Camera(SETTINGS)
    assert device.opened == []


@pytest.mark.parametrize("step", ["open", "configure", "start"])
def test_a_camera_that_does_not_start_is_closed_again(device: type[FakePicamera2], step: str) -> None:
    device.failing = step
    with pytest.raises(CameraLost, match="does not start"):
        Picamera2Camera(SETTINGS)


def test_a_camera_that_falls_silent_is_lost_and_its_job_cancelled(device: type[FakePicamera2]) -> None:
    with Picamera2Camera(SETTINGS) as camera:
        camera.read()
        device.silent = True
        with pytest.raises(CameraLost, match="no picture for 3 s"):
            camera.read()
        assert device.opened[0].jobs_left == 0


def test_a_camera_that_breaks_is_lost(device: type[FakePicamera2]) -> None:
    with Picamera2Camera(SETTINGS) as camera:
        device.failing = "capture"
        with pytest.raises(CameraLost, match="the camera failed"):
            camera.read()


def test_a_camera_that_never_lets_go_does_not_hang_the_kiosk(
    device: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pi_camera, "CLOSE_TIMEOUT_S", 0.05)
    device.close_hangs = True
    camera = Picamera2Camera(SETTINGS)
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 0.8
    with pytest.raises(CameraLost, match="closed"):
        camera.read()
    camera.close()


def test_without_picamera2_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceRefused, match="sudo apt install python3-picamera2"):
        open_camera(SETTINGS)


def test_a_picamera2_built_for_another_numpy_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setitem(sys.modules, "picamera2", Broken())  # type: ignore[arg-type]
    with pytest.raises(SourceRefused, match="does not load"):
        open_camera(SETTINGS)
