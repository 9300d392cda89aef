"""USB cameras through Video4Linux and OpenCV, which may vanish or fall silent at any moment."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, Self

import cv2
import numpy as np

from config import Camera as CameraSettings
from terminal.camera import CameraLost, Frame
from terminal.faces import Picture

log = logging.getLogger("hadir.terminal.camera")

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 1.0

_held: dict[int, threading.Thread] = {}
"""Threads that a driver never let go of. A retry every few seconds must not add one more each time, with its device."""


class Capture(Protocol):
    """What is used of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's names

    def set(self, propId: int, value: float) -> bool: ...  # noqa: N803

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class UsbCamera:
    """A camera on /dev/videoN.

    A thread of its own opens it, empties the driver's queue and closes it, so that a frame is as new as can be and a
    driver that never answers stops that thread alone. Only frames that are asked for are decoded.
    """

    def __init__(
        self, number: int, settings: CameraSettings, *, open_device: Callable[[int], Capture] | None = None
    ) -> None:
        """Raises CameraLost where there is no such camera or it does not answer."""
        held = _held.get(number)
        if held is not None and held.is_alive():
            raise CameraLost(f"camera {number} does not let go; unplug it and plug it in again")
        self._number = number
        self._settings = settings
        self._open_device = open_device or _open
        self._changed = threading.Condition()
        self._wanted = False
        self._newest: Frame | None = None
        self._opened = False
        self._problem: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"camera-usb{number}", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._opened or self._problem is not None, OPEN_TIMEOUT_S)
            if not self._opened:
                self._problem = self._problem or f"camera {number} does not answer; unplug it and plug it in again"
        if self._problem is not None:
            self.close()
            raise CameraLost(self._problem)

    def read(self) -> Frame:
        """Return a frame taken after this call began. Raises CameraLost, after READ_TIMEOUT_S at the latest."""
        with self._changed:
            self._wanted, self._newest = True, None
            self._changed.wait_for(lambda: self._newest is not None or self._problem is not None, READ_TIMEOUT_S)
            self._wanted = False
            if self._newest is not None:
                return self._newest
            raise CameraLost(
                self._problem
                or f"camera {self._number} has sent no picture for {READ_TIMEOUT_S:.0f} s; check its cable"
            )

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._problem = self._problem or f"camera {self._number} is closed"
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            _held[self._number] = self._thread
            log.warning("camera %s does not let go; it is left to its own thread", self._number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        device: Capture | None = None
        try:
            device = self._open_device(self._number)
            if not device.isOpened():
                self._say_lost(f"there is no camera {self._number}; plug one in or change camera.source")
                return
            for what, value in _wishes(self._settings):
                device.set(what, value)  # a wish: what the frames really are is seen when they come
            with self._changed:
                self._opened = True
                self._changed.notify_all()
            while not self._closing:
                if not device.grab():
                    self._say_lost(f"camera {self._number} is gone; check its cable")
                    return
                taken_at, monotonic_ns = datetime.now(UTC), time.monotonic_ns()
                if self._wanted:
                    self._hand_over(device, taken_at, monotonic_ns)
        except cv2.error as error:
            self._say_lost(f"camera {self._number} failed ({error.err}); check its cable")
        finally:
            if device is not None:
                device.release()

    def _hand_over(self, device: Capture, taken_at: datetime, monotonic_ns: int) -> None:
        decoded, content = device.retrieve()
        picture = _rgb(content) if decoded else None
        if picture is None:
            return  # one torn frame is no lost camera; silence for READ_TIMEOUT_S is
        with self._changed:
            self._newest = Frame(picture=picture, taken_at=taken_at, monotonic_ns=monotonic_ns, live=True)
            self._wanted = False
            self._changed.notify_all()

    def _say_lost(self, problem: str) -> None:
        with self._changed:
            self._problem = problem
            self._changed.notify_all()


def _open(number: int) -> Capture:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # its warnings are said in our words
    return cv2.VideoCapture(number, cv2.CAP_V4L2)


def _wishes(settings: CameraSettings) -> tuple[tuple[int, float], ...]:
    """MJPEG first: without it USB 2 has room for 10 uncompressed frames of 1280x720 a second."""
    return (
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width_px),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px),
        (cv2.CAP_PROP_FPS, settings.frame_rate_hz),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    )


def _rgb(content: Any) -> Picture | None:
    """Return OpenCV's BGR (or an infrared camera's grey) as RGB, None for what is no picture."""
    if not isinstance(content, np.ndarray) or content.dtype != np.uint8 or content.size == 0:
        return None
    if content.ndim == 2:
        return np.asarray(cv2.cvtColor(content, cv2.COLOR_GRAY2RGB), np.uint8)
    if content.ndim == 3 and content.shape[2] == 3:
        return np.asarray(cv2.cvtColor(content, cv2.COLOR_BGR2RGB), np.uint8)
    return None
