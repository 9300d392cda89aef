"""The kiosk's eyes: from frames to sightings.

`Looker` does one frame's work and knows no thread; `Vision` is the thread's body that looks at what `capture` fetches,
and publishes; `Newest` hands the result over to the main thread, which draws what it finds and never queues.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from config import Config
from errors import where
from terminal import agreement, camera_life, hints, motion
from terminal.agreement import Evidence, Sample
from terminal.calibration import policy_for
from terminal.camera import Camera, CameraEnded, CameraFailed, CameraLost, Frame
from terminal.camera_watch import CameraWatch, OpenAnew
from terminal.capture import Ahead
from terminal.faces import Box, Engine, Picture
from terminal.gallery import Gallery
from terminal.quality import Quality, Reason, assess
from terminal.service import Service, Zone, crowded, serve, shorter_side
from terminal.sighting import CameraState, CameraTrouble, Served, Sighting, since
from terminal.tracking import Scene, Track, broken, follow, visible

log = logging.getLogger("hadir.terminal.vision")

T = TypeVar("T")
APPROACHING = 0.6
"""Part of the size at which a face is looked at, from which somebody is asked to come closer."""
_DOUBTFUL_GAP_S = 0.25
_NOTHING = Evidence()
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


class Looker:
    """What has been seen so far, and what one more frame adds to it. Belongs to one thread, as its engine does.

    At most one face is encoded a frame, and only that of the person served: bystanders are never identified.
    """

    def __init__(self, engine: Engine, settings: Config, *, first_track_id: int = 1, idle_look_s: float = 0.0) -> None:
        """With nobody in view, faces are looked for when something moved and every `idle_look_s`; 0: in each frame.

        Raises NotCalibrated.
        """
        self._engine = engine
        self._idle_look_s = idle_look_s
        self._room = motion.Room()
        self._quality = settings.quality
        self._zone = settings.zone
        self._match = settings.match
        self._policy = policy_for(engine.engine_id, settings.match)
        self._scene = Scene(next_id=first_track_id)
        self._service = Service()
        self._evidence: dict[int, Evidence] = {}
        self._trouble = hints.fresh(0.0)
        self._unlike: str | None = None

    def restart(self) -> None:
        """Nobody is in view: the camera was away, and no track reaches across that."""
        self._scene = Scene(next_id=self._scene.next_id)
        self._service = Service()
        self._evidence = {}
        self._room = motion.Room()

    def faces(self, picture: Picture) -> list[Box]:
        """Return where faces are, and follow none."""
        return [face.box for face in self._engine.detect(picture)]

    def follows(self, track_id: int) -> bool:
        """Return whether that track is unbroken and somebody's still."""
        return self._scene.find(track_id) is not None

    def look(self, frame: Frame, gallery: Gallery, *, answered: Collection[int] | None = None) -> Sighting:
        """Return what `frame` shows, and who that is by `gallery`.

        `answered` has the tracks that the visit is through with, which make room for the next person; None means that
        whoever is identified is.
        """
        gallery = self._comparable(gallery)
        at, now_s = frame.taken_at, frame.monotonic_ns / 1e9
        height, width = frame.picture.shape[:2]
        near_px = max(float(self._quality.min_face_px), self._quality.min_face_share * max(width, height))
        if self._worth_a_search(frame, now_s):
            self._scene = follow(self._scene, self._engine.detect(frame.picture), at=at, now_s=now_s)
        zone = self._zone_in(width, near_px, max(width, height))
        self._choose(now_s, zone, answered)
        served = self._scene.find(self._service.track_id)
        hint = None
        if served is not None:
            quality = self._judged(frame, served, near_px, now_s)
            if quality is not None:
                hint = self._hint(served, quality, zone, now_s)
                served = self._encoded(frame, served, quality, gallery, at, now_s)
        return Sighting(
            picture=frame.picture,
            taken_at=at,
            monotonic_ns=frame.monotonic_ns,
            served=self._told(served, hint, at, now_s) if served is not None and visible(served, now_s) else None,
            others=tuple(
                track.box
                for track in self._scene.tracks
                if track.id != self._service.track_id and track.last_seen_s == now_s
            ),
            engine_id=self._engine.engine_id,
            gallery_version=gallery.version,
        )

    def _worth_a_search(self, frame: Frame, now_s: float) -> bool:
        """Return whether faces are to be looked for: always, but for an empty room in which nothing moved."""
        if not self._idle_look_s:
            return True
        if self._scene.tracks:
            self._room = motion.somebody(self._room)
            return True
        self._room, worth = motion.look_round(self._room, frame.picture, now_s=now_s, every_s=self._idle_look_s)
        return worth

    def _comparable(self, gallery: Gallery) -> Gallery:
        """Encodings of two engines are never compared: with another engine's gallery nobody is known."""
        if gallery.engine_id == self._engine.engine_id:
            return gallery
        if self._unlike != gallery.engine_id:
            self._unlike = gallery.engine_id
            log.error("the set is of engine %s, not %s: nobody is known", gallery.engine_id, self._engine.engine_id)
        return replace(Gallery.empty(self._engine.engine_id), version=gallery.version)

    def _zone_in(self, width: int, near_px: float, longer_px: int) -> Zone:
        return Zone(
            left_px=self._zone.left * width,
            right_px=self._zone.right * width,
            least_px=max(APPROACHING * near_px, self._zone.min_face_share * longer_px),
        )

    def _choose(self, now_s: float, zone: Zone, answered: Collection[int] | None) -> None:
        before = self._service.track_id
        self._service = serve(
            self._service,
            self._scene,
            now_s=now_s,
            zone=zone,
            known=before is not None and self._known_of(before).answered,
            answered=answered,
        )
        self._evidence = {track.id: self._known_of(track.id) for track in self._scene.tracks}
        if self._service.track_id != before:
            self._trouble = hints.fresh(now_s)

    def _known_of(self, track_id: int) -> Evidence:
        return self._evidence.get(track_id, _NOTHING)

    def _judged(self, frame: Frame, served: Track, near_px: float, now_s: float) -> Quality | None:
        """Return how good the served face is in this frame, None where it was not found in it."""
        if served.last_seen_s != now_s:
            return None
        if shorter_side(served.box) < near_px:
            return Quality(value=0.0, reason=Reason.TOO_FAR)
        return assess(frame.picture, served.face, self._quality)

    def _hint(self, served: Track, quality: Quality, zone: Zone, now_s: float) -> Reason | None:
        """Return what to say: only what has been wrong for a while."""
        if quality.advice is None and crowded(self._service, self._scene, now_s=now_s, zone=zone):
            quality = replace(quality, advice=Reason.ONE_AT_A_TIME)
        self._trouble = hints.noticed(self._trouble, quality, now_s)
        return None if self._known_of(served.id).answered else hints.hint(self._trouble)

    def _encoded(
        self, frame: Frame, served: Track, quality: Quality, gallery: Gallery, at: datetime, now_s: float
    ) -> Track:
        """Encode the served face if that helps, and return its track: a new one if it turned out to be another face."""
        known = self._known_of(served.id)
        passing = served.slow_since_s is None
        if (
            passing
            or quality.reason is not None
            or not agreement.worth_encoding(
                known,
                quality.value,
                now_s=now_s,
                settings=self._match,
                doubtful=served.gap_s >= _DOUBTFUL_GAP_S,
            )
        ):
            return served
        vector = self._engine.encode(frame.picture, served.face).vector
        sample = Sample(vector=vector, quality=quality.value, at_s=now_s)
        known = agreement.add(known, sample, gallery, self._match, self._policy)
        if not known.exchanged:
            self._evidence[served.id] = known
            return served
        log.info("track %d changed its face; a new one begins", served.id)
        new_id = self._scene.next_id
        self._scene = broken(self._scene, served.id, at=at, now_s=now_s)
        self._service = Service(track_id=new_id, done=self._service.done)
        self._evidence[new_id] = agreement.add(_NOTHING, sample, gallery, self._match, self._policy)
        return replace(served, id=new_id, first_seen_at=at, first_seen_s=now_s)

    def _told(self, served: Track, hint: Reason | None, at: datetime, now_s: float) -> Served:
        known = self._known_of(served.id)
        return Served(
            track_id=served.id,
            box=served.box,
            first_seen_at=since(served.first_seen_at, now=at, passed_s=now_s - served.first_seen_s),
            identification=known.identification,
            misses=known.misses,
            hint=hint,
            probe=known.probe,
        )


