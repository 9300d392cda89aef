"""What an enrolment sees of a frame: one face, how good it is and how it is turned; its encoding where one is wanted.

It runs on the vision thread. Nothing is encoded but what the machine waits for now: a good picture of the pose that is
wanted, or in the self-test as many good frames as a kiosk wants before it names anybody.
"""

from collections.abc import Callable

import cv2

import config
from enroll.rules import Flaw, choose_face, mean_of
from enroll.samples import encode_both_ways
from enroll.sitting.presence import Presence, There
from enroll.wizard.looking import is_wanted
from enroll.wizard.states import Capture, SelfTest, Walk, Wizard
from enroll.wizard.values import Draft
from errors import HadirError
from sync.messages import PadVerdict
from terminal.camera import Frame
from terminal.errand import Glance
from terminal.faces import Engine, Face, Picture, Vector
from terminal.guard import Guard
from terminal.quality import Quality, Reason, assess, yaw_of

_NOT_NOW = Quality(value=0.0, reason=Reason.ONE_AT_A_TIME)


class WizardEyes:
    """Studies frames for one enrolment. `wizard` returns the machine as it is now, one reference."""

    def __init__(self, settings: config.Config, *, engine_id: str, wizard: Callable[[], Wizard]) -> None:
        """`engine_id` is that of the templates: with another engine nothing is encoded."""
        self._settings, self._engine_id, self._wizard = settings, engine_id, wizard
        self._draft: Draft | None = None
        self._rests_until_s = float("-inf")
        self._walked: list[Vector] = []
        self._presence = Presence(settings.match)

    def __call__(self, frame: Frame, engine: Engine, guard: Guard | None) -> Glance:
        """Return what the frame shows. Raises nothing that a face can cause."""
        wizard, picture = self._wizard(), frame.picture
        state = wizard.state
        if not isinstance(state, Capture | SelfTest):
            self._walked, self._draft = [], None
            self._presence.forget()
            return Glance(picture=picture)
        height, width = picture.shape[:2]
        faces = engine.detect(picture)
        face = choose_face(faces, width=width, height=height)
        if not isinstance(face, Face):
            self._walked = []
            return Glance(picture=picture, quality=_NOT_NOW if face is Flaw.SEVERAL_FACES else None)
        quality, yaw = self._judged(picture, face), yaw_of(face.landmarks)
        there, vector = There(), None
        if engine.engine_id == self._engine_id:
            there = self._presence.look(frame, faces, face, quality, state=state, engine=engine, guard=guard)
            if there.pad is PadVerdict.ATTACK or quality.reason is not None:
                pass  # nothing of it is encoded
            elif isinstance(state, Capture):
                vector = self._sample(wizard, state, frame, face, engine, quality, yaw, waits=there.waits)
            else:
                vector = self._probe(state, picture, face, engine)
        return Glance(
            picture=picture,
            box=face.box,
            quality=quality,
            yaw=yaw,
            vector=vector,
            pad=there.pad,
            track=there.track,
            waits=there.waits,
        )

    def _judged(self, picture: Picture, face: Face) -> Quality:
        """Return how good the face is; who is too far away for a kiosk to look at is so here, too."""
        limits = self._settings.quality
        near_px = max(float(limits.min_face_px), limits.min_face_share * max(picture.shape[:2]))
        if min(face.box.width, face.box.height) < near_px:
            return Quality(value=0.0, reason=Reason.TOO_FAR)
        return assess(picture, face, limits)

    def _sample(
        self,
        wizard: Wizard,
        state: Capture,
        frame: Frame,
        face: Face,
        engine: Engine,
        quality: Quality,
        yaw: float,
        *,
        waits: bool,
    ) -> Vector | None:
        rules, now_s = wizard.rules, frame.monotonic_ns / 1e9
        self._walked = []
        # Counted by the frames, whose clock need not be the machine's. It also passes over those that were taken before
        # anything was wanted, as when the administrator still leans over to the screen.
        if state.draft is not self._draft:
            self._draft, self._rests_until_s = state.draft, now_s + rules.spacing_s
        wanted = quality.value >= rules.least_quality and is_wanted(state, yaw, rules, waits=waits)
        if not wanted or now_s < self._rests_until_s:
            return None
        try:
            return encode_both_ways(frame.picture, face, engine)
        except (HadirError, ValueError, cv2.error):
            return None

    def _probe(self, state: SelfTest, picture: Picture, face: Face, engine: Engine) -> Vector | None:
        """Return the mean of as many good frames as a kiosk wants, as soon as there are so many."""
        if state.walk is not Walk.WALK_UP:
            self._walked = []
            return None
        try:
            self._walked.append(engine.encode(picture, face).vector)
            if len(self._walked) < self._settings.match.agreeing_frames:
                return None
            probe = mean_of(self._walked)
        except (HadirError, ValueError, cv2.error):
            return None
        self._walked = self._walked[1:]  # the newest ones, should this one not be taken
        return probe
