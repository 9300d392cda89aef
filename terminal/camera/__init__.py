"""Where frames come from: the Camera protocol, its errors, and `open_camera`, which knows every kind of source.

Whatever a device delivers, a Frame's picture is RGB: the conversion is each camera's own, in one place.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from config import Camera as CameraSettings
from errors import HadirError
from terminal.faces import Picture


class CameraFailed(HadirError):
    """No frame is to be had; the text is a sentence for a technician."""


class CameraLost(CameraFailed):
    """The device is absent, gone or silent: opening it again may help."""


class CameraEnded(CameraFailed):
    """The clip is over. Not a fault."""


class SourceRefused(CameraFailed):
    """What `camera.source` names is not there or is no clip or picture: opening it again helps only once it is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One picture, (height, width, 3) RGB without gaps, and when it was taken: UTC with zone, and a steady clock.

    `monotonic_ns` is CLOCK_MONOTONIC, or the clip's own time where a clip is read as fast as it goes; only differences
    mean something. `live`: a sensor made it just now, so that no two are the same.
    """

    picture: Picture
    taken_at: datetime
    monotonic_ns: int
    live: bool = False


class Camera(Protocol):
    """A source of frames. One camera belongs to one thread."""

    def read(self) -> Frame:
        """Return the newest frame, waiting for it. Raises CameraLost or CameraEnded."""
        ...

    def close(self) -> None:
        """The device is free for others; never raises, and may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def open_camera(settings: CameraSettings, *, real_time: bool = True, loop: bool = False) -> Camera:
    """Return the camera that `settings.source` names, open.

    `real_time` and `loop` are for files: frames come at the clip's own pace and late ones are skipped, or all of them
    as fast as they go; a looping clip starts again at its end. Raises CameraLost or SourceRefused.
    """
    kind, _, place = settings.source.partition(":")
    match kind:
        case "file":
            from terminal.camera.files import ClipCamera

            return ClipCamera(Path(place), real_time=real_time, loop=loop)
        case "folder":
            from terminal.camera.files import FolderCamera

            return FolderCamera(Path(place), frame_rate_hz=settings.frame_rate_hz, real_time=real_time, loop=loop)
        case "usb":
            from terminal.camera.usb import UsbCamera

            return UsbCamera(int(place), settings)
        case "picamera":
            from terminal.camera.pi import Picamera2Camera

            return Picamera2Camera(settings)
    raise SourceRefused(
        f"camera.source {settings.source!r} is unknown; picamera, usb:N, file:CLIP and folder:PICTURES are"
    )