class Vision:
    """The vision thread. `frames` and `failures` count what it looked at and what it could not look at."""

    def __init__(
        self,
        settings: Config,
        *,
        open_camera: Callable[[], Camera],
        engine: Engine,
        gallery: Callable[[], Gallery],
        publish: Callable[[Sighting | CameraState], None],
        show: Callable[[Picture], None] = lambda _: None,
        answered: Callable[[], Collection[int]] | None = None,
    ) -> None:
        """`gallery` and `answered` are asked at every frame: each returns one reference, swapped by others.

        `show` gets each picture when it comes from the camera: who looks into a mirror does not wait for an encode.
        """
        self._interval_s = 1 / settings.camera.frame_rate_hz
        # A file keeps its own pace, and skips by itself what comes too late.
        self._every_frame = settings.camera.source.startswith(("file:", "folder:"))
        self._open_camera = open_camera
        self._looker = Looker(
            engine, settings, first_track_id=next(_first_track_ids), idle_look_s=settings.camera.idle_look_s
        )
        self._gallery = gallery
        self._publish = publish
        self._show = show
        self._answered = answered
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
            trouble, sighting = self._looked(frame)
            if trouble is not None:
                if seeing or now_s >= self._told_s + _SAID_AGAIN_EVERY_S:
                    self._lost(camera_life.sentence(trouble), trouble)
                seeing = False
                self._camera.troubled(now_s - troubled_s)
                continue
            troubled_s = now_s
            if sighting is not None:
                if not seeing:
                    self._publish(CameraState(state="ok"))
                self._publish(sighting)
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

    def _looked(self, frame: Frame) -> tuple[CameraTrouble | None, Sighting | None]:
        """Return what is wrong with the camera, and if that is nothing what the frame shows.

        Neither if looking failed, which is logged and counted and ends nothing.
        """
        try:
            if self._camera.judge(frame):
                self._looker.restart()
            if self._camera.trouble is not None:
                return self._camera.trouble, None
            sighting = self._looker.look(
                frame, self._gallery(), answered=self._answered() if self._answered is not None else None
            )
            boxes = (*((sighting.served.box,) if sighting.served else ()), *sighting.others)
            self._camera.judge_faces(frame, boxes)
        except Exception as error:  # noqa: BLE001 - the border of the frame loop: one bad frame must not blind a kiosk
            self.failures += 1
            self._failed_in_a_row += 1
            if self._failed_in_a_row in (1, _FAILURES_IN_A_ROW):
                log.error("a frame could not be looked at: %s at %s", type(error).__name__, where(error))
            return None, None
        self.frames += 1
        self._failed_in_a_row = 0
        return None, sighting
