"""Frames taken by a thread of its own, so that the next one is fetched and decoded while the last is looked at.

OpenCV lets go of Python's lock while it decodes, finds and encodes: on a machine with two cores or more both go on at
the same time. `hadir bench speed` says what that gives, and what encoding one frame while the next is searched would:
that is not done, for it makes every answer a frame later.
"""

import threading
import time
from collections.abc import Callable
from typing import Self

from terminal.camera import Camera, CameraLost, Frame
from terminal.faces import Picture

CLOSE_TIMEOUT_S = 8.0
"""Longer than any camera of ours takes to notice that its driver hangs, and to leave it."""
_held: list[threading.Thread] = []
"""Threads that their camera never let go of: while one does, opening it again would only add threads and devices."""


class Ahead:
    """A camera that belongs to a thread of its own, which opens, reads and closes it.

    One frame lies ready. Of a live camera that is the newest: one that nobody took in time is gone. With `every_frame`,
    for files, the thread waits until it was taken, and none is lost here.
    """

    def __init__(
        self,
        open_camera: Callable[[], Camera],
        *,
        interval_s: float,
        every_frame: bool = False,
        show: Callable[[Picture], None] = lambda _: None,
    ) -> None:
        """Frames are read no faster than one in `interval_s`, from `with` on. `show` gets each before it lies ready."""
        self._open_camera = open_camera
        self._interval_s = interval_s
        self._every_frame = every_frame
        self._show = show
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._problem: Exception | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def take(self, timeout_s: float) -> Frame | None:
        """Return the frame that lies ready, waiting for it; None if none came within `timeout_s`.

        What the camera raises is raised here, when the frames it gave before have been taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._problem is not None, timeout_s)
            frame, self._frame = self._frame, None
            self._changed.notify_all()
            if frame is None and self._problem is not None:
                raise self._problem
            return frame

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """The camera is closed, or left to its thread where it does not let go."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            _held.append(self._thread)

    def _run(self) -> None:
        try:
            _held[:] = [thread for thread in _held if thread.is_alive()]
            if _held:
                raise CameraLost("the camera's driver does not let go; unplug it, or start the machine again")
            with self._open_camera() as camera:
                due_s = time.monotonic()
                while not self._closing.is_set():
                    self._lay_ready(camera.read())
                    due_s = max(due_s + self._interval_s, time.monotonic())
                    self._closing.wait(max(0.0, due_s - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - it is raised where frames are taken
            with self._changed:
                self._problem = error
                self._changed.notify_all()

    def _lay_ready(self, frame: Frame) -> None:
        self._show(frame.picture)
        with self._changed:
            if self._every_frame:
                self._changed.wait_for(lambda: self._frame is None or self._closing.is_set())
            self._frame = frame
            self._changed.notify_all()
