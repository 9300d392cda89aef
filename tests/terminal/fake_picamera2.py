"""A picamera2 without a Pi: the calls, the order they must come in, and a camera that gives what it likes.

Modelled on picamera2 0.3.38: `create_video_configuration` makes a dict, `configure` may change it, and what holds is
read back from `camera_configuration()`; `capture_request(wait=seconds)` raises TimeoutError and leaves its job queued
until `cancel_all_and_flush`; a request is held until it is released. Complains (AssertionError) when misused.
"""

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Buffer = NDArray[np.uint8]
RGB = tuple[int, int, int]


def stream(name: str, size: tuple[int, int], colour: RGB, *, padding: int = 0) -> tuple[dict[str, Any], Buffer]:
    """Return (a stream's part of camera_configuration, a frame of one colour in it), rows `padding` bytes longer.

    YUV is BT.601 of limited range, as OpenCV takes it: colours come back within a few steps.
    """
    width, height = size
    red, green, blue = colour
    y = round(16 + 65.738 / 256 * red + 129.057 / 256 * green + 25.064 / 256 * blue)
    u = round(128 - 37.945 / 256 * red - 74.494 / 256 * green + 112.439 / 256 * blue)
    v = round(128 + 112.439 / 256 * red - 94.154 / 256 * green - 18.285 / 256 * blue)
    match name:
        case "RGB888":
            stride, rows = width * 3 + padding, _rows(height, width, (blue, green, red), padding)
        case "BGR888":
            stride, rows = width * 3 + padding, _rows(height, width, (red, green, blue), padding)
        case "XRGB8888":
            stride, rows = width * 4 + padding, _rows(height, width, (blue, green, red, 255), padding)
        case "XBGR8888":
            stride, rows = width * 4 + padding, _rows(height, width, (red, green, blue, 255), padding)
        case "NV12":
            stride = width + padding
            rows = [*_rows(height, width, (y,), padding), *_rows(height // 2, width // 2, (u, v), padding)]
        case "YUV420":
            stride = width + padding
            halves = [
                *_rows(height // 2, width // 2, (u,), padding // 2),
                *_rows(height // 2, width // 2, (v,), padding // 2),
            ]
            rows = [*_rows(height, width, (y,), padding), *halves]
        case _:
            stride, rows = width * 2 + padding, _rows(height, width, (1, 2), padding)
    given = {"format": name, "size": size, "stride": stride, "framesize": sum(map(len, rows))}
    return given, np.concatenate(rows)


def _rows(count: int, width: int, pixel: tuple[int, ...], padding: int) -> list[Buffer]:
    row = np.concatenate([np.tile(np.array(pixel, np.uint8), width), np.full(padding, 99, np.uint8)])
    return [row] * count


class ColorSpace:
    """libcamera's, with the two that matter here."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def Smpte170m(cls) -> "ColorSpace":  # noqa: N802 - libcamera's name
        return cls("SMPTE170M")

    @classmethod
    def Rec709(cls) -> "ColorSpace":  # noqa: N802
        return cls("Rec709")


class FakeRequest:
    """A completed request: to be released exactly once, not used afterwards."""

    def __init__(self, device: "FakePicamera2", buffer: Buffer, metadata: dict[str, Any]) -> None:
        self._device, self._buffer, self._metadata = device, buffer, metadata
        self._held = True

    def make_buffer(self, name: str) -> Buffer:
        assert self._held, "used after release"
        assert name in self._device.camera_configuration(), f"Stream {name!r} is not defined"
        return self._buffer.copy()

    def get_metadata(self) -> dict[str, Any]:
        assert self._held, "used after release"
        return dict(self._metadata)

    def release(self) -> None:
        assert self._held, "released twice"
        self._held = False
        self._device.held -= 1


class FakePicamera2:
    """One Pi camera. The class attributes are the test's to decide: what is connected, what it gives, when it fails."""

    cameras: list[dict[str, Any]] = [{"Model": "imx708_wide", "Num": 0}]  # noqa: RUF012 - as the real one's
    gives: Callable[[dict[str, Any]], tuple[dict[str, Any], Buffer]]
    controls_known: tuple[str, ...] = ("FrameDurationLimits", "AfMode", "AeEnable")
    silent = False
    failing: str | None = None
    close_hangs = False
    sensor_age_ns: int | None = 30_000_000
    opened: list["FakePicamera2"] = []  # noqa: RUF012

    def __init__(self) -> None:
        assert self.cameras, "IndexError in the real one, and two file descriptors lost"
        self.fail_at("open")
        self.started = self.closed = False
        self.held = 0
        self.configuration: dict[str, Any] | None = None
        self.controls: dict[str, Any] = {}
        self.jobs_left = 0
        self._buffer: Buffer = np.zeros(0, np.uint8)
        FakePicamera2.opened.append(self)

    @classmethod
    def fail_at(cls, step: str) -> None:
        if cls.failing == step:
            raise RuntimeError(f"Camera {step} sequence did not complete.")

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return FakePicamera2.cameras

    def create_video_configuration(
        self, main: dict[str, Any], *, buffer_count: int = 6, queue: bool = True
    ) -> dict[str, Any]:
        assert set(main) <= {"size", "format", "stride", "preserve_ar"}
        assert buffer_count >= 1
        space = ColorSpace.Rec709() if main["size"][1] >= 720 else ColorSpace.Smpte170m()
        return {"main": dict(main), "buffer_count": buffer_count, "queue": queue, "colour_space": space}

    def configure(self, wanted: dict[str, Any]) -> None:
        assert not self.started, "configured while running"
        self.fail_at("configure")
        assert wanted["colour_space"].name == "SMPTE170M", "YUV that OpenCV does not convert rightly"
        given, self._buffer = type(self).gives(wanted["main"])
        self.configuration = {**wanted, "main": given}

    def camera_configuration(self) -> dict[str, Any]:
        assert self.configuration is not None, "not configured"
        return self.configuration

    @property
    def camera_controls(self) -> dict[str, Any]:
        return dict.fromkeys(self.controls_known, (0, 1, 0))

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name in controls:
            assert name in self.controls_known, f"Control {name} is not advertised by libcamera"
        self.controls.update(controls)

    def start(self) -> None:
        assert self.configuration is not None, "not configured"
        self.fail_at("start")
        self.started = True

    def capture_request(
        self, wait: float | None = None, signal_function: None = None, flush: None = None
    ) -> FakeRequest:
        assert self.started, "the camera is not running"
        assert self.jobs_left == 0, "a job that timed out is still queued: cancel_all_and_flush"
        assert self.held == 0, "the camera runs out of buffers: release the request"
        self.fail_at("capture")
        if self.silent:
            assert wait is not None, "this would wait for ever"
            self.jobs_left += 1
            raise TimeoutError
        metadata: dict[str, Any] = {"ExposureTime": 10_000}
        if self.sensor_age_ns is not None:
            metadata["SensorTimestamp"] = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self.sensor_age_ns
        self.held += 1
        return FakeRequest(self, self._buffer, metadata)

    def cancel_all_and_flush(self) -> None:
        self.jobs_left = 0

    def close(self) -> None:
        assert not self.closed, "closed twice"
        if self.close_hangs:
            threading.Event().wait(1)
        self.closed, self.started = True, False


def module() -> ModuleType:
    """Return a module to stand in for picamera2, its camera in its first state and giving exactly what is asked for."""
    FakePicamera2.cameras = [{"Model": "imx708_wide", "Num": 0}]
    FakePicamera2.controls_known = ("FrameDurationLimits", "AfMode", "AeEnable")
    FakePicamera2.silent = FakePicamera2.close_hangs = False
    FakePicamera2.failing = None
    FakePicamera2.sensor_age_ns = 30_000_000
    FakePicamera2.opened = []
    FakePicamera2.gives = staticmethod(lambda main: stream(main["format"], main["size"], (200, 30, 60)))
    made = ModuleType("picamera2")
    made.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    return made
