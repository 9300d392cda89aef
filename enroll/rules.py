"""*Pure*: which face in a picture is meant, which pictures are one person, and whose face was there already."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box, Face, Vector
from terminal.quality import Reason

MUCH_LARGER = 4.0
"""How many times the area of any other face one must have to be the one that is meant."""
CENTRAL = 0.25
"""How far its centre may then be from the picture's, in widths and heights of the picture."""
ENOUGH_SAMPLES = 3
"""Measured (design section 4): false non-matches 23 % with one enrolment photo, 8.5 % with two, 4.4 % with three."""


class Flaw(StrEnum):
    """Why a picture was not taken, beside the reasons of `terminal.quality`."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    NOT_ENCODED = "not_encoded"
    OTHER_PERSON = "other_person"


WORDS: dict[Flaw | Reason, str] = {
    Flaw.NO_FACE: "no face was found in it",
    Flaw.SEVERAL_FACES: "several faces are in it; cut out the one that is meant",
    Flaw.NOT_ENCODED: "the face could not be read; take another picture",
    Flaw.OTHER_PERSON: "the face does not resemble this person's other pictures",
    Reason.TOO_FAR: "the face is too small; take a larger or closer picture",
    Reason.TOO_DARK: "the face is too dark",
    Reason.TOO_BRIGHT: "the face is too bright",
    Reason.HOLD_STILL: "the face is blurred",
    Reason.TURN_TO_SCREEN: "the face is turned away; look into the camera",
    Reason.OUT_OF_VIEW: "the face is cut off by the picture's edge",
    Reason.BACKLIT: "the light is behind the face; take a picture with the light before it",
    Reason.MASK: "the lower half of the face is covered",
    Reason.ONE_AT_A_TIME: "two people stand equally near; cut out the one that is meant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Which of a person's pictures show one person: places in the sequence given, ascending."""

    kept: tuple[int, ...]
    outliers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Somebody a template resembles; `score` is cosine, higher is closer."""

    employee: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The templates of everybody enrolled so far: `matrix` is (rows, dimension) float32, `owners` one number a row."""

    owners: tuple[str, ...]
    matrix: NDArray[np.float32]


def choose_face(faces: Sequence[Face], *, width: int, height: int) -> Face | Flaw:
    """Return the one face that is meant in a picture of that size in pixels, or why none can be told."""
    if not faces:
        return Flaw.NO_FACE
    first, *others = sorted(faces, key=lambda face: face.box.area, reverse=True)
    if others and not (first.box.area >= MUCH_LARGER * others[0].box.area and _central(first.box, width, height)):
        return Flaw.SEVERAL_FACES
    return first


def mirrored(face: Face, *, width: int) -> Face:
    """Return where `face` is in the picture, `width` pixels wide, flipped left to right."""
    box = face.box
    landmarks = face.landmarks[[1, 0, 2, 4, 3]].copy()  # the flip makes the right eye the left one
    landmarks[:, 0] = width - 1 - landmarks[:, 0]
    flipped = Box(x=width - box.x - box.width, y=box.y, width=box.width, height=box.height)
    return Face(box=flipped, landmarks=landmarks, score=face.score)


def mean_of(vectors: Sequence[Vector]) -> Vector:
    """Return the mean of one or more unit vectors, scaled to unit norm. Raises ValueError where they cancel out."""
    mean = np.mean(np.stack(vectors).astype(np.float64), axis=0)
    norm = float(np.linalg.norm(mean))
    if not norm > 1e-6:
        raise ValueError("these vectors have no mean direction")
    unit: Vector = (mean / norm).astype(np.float32)
    return unit


def one_person(vectors: Sequence[Vector], *, same_person: float) -> Group | None:
    """Return which of the vectors are one person's: those near the one that most others are near.

    None where that is not more than half of them: nobody can say whose pictures these are.
    """
    stacked = np.stack(vectors)
    scores = stacked @ stacked.T
    near = scores >= same_person
    # The middle one has the most neighbours; among equals, the nearest ones.
    middle = max(range(len(vectors)), key=lambda row: (int(near[row].sum()), float(scores[row].sum())))
    kept = tuple(place for place in range(len(vectors)) if place == middle or near[middle, place])
    if 2 * len(kept) <= len(vectors):
        return None
    return Group(kept=kept, outliers=tuple(place for place in range(len(vectors)) if place not in kept))


def knowing(entries: Sequence[tuple[str, Vector]], *, dimension: int) -> Known:
    """Return the templates given, (employee number, vector) each, ready to be searched."""
    matrix = np.stack([vector for _, vector in entries]) if entries else np.zeros((0, dimension), np.float32)
    return Known(owners=tuple(number for number, _ in entries), matrix=matrix.astype(np.float32))


def nearest_other(
    template: Vector, known: Known, *, employee: str, among: Collection[str] | None = None
) -> Likeness | None:
    """Return who, other than `employee`, resembles `template` most (`among` these numbers); None without anybody."""
    asked = [owner != employee and (among is None or owner in among) for owner in known.owners]
    if not any(asked):
        return None
    scores = np.where(asked, known.matrix @ template, -np.inf)
    best = int(np.argmax(scores))
    return Likeness(employee=known.owners[best], score=float(scores[best]))


def _central(box: Box, width: int, height: int) -> bool:
    x, y = box.centre
    return abs(x / width - 0.5) <= CENTRAL and abs(y / height - 0.5) <= CENTRAL
