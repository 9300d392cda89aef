"""The kiosk's eyes: from frames to sightings.

`Vision` is the thread's body that has a `Looker` look at what `capture` fetches, and publishes what it sees; `Newest`
hands that over to the main thread, which draws what it finds and never queues.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from config import Config
from errors import where
from terminal import camera_life
from terminal.camera import Camera, CameraEnded, CameraFailed, CameraLost, Frame
from terminal.camera_watch import CameraWatch, OpenAnew
from terminal.capture import Ahead
from terminal.errand import Eyes, Glance
from terminal.faces import Box, Engine, Picture
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.looking import Looker
from terminal.sighting import Asked, CameraState, CameraTrouble, Sighting

log = logging.getLogger("hadir.terminal.vision")

T = TypeVar("T")
# A thread that is started anew after a crash must not give ids again that the visit has done with.
_first_track_ids = itertools.count(1, 1_000_000)
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 10.0
_FAILURES_IN_A_ROW = 20
"""Frames in a row that could not be looked at, after which the kiosk says that it does not see."""
_STOP_ASKED_EVERY_S = 0.25
SILENT_S = 2.5
"""A camera that has sent no picture for so long, since it was opened or since the last one, is told to be lost."""
OPENING_S = 8.0
"""From its first opening on, though, that is no fault: picamera2 alone takes seconds to load on a small machine."""
HUNG_S = 15.0
"""One that neither sends nor fails for so long is given up; it is opened again when its driver has let go of it."""
_SAID_AGAIN_EVERY_S = 1.0


class Newest(Generic[T]):
    """A place for one value between two threads: a new one replaces an old one that nobody took."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._value: T | None = None

    def put(self, value: T) -> None:
        """The value is there to be taken; one that was not taken is gone."""
        with self._filled:
            self._value = value
            self._filled.notify()

    def take(self, timeout_s: float = 0.0) -> T | None:
        """Return the newest value and leave the place empty; None if none came within `timeout_s`."""
        with self._filled:
            self._filled.wait_for(lambda: self._value is not None, timeout_s)
            value, self._value = self._value, None
            return value


