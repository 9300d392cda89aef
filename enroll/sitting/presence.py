"""Whether whoever is enrolled is there in person: one unbroken track of the frames, judged by the kiosk's own guard.

The poses that an enrolment asks for are what is asked, so nobody does anything more than without a guard. Boxes cannot
tell that a face was exchanged for another: the track ends when an encoding says so, or when for a while no frame was
good enough to say. It runs on the vision thread.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import cv2

import config
from enroll.wizard.states import Capture, SelfTest
from enroll.wizard.values import Pose
from errors import HadirError
from sync.messages import PadVerdict
from terminal.agreement import unlike
from terminal.calibration import policy_for
from terminal.camera import Frame
from terminal.faces import Engine, Face, Vector
from terminal.guard import Guard
from terminal.liveness.arrival import Arrivals
from terminal.matching import Policy
from terminal.quality import Quality
from terminal.sighting import Challenge
from terminal.tracking import Scene, broken, follow

_COMPARED_EVERY_S = 0.5
_UNSEEN_S = 2.0
"""A face of which no good frame was seen for longer may have been another one meanwhile."""
_TURNS = {Pose.LEFT: Challenge.TURN_LEFT, Pose.RIGHT: Challenge.TURN_RIGHT}
_NO_TWIN = 1.0
"""The eyes of an enrolment look at one face alone, and at none where there are two."""

_log = logging.getLogger("hadir.enroll.presence")


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What is known of the face in a frame; `track`, `pad` and `waits` as in `terminal.errand.Glance`."""

    track: int = 0
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    waits: bool = False


class Presence:
    """What is known of whoever is before one enrolment."""

    def __init__(self, match: config.Match) -> None:
        self._match = match
        self._policy: Policy | None = None
        self._scene = Scene()
        self._arrivals = Arrivals()
        self._guard: Guard | None = None
        self._led: tuple[int, Pose | None, int] | None = None
        self._face: Vector | None = None
        self._compared_s = self._good_s = 0.0
        self._track = 0

    def forget(self) -> None:
        """No track reaches across to the next frame."""
        self._scene = Scene(next_id=self._scene.next_id)
        self._arrivals.forget()

    def look(
        self,
        frame: Frame,
        faces: Sequence[Face],
        face: Face,
        quality: Quality,
        *,
        state: Capture | SelfTest,
        engine: Engine,
        guard: Guard | None,
    ) -> There:
        """Return what is known of `face`, one of the `faces` of this frame. Raises NotCalibrated."""
        if guard is None:
            return There()
        if guard is not self._guard:  # another's track may have the same number
            self._guard, self._led = guard, None
            guard.forget()
        now_s = frame.monotonic_ns / 1e9
        self._follow(frame, faces, now_s)
        track = next((each for each in self._scene.tracks if each.face is face), None)
        if track is None:
            return There(pad=PadVerdict.UNDECIDED)
        number = self._unbroken(track.id, frame, face, quality, engine, now_s)
        first = self._arrivals.of(number)
        guard.look(frame.picture, face, track_id=number, at_s=now_s, first=first)
        asked = state.pose if isinstance(state, Capture) and not state.look else None
        led = (number, asked, len(state.draft.samples))
        if led != self._led:
            self._led = led
            guard.lead(_TURNS.get(asked) if asked is not None else None, now_s=now_s)
        pad = guard.judge(number, known=True, now_s=now_s, twin_threshold=_NO_TWIN).pad
        last = isinstance(state, Capture) and not state.look and len(state.poses) == 1
        return There(track=number, pad=pad, waits=guard.waits or (last and pad is not PadVerdict.BONA_FIDE))

    def _follow(self, frame: Frame, faces: Sequence[Face], now_s: float) -> None:
        height, width = frame.picture.shape[:2]
        self._scene = follow(self._scene, faces, at=frame.taken_at, now_s=now_s)
        self._arrivals.note(self._scene.tracks, width_px=width, height_px=height, now_s=now_s)

    def _unbroken(self, number: int, frame: Frame, face: Face, quality: Quality, engine: Engine, now_s: float) -> int:
        """Return the number of the face's track, a new one where it may be another face than before."""
        if number != self._track:
            self._track, self._face, self._good_s = number, None, now_s
        if quality.reason is not None or (self._face is not None and now_s < self._compared_s + _COMPARED_EVERY_S):
            return number
        try:
            vector = engine.encode(frame.picture, face).vector
        except (HadirError, ValueError, cv2.error):
            return number
        self._policy = self._policy or policy_for(engine.engine_id, self._match)
        before, gap_s = self._face, now_s - self._good_s
        self._face, self._compared_s, self._good_s = vector, now_s, now_s
        if before is None or (gap_s <= _UNSEEN_S and not unlike(vector, before, self._policy)):
            return number
        _log.info("track %d may have changed its face; a new one begins", number)
        self._track = self._scene.next_id
        self._scene = broken(self._scene, number, at=frame.taken_at, now_s=now_s)
        return self._track
