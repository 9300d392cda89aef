"""A camera of the real size before which a test puts portraits, at a camera's own pace."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np

from terminal.camera import CameraLost, Frame
from terminal.faces import Picture
from tests.terminal.portraits import before_camera

NOBODY: Picture = np.full((720, 1280, 3), 128, np.uint8)


class Webcam:
    """A camera before which a test puts somebody, fifteen frames a second; they sway a little."""

    def __init__(self) -> None:
        self._who: Path | None = None
        self._gone = False
        self._count = 0
        self._read = threading.Condition()

    def show(self, who: Path | None) -> None:
        self._who = who

    def look(self, frames: int = 12) -> None:
        """Wait until the desk has taken so many more pictures."""
        with self._read:
            wanted = self._count + frames
            assert self._read.wait_for(lambda: self._count >= wanted, 10), "nobody looks"

    def unplug(self, gone: bool = True) -> None:
        self._gone = gone

    def open(self) -> Self:
        if self._gone:
            raise CameraLost("the test unplugged the camera")
        return self

    def read(self) -> Frame:
        time.sleep(1 / 15)  # the camera's own pace
        if self._gone:
            raise CameraLost("the test unplugged the camera")
        with self._read:
            self._count += 1
            self._read.notify_all()
        noise = np.random.default_rng(self._count).integers(0, 3, (720, 1280, 3), np.uint8)  # no sensor repeats itself
        who = self._who
        picture = NOBODY if who is None else before_camera(who, shift_px=self._count % 3 * 4)
        return Frame(picture=picture + noise, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...
