"""USB cameras: newest frames, and clear words when one is absent, vanishes or falls silent."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

import config
from terminal.camera import CameraLost, open_camera
from terminal.camera import usb as usb_camera
from terminal.camera.usb import UsbCamera

SETTINGS = config.Camera(source="usb:0", width_px=640, height_px=360, frame_rate_hz=15)


class Device:
    """A cv2.VideoCapture as the driver gives it: used by one thread, never after release, BGR, a queue of frames.

    Complains (AssertionError) when misused. The test unplugs it, makes it hang, or changes what it shows.
    """

    def __init__(self, *, present: bool = True) -> None:
        self.present = present
        self.picture: Any = np.full((36, 64, 3), (10, 20, 200), np.uint8)
        self.unplugged = threading.Event()
        self.hang = threading.Event()
        self.wishes: dict[int, float] = {}
        self.grabbed = 0
        self.decoded = 0
        self.released = threading.Event()
        self._owner: int | None = None
        self._has_frame = False

    def open(self, number: int) -> "Device":
        assert number == 0
        self._owner = threading.get_ident()
        return self

    def _check(self) -> None:
        assert threading.get_ident() == self._owner, "used by another thread than opened it"
        assert not self.released.is_set(), "used after release"

    def isOpened(self) -> bool:  # noqa: N802
        self._check()
        return self.present

    def set(self, propId: int, value: float) -> bool:  # noqa: N803
        self._check()
        self.wishes[propId] = value
        return False  # most drivers grant no wish

    def grab(self) -> bool:
        self._check()
        while self.hang.is_set():
            time.sleep(0.01)
        time.sleep(0.01)
        self.grabbed += 1
        self._has_frame = not self.unplugged.is_set()
        return self._has_frame

    def retrieve(self) -> tuple[bool, Any]:
        self._check()
        assert self._has_frame, "nothing was grabbed"
        self.decoded += 1
        return (self.picture is not None), self.picture

    def release(self) -> None:
        self._check()
        self.released.set()


@pytest.fixture
def device() -> Iterator[Device]:
    made = Device()
    yield made
    made.hang.clear()
    if made._owner is not None:
        assert made.released.wait(5), "the camera was left open"


def read_on(camera: UsbCamera) -> None:
    """Read twice: a frame may have been on its way already."""
    camera.read()
    camera.read()


def test_a_frame_is_rgb_and_says_when_it_was_taken(device: Device) -> None:
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        before_ns = time.monotonic_ns()
        frame = camera.read()
    assert frame.picture[0, 0].tolist() == [200, 20, 10]
    assert before_ns <= frame.monotonic_ns <= time.monotonic_ns()
    assert frame.taken_at.utcoffset() is not None


def test_the_camera_is_asked_for_what_the_settings_say(device: Device) -> None:
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        camera.read()
    assert device.wishes[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert device.wishes[cv2.CAP_PROP_FPS] == 15
    assert next(iter(device.wishes)) == cv2.CAP_PROP_FOURCC


def test_only_frames_that_are_asked_for_are_decoded_and_none_is_old(device: Device) -> None:
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        camera.read()
        while device.grabbed < 10:
            time.sleep(0.005)
        device.picture = np.full((36, 64, 3), 77, np.uint8)
        assert camera.read().picture[0, 0, 0] == 77
    assert device.decoded == 2


def test_an_infrared_cameras_grey_becomes_rgb(device: Device) -> None:
    device.picture = np.full((36, 64), 90, np.uint8)
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        assert camera.read().picture.shape == (36, 64, 3)


def test_an_absent_camera_is_lost_in_words() -> None:
    absent = Device(present=False)
    with pytest.raises(CameraLost, match="there is no camera 0"):
        UsbCamera(0, SETTINGS, open_device=absent.open)
    assert absent.released.wait(5)


def test_a_camera_that_is_pulled_out_is_lost_at_once(device: Device) -> None:
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        camera.read()
        device.unplugged.set()
        with pytest.raises(CameraLost, match="is gone; check its cable"):
            read_on(camera)
        with pytest.raises(CameraLost, match="is gone"):
            camera.read()


def test_a_camera_that_falls_silent_does_not_hang_the_kiosk(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_camera, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(usb_camera, "CLOSE_TIMEOUT_S", 0.1)
    camera = UsbCamera(0, SETTINGS, open_device=device.open)
    camera.read()
    device.hang.set()
    began = time.monotonic()
    with pytest.raises(CameraLost, match="no picture"):
        read_on(camera)
    camera.close()
    assert time.monotonic() - began < 2


def test_a_camera_that_never_opens_does_not_hang_the_kiosk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_camera, "OPEN_TIMEOUT_S", 0.1)
    monkeypatch.setattr(usb_camera, "CLOSE_TIMEOUT_S", 0.1)
    device, go_on = Device(), threading.Event()

    def slow(number: int) -> Device:
        go_on.wait(10)
        return device.open(number)

    with pytest.raises(CameraLost, match="does not answer"):
        UsbCamera(0, SETTINGS, open_device=slow)
    go_on.set()
    assert device.released.wait(5)


@pytest.mark.parametrize("torn", [None, np.zeros((0, 0, 3), np.uint8), np.zeros((36, 64, 2), np.uint8)])
def test_a_torn_frame_is_waited_out(device: Device, torn: object) -> None:
    whole = device.picture
    device.picture = torn
    with UsbCamera(0, SETTINGS, open_device=device.open) as camera:
        mender = threading.Timer(0.1, setattr, [device, "picture", whole])
        mender.start()
        assert camera.read().picture[0, 0].tolist() == [200, 20, 10]
        mender.join()


def test_a_closed_camera_gives_nothing_and_may_be_closed_again(device: Device) -> None:
    camera = UsbCamera(0, SETTINGS, open_device=device.open)
    camera.close()
    camera.close()
    with pytest.raises(CameraLost):
        camera.read()


def test_an_error_of_opencv_is_a_lost_camera(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> tuple[bool, Any]:
        raise cv2.error("decoder")

    monkeypatch.setattr(device, "retrieve", fail)
    with (
        UsbCamera(0, SETTINGS, open_device=device.open) as camera,
        pytest.raises(CameraLost, match="camera 0"),
    ):
        camera.read()


def test_a_real_camera_number_that_is_not_there_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CameraLost, match="there is no camera 77"):
        open_camera(config.Camera(source="usb:77"))
    assert capfd.readouterr().err == ""


def test_a_driver_that_never_lets_go_holds_one_thread_however_often_it_is_tried(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usb_camera, "CLOSE_TIMEOUT_S", 0.05)
    before = threading.active_count()
    camera = UsbCamera(0, SETTINGS, open_device=device.open)
    device.hang.set()
    time.sleep(0.1)  # whatever grab was under way is over: the next one hangs
    camera.close()
    for _ in range(3):
        with pytest.raises(CameraLost, match="does not let go; unplug it"):
            UsbCamera(0, SETTINGS, open_device=Device().open)
    assert threading.active_count() == before + 1
    device.hang.clear()
    assert device.released.wait(5)
    camera.close()
    UsbCamera(0, SETTINGS, open_device=Device().open).close()


def test_a_driver_that_fails_while_opening_is_said_at_once() -> None:
    def failing(_: int) -> Device:
        raise cv2.error("no memory")

    begun_s = time.monotonic()
    with pytest.raises(CameraLost, match="camera 0 failed"):
        UsbCamera(0, SETTINGS, open_device=failing)
    assert time.monotonic() - begun_s < 2
