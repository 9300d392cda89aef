"""Presentations put before the kiosk's own eye: each piece of one track, as long as somebody stands there, is a try."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import config
from enroll.evaluate.liveness.presentations import Kind, Presentation
from sync.messages import PadVerdict
from terminal import tracking
from terminal.camera import CameraEnded, CameraFailed, Frame, open_camera
from terminal.camera.pictures import PictureRefused, read
from terminal.faces import Engine
from terminal.faces.models import ModelUnavailable, contents
from terminal.liveness import policy, watch
from terminal.liveness.arrival import First
from terminal.liveness.cues import Cue
from terminal.liveness.eye import Eye, OpenCvEye
from terminal.liveness.networks import LANDMARKS, PASSIVE, Landmarks, Passive, read_model

LOOKED_S = 2.4
"""How long a try lasts: about what somebody needs from being seen to being named, who does not hurry."""
_RATE_HZ = 15.0
_TWIN = 2.0
"""No encoding is made here, so nobody is anybody's twin: a cosine never is so large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a presentation: the policy's verdict at its end, without anything asked, and what each cue found.

    `asks` is how many things would be asked of whom is in doubt. `ms` is the time the eye and the cues took for each
    frame, in milliseconds of the processor.
    """

    presentation: Presentation
    verdict: PadVerdict
    asks: int
    cues: tuple[Cue, ...]
    frames: int
    ms: float


def open_eye(models: Path, passive: Path) -> tuple[Eye, str | None]:
    """Return the kiosk's eye, and why it lacks the passive models, if it does. Raises ModelUnavailable."""
    landmarks = Landmarks(contents(models, (LANDMARKS,))[0])
    try:
        return OpenCvEye(landmarks, Passive([(model, read_model(passive, model)) for model in PASSIVE])), None
    except ModelUnavailable as lacking:
        return OpenCvEye(landmarks, None), str(lacking)


def tries_of(presentation: Presentation, *, engine: Engine, eye: Eye, settings: config.Config) -> list[Attempt]:
    """Return the tries of one presentation: one of a still, else one for each LOOKED_S of an unbroken track.

    What is left at the end counts where it is half as long, or all there is. Empty without a face. Raises CameraFailed,
    PictureRefused.
    """
    scene, served, seen = tracking.Scene(), None, _Seen(eye)
    tries: list[Attempt] = []
    for frame in _frames(presentation, settings):
        now_s = frame.monotonic_ns / 1e9
        scene = tracking.follow(scene, engine.detect(frame.picture), at=frame.taken_at, now_s=now_s)
        track = scene.find(served)
        if track is None:
            tries += seen.ended(presentation, short=not tries)
            track = max(scene.tracks, key=lambda each: each.box.area, default=None)
            served = track.id if track is not None else None
        if track is None or track.last_seen_s != now_s:
            continue
        if seen.lasted_s(now_s) >= LOOKED_S:
            tries += seen.ended(presentation)
        seen.look(frame, track, now_s)
    return [*tries, *seen.ended(presentation, short=not tries)]


class _Seen:
    """One try that is under way."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._begin()

    def _begin(self) -> None:
        self._eye.forget()
        self._watch: watch.Watch | None = None
        self._began_s: float | None = None
        self._last_s = 0.0
        self._frames, self._took_s = 0, 0.0

    def lasted_s(self, now_s: float) -> float:
        return 0.0 if self._began_s is None else now_s - self._began_s

    def look(self, frame: Frame, track: tracking.Track, now_s: float) -> None:
        if self._began_s is None:
            self._began_s = now_s
        height, width = frame.picture.shape[:2]
        began_s = time.process_time()
        glance = self._eye.look(frame.picture, track.face, at_s=now_s)
        # Nothing is known of how whoever is in a cut piece came into view.
        first = First(face=track.box, width_px=width, height_px=height, empty_before_s=None)
        self._watch = watch.watched(self._watch, track.id, glance, first=first)
        self._took_s += time.process_time() - began_s
        self._frames, self._last_s = self._frames + 1, now_s

    def ended(self, presentation: Presentation, *, short: bool = False) -> list[Attempt]:
        """Return the try, and begin another; nothing where there was none, or one too short, but with `short`."""
        found: list[Attempt] = []
        long_enough = self._began_s is not None and self._last_s - self._began_s >= LOOKED_S / 2
        if self._watch is not None and (short or long_enough):
            began_s = time.process_time()
            cues = watch.cues_of(self._watch, twin_threshold=_TWIN)
            decision = policy.decide(cues)
            self._took_s += time.process_time() - began_s
            found.append(
                Attempt(
                    presentation=presentation,
                    verdict=decision.verdict,
                    asks=decision.asks,
                    cues=cues,
                    frames=self._frames,
                    ms=1000 * self._took_s / self._frames,
                )
            )
        self._begin()
        return found


def _frames(presentation: Presentation, settings: config.Config) -> Iterator[Frame]:
    """Yield the frames that a kiosk would look at, no more than _RATE_HZ of them a second."""
    if presentation.kind is Kind.STILL:
        yield Frame(picture=read(presentation.path), taken_at=datetime.now(UTC), monotonic_ns=0)
        return
    kind = "folder" if presentation.kind is Kind.SEQUENCE else "file"
    source = config.replace(settings, camera={"source": f"{kind}:{presentation.path.resolve()}"})
    due_s = float("-inf")
    with open_camera(source.camera, real_time=False) as camera:
        while True:
            try:
                frame = camera.read()
            except CameraEnded:
                return
            if frame.monotonic_ns / 1e9 >= due_s - 1e-6:
                due_s = max(due_s, frame.monotonic_ns / 1e9 - 1 / _RATE_HZ) + 1 / _RATE_HZ
                yield frame


def try_all(
    presentations: Sequence[Presentation], *, engine: Engine, eye: Eye, settings: config.Config
) -> Iterator[tuple[Presentation, list[Attempt], str]]:
    """Yield each presentation with its tries, and why there are none, or "" where there are."""
    for each in presentations:
        try:
            tries = tries_of(each, engine=engine, eye=eye, settings=settings)
        except (CameraFailed, PictureRefused) as refused:
            yield each, [], str(refused)
            continue
        yield each, tries, "" if tries else "no face was found in it"