class Vision:
    """The vision thread. `frames` and `failures` count what it looked at and what it could not look at."""

    def __init__(
        self,
        settings: Config,
        *,
        open_camera: Callable[[], Camera],
        engine: Engine,
        gallery: Callable[[], Gallery],
        publish: Callable[[Sighting | CameraState | Glance], None],
        show: Callable[[Picture], None] = lambda _: None,
        answered: Callable[[], Collection[int]] | None = None,
        asked: Callable[[], Asked | None] = lambda: None,
        settling: Callable[[], bool] = lambda: False,
        errand: Callable[[], Eyes | None] = lambda: None,
        guard: Guard | None = None,
    ) -> None:
        """`gallery`, `answered`, `asked`, `settling` and `errand` are called at every frame: each returns one reference
        that others swap.

        While `errand` has eyes they study the frame instead, and nobody is looked for; then everybody is new.

        `show` gets each picture when it comes from the camera: who looks into a mirror does not wait for an encode.
        """
        self._interval_s = 1 / settings.camera.frame_rate_hz
        # A file keeps its own pace, and skips by itself what comes too late.
        self._every_frame = settings.camera.source.startswith(("file:", "folder:"))
        self._open_camera = open_camera
        self._engine = engine
        self._looker = Looker(
            engine,
            settings,
            first_track_id=next(_first_track_ids),
            idle_look_s=settings.camera.idle_look_s,
            guard=guard,
        )
        self._gallery = gallery
        self._publish = publish
        self._show = show
        self._answered = answered
        self._asked, self._settling = asked, settling
        self._errand, self._guard = errand, guard
        self._on_errand = False
        self._failed_in_a_row = 0
        self._camera = CameraWatch(self._looker.faces)
        self._told_s = 0.0
        self._seen = False
        self.frames = 0
        self.failures = 0

    def run(self, stop: threading.Event) -> None:
        """Sightings and camera states are published until `stop` is set; a lost camera is opened again and again.

        The camera is `ok` from the first sighting on, and `lost` as long as its pictures show nobody: nobody is looked
        for in those. At the end of a clip the camera is `lost`, for good.
        """
        retry_s, said = _FIRST_RETRY_S, ""
        while not stop.is_set():
            self._publish(CameraState(state="starting"))
            looked_before = self.frames
            try:
                with Ahead(
                    self._open_camera, interval_s=self._interval_s, every_frame=self._every_frame, show=self._show
                ) as frames:
                    self._watch(frames, stop)
            except CameraEnded as end:
                self._publish(CameraState(state="lost", problem=str(end)))
                stop.wait()
            except CameraFailed as failure:
                if str(failure) != said:  # a camera that is away is looked for six times a minute, all weekend
                    log.warning("%s", failure)
                said = str(failure)
                if isinstance(failure, OpenAnew):
                    self._lost(str(failure), self._camera.trouble)
                else:
                    self._camera.gone()
                    self._lost(str(failure), CameraTrouble.LOST)
                if self.frames > looked_before:
                    retry_s, said = _FIRST_RETRY_S, ""
                stop.wait(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)

    def _watch(self, frames: Ahead, stop: threading.Event) -> None:
        self._looker.restart()
        self._failed_in_a_row = 0
        seeing = False
        heard_s = troubled_s = time.monotonic()
        while not stop.is_set():
            frame = frames.take(_STOP_ASKED_EVERY_S)
            now_s = time.monotonic()
            if frame is None:
                seeing = self._heard_nothing(now_s - heard_s, now_s) and seeing
                continue
            heard_s, self._seen = now_s, True
            trouble, seen = self._looked(frame)
            if trouble is not None:
                if seeing or now_s >= self._told_s + _SAID_AGAIN_EVERY_S:
                    self._lost(camera_life.sentence(trouble), trouble)
                seeing = False
                self._camera.troubled(now_s - troubled_s)
                continue
            troubled_s = now_s
            if seen is not None:
                if not seeing:
                    self._publish(CameraState(state="ok"))
                self._publish(seen)
                seeing = True
            elif self._failed_in_a_row == _FAILURES_IN_A_ROW:
                self._lost("pictures cannot be looked at; the log says why", None)
                seeing = False

    def _heard_nothing(self, silent_s: float, now_s: float) -> bool:
        """Return whether that is still nothing to say. Raises CameraLost when the camera hangs."""
        if self._every_frame or silent_s < SILENT_S:
            return True
        if silent_s >= HUNG_S:
            raise CameraLost(f"the camera has not answered for {HUNG_S:.0f} s; check its cable")
        if now_s >= self._told_s + _SAID_AGAIN_EVERY_S:
            opening = not self._seen and silent_s < OPENING_S
            self._lost(f"no picture for {silent_s:.0f} s", None if opening else CameraTrouble.LOST)
        return False

    def _lost(self, problem: str, why: CameraTrouble | None) -> None:
        self._told_s = time.monotonic()
        self._publish(CameraState(state="lost", problem=problem, why=why))

    def _looked(self, frame: Frame) -> tuple[CameraTrouble | None, Sighting | Glance | None]:
        """Return what is wrong with the camera, and if that is nothing what the frame shows.

        Neither if looking failed, which is logged and counted and ends nothing.
        """
        try:
            if self._camera.judge(frame):
                self._looker.restart()
            if self._camera.trouble is not None:
                return self._camera.trouble, None
            seen, boxes = self._seen_in(frame)
            self._camera.judge_faces(frame, boxes)
        except Exception as error:  # noqa: BLE001 - the border of the frame loop: one bad frame must not blind a kiosk
            self.failures += 1
            self._failed_in_a_row += 1
            if self._failed_in_a_row in (1, _FAILURES_IN_A_ROW):
                log.error("a frame could not be looked at: %s at %s", type(error).__name__, where(error))
            return None, None
        self.frames += 1
        self._failed_in_a_row = 0
        return None, seen

    def _seen_in(self, frame: Frame) -> tuple[Sighting | Glance, tuple[Box, ...]]:
        """Return what the frame shows to whoever looks now, and where there are faces in it."""
        eyes = self._errand()
        if eyes is not None:
            self._on_errand = True
            glance = eyes(frame, self._engine, self._guard)
            return glance, (glance.box,) if glance.box is not None else ()
        if self._on_errand:
            self._on_errand = False
            self._looker.restart()  # no track reaches across what was not looked at
        answered = self._answered() if self._answered is not None else None
        sighting = self._looker.look(
            frame, self._gallery(), answered=answered, asked=self._asked(), settling=self._settling()
        )
        return sighting, (*((sighting.served.box,) if sighting.served else ()), *sighting.others)
