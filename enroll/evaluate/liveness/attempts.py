"""Presentations put before the kiosk's own guard: each visit that comes of it is a try."""

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import config
from enroll.evaluate.liveness.presentations import Kind, Presentation
from sync.messages import PadVerdict
from terminal import tracking
from terminal.camera import CameraEnded, CameraFailed, Frame, open_camera
from terminal.camera.pictures import PictureRefused, read
from terminal.faces import Engine, Face
from terminal.guard import Guard
from terminal.liveness import passive
from terminal.liveness.arrival import Arrivals, First
from terminal.liveness.cues import Cue, Finding
from terminal.liveness.eye import Eye

NO_FACE, TOO_FAR = "no face was found in it", "its face is never as near as the kiosk asks for"
_RATE_HZ = 15.0
_KNOWN_FRAMES = 3
"""Looks at a face that is near enough, after which it counts as known: identification takes as many."""
_TWIN = 2.0
"""No encoding is made here, so nobody is anybody's twin: a cosine never is so large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One visit that came of a presentation, and how it ended: believed, called an attack, or undecided, when the PIN
    was left or the presentation over.

    `again`: the same track had ended a visit before, so that a kiosk would pay it no attention any more: what another
    presentation might have come to. `asked`: something was asked before that. Nobody answers in a recording; a film may
    happen to. `waited_s` is from when the face was known to the verdict, `cues` what each cue said then. `ms` is the
    time that eye, cues and policy took for each frame, in milliseconds of the processor.
    """

    presentation: Presentation
    verdict: PadVerdict
    again: bool
    asked: bool
    waited_s: float
    cues: tuple[Cue, ...]
    frames: int
    ms: float


def tries_of(
    presentation: Presentation, *, engine: Engine, eye: Eye, settings: config.Config, reads: bool = True
) -> tuple[list[Attempt], str]:
    """Return the visits that come of one presentation, and why there are none, or "".

    Of one picture there is one, and it is what the passive models say of it: a kiosk believes nobody by one picture.
    `reads`: the passive models are there. Raises CameraFailed, PictureRefused.
    """
    frames = _frames(presentation, settings)
    if presentation.kind is Kind.STILL:
        return _still(presentation, next(frames), engine, eye)
    scene, served, visit = tracking.Scene(), None, _Visit(presentation, eye, reads)
    tries: list[Attempt] = []
    seen, arrivals = False, Arrivals()
    for frame in frames:
        now_s = frame.monotonic_ns / 1e9
        scene = tracking.follow(scene, engine.detect(frame.picture), at=frame.taken_at, now_s=now_s)
        height, width = frame.picture.shape[:2]
        arrivals.note(scene.tracks, width_px=width, height_px=height, now_s=now_s)
        track = scene.find(served)
        if track is None:
            tries += visit.left()
            track = max(scene.tracks, key=lambda each: each.box.area, default=None)
            served = track.id if track is not None else None
        if track is None or track.last_seen_s != now_s:
            continue
        seen = True
        near = _is_near(track.face, frame, settings)
        tries += visit.look(frame, track.id, track.face, now_s, near=near, first=arrivals.of(track.id))
    tries += visit.left(short=not tries)
    return tries, "" if tries else TOO_FAR if seen else NO_FACE


class _Visit:
    """One visit that is under way, and the next when it is over."""

    def __init__(self, presentation: Presentation, eye: Eye, reads: bool) -> None:
        self._presentation = presentation
        self._again_on: int | None = None
        self._track_id: int | None = None
        self._draws = zlib.crc32(presentation.name.encode())
        self._guard = Guard(eye, always=False, reads=reads, draw=self._draw)
        self._begin()

    def _draw(self) -> int:
        self._draws += 1  # the same in each run, and another in each visit
        return self._draws

    def _begin(self) -> None:
        self._guard.forget()
        self._near = 0
        self._known_s: float | None = None
        self._last_s = 0.0
        self._asked = False
        self._frames, self._took_s = 0, 0.0

    def look(
        self, frame: Frame, track_id: int, face: Face, now_s: float, *, near: bool, first: First | None
    ) -> list[Attempt]:
        """Return the visit, if this frame ends it."""
        self._track_id = track_id
        self._near += near
        known = self._near >= _KNOWN_FRAMES
        if known and self._known_s is None:
            self._known_s = now_s
        began_s = time.process_time()
        self._guard.look(frame.picture, face, track_id=track_id, at_s=now_s, first=first)
        judged = self._guard.judge(track_id, known=known, now_s=now_s, twin_threshold=_TWIN)
        self._took_s += time.process_time() - began_s
        self._frames, self._last_s = self._frames + 1, now_s
        self._asked |= judged.challenge is not None
        if judged.pad in (PadVerdict.BONA_FIDE, PadVerdict.ATTACK) or judged.pin_left:
            return self._ended(judged.pad)
        return []

    def left(self, *, short: bool = False) -> list[Attempt]:
        """Return the visit that nothing more comes of: one that came to nothing yet counts where somebody was asked, or
        with `short`, where they were known."""
        if self._asked or (short and self._known_s is not None):
            return self._ended(PadVerdict.UNDECIDED)
        self._begin()
        return []

    def _ended(self, verdict: PadVerdict) -> list[Attempt]:
        found = Attempt(
            presentation=self._presentation,
            verdict=verdict,
            again=self._again_on == self._track_id,
            asked=self._asked,
            waited_s=0.0 if self._known_s is None else self._last_s - self._known_s,
            cues=self._guard.cues(twin_threshold=_TWIN),
            frames=self._frames,
            ms=1000 * self._took_s / self._frames,
        )
        self._again_on = self._track_id
        self._begin()
        return [found]


def _still(presentation: Presentation, frame: Frame, engine: Engine, eye: Eye) -> tuple[list[Attempt], str]:
    face = max(engine.detect(frame.picture), key=lambda each: each.box.area, default=None)
    if face is None:
        return [], NO_FACE
    began_s = time.process_time()
    eye.forget()
    said = eye.look(frame.picture, face, at_s=0.0).logits
    found = passive.judge_still(said)
    verdict = PadVerdict.BONA_FIDE if found.finding is Finding.CLEAR else PadVerdict.UNDECIDED
    ms = 1000 * (time.process_time() - began_s)
    return [
        Attempt(
            presentation=presentation,
            verdict=verdict,
            again=False,
            asked=False,
            waited_s=0.0,
            cues=(found,),
            frames=1,
            ms=ms,
        )
    ], ""


def _is_near(face: Face, frame: Frame, settings: config.Config) -> bool:
    """Return whether the kiosk would identify a face of this size, and not ask somebody to come closer."""
    least_px = max(settings.quality.min_face_px, settings.quality.min_face_share * max(frame.picture.shape[:2]))
    return bool(min(face.box.width, face.box.height) >= least_px)


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
    presentations: Sequence[Presentation], *, engine: Engine, eye: Eye, settings: config.Config, reads: bool = True
) -> Iterator[tuple[Presentation, list[Attempt], str]]:
    """Yield each presentation with its tries, and why there are none, or "" where there are."""
    for each in presentations:
        try:
            tries, why = tries_of(each, engine=engine, eye=eye, settings=settings, reads=reads)
        except (CameraFailed, PictureRefused) as refused:
            yield each, [], str(refused)
            continue
        yield each, tries, why
