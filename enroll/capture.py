"""Taking a person's pictures with the camera: by itself, when each is good, of one person only."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import config
from enroll.rules import Flaw, choose_face, mean_of
from enroll.samples import encode_both_ways
from errors import HadirError
from terminal.camera import Camera, CameraEnded
from terminal.faces import Engine, Vector
from terminal.quality import Reason, assess

SPACING_S = 0.7
"""Time between two pictures: frames right after each other show the same thing twice."""
TOO_ALIKE = 0.95
"""Cosine score from which a picture adds nothing to the one before."""
PATIENCE_S = 3.0
"""After this long a person who does not move is taken as they stand."""
STARTS_OVER = 8
"""Good frames in a row of somebody else, after which the pictures are theirs: the first one has left."""


class Hint(StrEnum):
    """What the person can do now, beside the reasons of `terminal.quality`."""

    COME = "come"
    ALONE = "alone"
    OTHER = "other"
    TURN = "turn"
    DONE = "done"


HINTS: dict[Hint | Reason, str] = {
    Hint.COME: "stand in front of the camera",
    Hint.ALONE: "one person at a time, please",
    Hint.OTHER: "this is somebody else; one person at a time, please",
    Hint.TURN: "good; now turn the head a little",
    Hint.DONE: "done, thank you",
    Reason.TOO_FAR: "come closer",
    Reason.TOO_DARK: "it is too dark; turn to the light",
    Reason.TOO_BRIGHT: "it is too bright; turn away from the light",
    Reason.HOLD_STILL: "hold still",
    Reason.TURN_TO_SCREEN: "look into the camera",
    Reason.OUT_OF_VIEW: "move into the middle of the picture",
    Reason.BACKLIT: "the light is behind you; step aside a little",
    Reason.MASK: "take off the mask, please",
    Reason.ONE_AT_A_TIME: "one person at a time, please",
}


class CaptureFailed(HadirError):
    """Not enough good pictures came; nothing was enrolled. The text says what was in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How the taking goes: `taken` of `wanted` pictures, and what to tell the person."""

    taken: int
    wanted: int
    hint: Hint | Reason

    @property
    def words(self) -> str:
        return HINTS[self.hint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One picture taken; `at_s` in the camera's own time."""

    vector: Vector
    at_s: float


def capture_samples(
    camera: Camera,
    engine: Engine,
    settings: config.Config,
    *,
    wanted: int,
    report: Callable[[Progress], None] = lambda _: None,
) -> list[Vector]:
    """Return `wanted` vectors of one person, each from a good picture and its mirror image.

    `report` hears of every change. Raises CaptureFailed after config `enroll.capture_s` of the camera's time or at the
    end of a clip, and what the camera raises when it is lost.
    """
    taken: list[Taken] = []
    last: Progress | None = None
    began: float | None = None
    others = 0
    while len(taken) < wanted:
        try:
            frame = camera.read()
        except CameraEnded as error:
            raise CaptureFailed(_too_few(taken, wanted, last, "before the clip ended")) from error
        now = frame.monotonic_ns / 1e9
        began = now if began is None else began
        if now - began > settings.enroll.capture_s:
            raise CaptureFailed(_too_few(taken, wanted, last, f"in {settings.enroll.capture_s:g} s"))
        faces = engine.detect(frame.picture)
        face = choose_face(faces, width=frame.picture.shape[1], height=frame.picture.shape[0])
        hint: Hint | Reason
        if isinstance(face, Flaw):
            hint = Hint.ALONE if face is Flaw.SEVERAL_FACES else Hint.COME
        elif (reason := assess(frame.picture, face, settings.quality).reason) is not None:
            hint = reason
        elif taken and now - taken[-1].at_s < SPACING_S:
            hint = Hint.TURN
        else:
            try:
                vector = encode_both_ways(frame.picture, face, engine)
            except HadirError:
                continue
            hint = _verdict(taken, vector, now, settings.enroll.same_person_score)
            others = others + 1 if hint is Hint.OTHER else 0
            if others >= STARTS_OVER:
                taken, others, hint = [], 0, Hint.DONE
            if hint is Hint.DONE:
                taken.append(Taken(vector=vector, at_s=now))
                hint = Hint.DONE if len(taken) == wanted else Hint.TURN
        progress = Progress(taken=len(taken), wanted=wanted, hint=hint)
        if progress != last:
            report(progress)
            last = progress
    return [each.vector for each in taken]


def _verdict(taken: list[Taken], vector: Vector, now: float, same_person: float) -> Hint:
    """Return DONE where the picture is to be taken, else what is missing."""
    if not taken:
        return Hint.DONE
    if float(mean_of([each.vector for each in taken]) @ vector) < same_person:
        return Hint.OTHER
    alike = float(taken[-1].vector @ vector) >= TOO_ALIKE
    return Hint.TURN if alike and now - taken[-1].at_s < PATIENCE_S else Hint.DONE


def _too_few(taken: list[Taken], wanted: int, last: Progress | None, when: str) -> str:
    because = f" (last: {last.words})" if last is not None else ""
    return f"only {len(taken)} of {wanted} good pictures came {when}{because}; nothing was enrolled, try again"
