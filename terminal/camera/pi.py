"""Raspberry Pi cameras through picamera2, which belongs to the operating system and is imported only here, late.

libcamera gives what it can, not what it was asked: what `camera_configuration` says afterwards is what is converted.
Names are traps: picamera2's "RGB888" has its bytes in the order B, G, R, and its "BGR888" in the order R, G, B.
"""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from config import Camera as CameraSettings
from terminal.camera import CameraLost, Frame, SourceRefused
from terminal.faces import Picture

log = logging.getLogger("hadir.terminal.camera")

READ_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 3.0
_held: list[threading.Thread] = []
"""Threads that close a camera which does not let go: while one does, opening again would only add descriptors."""
_PLAUSIBLE_AGE_NS = 2_000_000_000

_INSTALL = "run: sudo apt install python3-picamera2 --no-install-recommends (or set camera.source to another camera)"


class Picamera2Camera:
    """The camera on the Pi's ribbon cable."""

    def __init__(self, settings: CameraSettings) -> None:
        """Raises SourceRefused where picamera2 is not installed, CameraLost where no camera answers."""
        kind = _picamera2()
        _held[:] = [closer for closer in _held if closer.is_alive()]
        if _held:
            raise CameraLost("the camera does not let go; check the ribbon cable, or start the machine again")
        # Asked before anything is opened: every failed open costs older picamera2 two file descriptors.
        if not kind.global_camera_info():
            raise CameraLost("no camera was found; check the ribbon cable, then: rpicam-hello --list-cameras")
        device = None
        try:
            device = kind()
            self._format = _start(device, settings)
        except (RuntimeError, OSError, IndexError, KeyError, ValueError) as error:
            if device is not None:
                _close(device)
            raise CameraLost(f"the camera does not start ({error}); check the ribbon cable, or start again") from error
        self._device: Any = device

    def read(self) -> Frame:
        """Return the next frame. Raises CameraLost, after READ_TIMEOUT_S at the latest."""
        if self._device is None:
            raise CameraLost("the camera is closed")
        try:
            request = self._device.capture_request(wait=READ_TIMEOUT_S)
            try:
                buffer, metadata = request.make_buffer("main"), request.get_metadata()
            finally:
                request.release()
        except TimeoutError as error:
            with suppress(RuntimeError, OSError):  # a dead device may refuse this as well
                self._device.cancel_all_and_flush()
            raise CameraLost(
                f"the camera has sent no picture for {READ_TIMEOUT_S:.0f} s; check the ribbon cable"
            ) from error
        except (RuntimeError, OSError) as error:
            raise CameraLost(f"the camera failed ({error}); check the ribbon cable") from error
        age_ns = _age_ns(metadata)
        return Frame(
            picture=rgb(buffer, self._format),
            taken_at=datetime.now(UTC) - timedelta(microseconds=age_ns // 1000),
            monotonic_ns=time.monotonic_ns() - age_ns,
            live=True,
        )

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            _close(device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def rgb(buffer: NDArray[np.uint8], given: Mapping[str, Any]) -> Picture:
    """Return the picture in `buffer`, one frame of a stream, as RGB.

    `given` is the stream's part of camera_configuration(): `format`, `size` (width, height) and `stride`, the bytes
    from one row to the next, which may be more than a row holds. Raises CameraLost for a format that is not handled.
    """
    name, (width, height), stride = str(given["format"]), given["size"], int(given["stride"])
    match name:
        case "RGB888":
            return _opencv(_rows(buffer, height, stride)[:, : width * 3].reshape(height, width, 3), cv2.COLOR_BGR2RGB)
        case "BGR888":
            return np.array(_rows(buffer, height, stride)[:, : width * 3].reshape(height, width, 3))
        case "XRGB8888":
            return _opencv(_rows(buffer, height, stride)[:, : width * 4].reshape(height, width, 4), cv2.COLOR_BGRA2RGB)
        case "XBGR8888":
            return _opencv(_rows(buffer, height, stride)[:, : width * 4].reshape(height, width, 4), cv2.COLOR_RGBA2RGB)
        case "NV12":
            # One plane of Y, then one of U and V in turn, each row of both as long as the stride.
            return _trimmed(_opencv(_rows(buffer, height * 3 // 2, stride), cv2.COLOR_YUV2RGB_NV12), width)
        case "YUV420":
            # Three planes; the rows of U and V are half a stride long, so two of them fill one row here.
            return _trimmed(_opencv(_rows(buffer, height * 3 // 2, stride), cv2.COLOR_YUV2RGB_I420), width)
    raise CameraLost(
        f"the camera gives {name}, which is not handled; set camera.width_px and height_px to another size"
    )


def _rows(buffer: NDArray[np.uint8], rows: int, stride: int) -> NDArray[np.uint8]:
    if buffer.size < rows * stride:
        raise CameraLost(f"the camera gave {buffer.size} of {rows * stride} bytes of a picture; start it again")
    return buffer.reshape(-1)[: rows * stride].reshape(rows, stride)


def _trimmed(picture: Picture, width: int) -> Picture:
    """Return `picture` without what was padding, its rows without gaps."""
    return np.ascontiguousarray(picture[:, :width])


def _opencv(content: NDArray[np.uint8], conversion: int) -> Picture:
    return np.asarray(cv2.cvtColor(content, conversion), np.uint8)


def _picamera2() -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise SourceRefused(f"picamera2 is not installed here; {_INSTALL}") from error
    except (OSError, ValueError, AttributeError) as error:
        # A numpy or libcamera of another version than picamera2 was built for.
        raise SourceRefused(
            f"picamera2 does not load ({error}); run: sudo apt full-upgrade, then start again"
        ) from error
    return Picamera2


def _start(device: Any, settings: CameraSettings) -> Mapping[str, Any]:
    """Have `device` deliver frames, and return what its main stream really is."""
    wanted = device.create_video_configuration(
        main={"size": (settings.width_px, settings.height_px), "format": "RGB888"}, buffer_count=4, queue=False
    )
    # OpenCV takes YUV for BT.601; unasked, libcamera gives Rec. 709 from 1280x720 on.
    wanted["colour_space"] = type(wanted["colour_space"]).Smpte170m()
    device.configure(wanted)
    given: Mapping[str, Any] = device.camera_configuration()["main"]
    if given["format"] != "RGB888" or tuple(given["size"]) != (settings.width_px, settings.height_px):
        log.info(
            "asked for RGB888 %sx%s, got %s %s", settings.width_px, settings.height_px, given["format"], given["size"]
        )
    controls = _controls(settings, device.camera_controls)
    if controls:
        device.set_controls(controls)
    device.start()
    return given


def _controls(settings: CameraSettings, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the controls we want that this camera has: a fixed-focus one has no AfMode, for one."""
    frame_us = round(1e6 / settings.frame_rate_hz)
    wanted: dict[str, Any] = {
        "FrameDurationLimits": (frame_us, frame_us),
        "AfMode": 2,  # continuous (libcamera controls::AfModeEnum)
    }
    return {name: value for name, value in wanted.items() if name in known}


def _age_ns(metadata: Mapping[str, Any]) -> int:
    """Return how long ago the frame was exposed, 0 where the camera does not say it credibly."""
    exposed_ns = metadata.get("SensorTimestamp")
    if not isinstance(exposed_ns, int):
        return 0
    age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - exposed_ns
    return age_ns if 0 <= age_ns <= _PLAUSIBLE_AGE_NS else 0


def _close(device: Any) -> None:
    """Close `device` in a thread that is left behind if a dead camera never lets go of it."""

    def close() -> None:
        try:
            device.close()
        except (RuntimeError, OSError, AttributeError) as error:
            log.warning("the camera did not close: %s", error)

    closer = threading.Thread(target=close, name="camera-close", daemon=True)
    closer.start()
    closer.join(CLOSE_TIMEOUT_S)
    if closer.is_alive():
        _held.append(closer)
        log.warning("the camera does not let go; it is left to its own thread")
