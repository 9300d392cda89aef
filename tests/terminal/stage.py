"""A stage for the kiosk's eyes: actors who stand where a script says, frame after frame, and an engine that sees them.

The pictures are one noisy surface, sharp and evenly lit; only their first pixels say which frame of which script it is.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

import config
from sync.releases import EncodingSet, Person
from terminal.camera import Frame
from terminal.faces import Box, Encoding, Face, Picture, Vector
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.sighting import Sighting

SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
ENGINE_ID = "stage"
DIMENSION = 64
HEIGHT_PX, WIDTH_PX = 360, 640
_SURFACE = np.random.default_rng(7).integers(60, 190, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8)
# Right eye, left eye, nose, mouth corners, as parts of a face's box.
_MARKS = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody in a frame: `who` decides the encoding, x and y are the middle of the face, `size` its sides.

    `turned` moves the nose, in eye distances; `shaken` is how much of the encoding is noise.
    """

    who: int
    x: float = 320
    y: float = 180
    size: float = 100
    turned: float = 0.0
    shaken: float = 0.3


Script = Sequence[Sequence[Actor]]


def face_of(actor: Actor) -> Face:
    box = Box(x=actor.x - actor.size / 2, y=actor.y - actor.size / 2, width=actor.size, height=actor.size)
    marks = np.array([(box.x + x * actor.size, box.y + y * actor.size) for x, y in _MARKS])
    marks[2, 0] += actor.turned * 0.4 * actor.size
    return Face(box=box, landmarks=marks.astype(np.float32), score=0.95)


def looks(who: int) -> Vector:
    """Return the unit vector person `who` is enrolled with: any two score about 0."""
    vector = np.random.default_rng(1000 + who).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def like(who: int, score: float, *, other: int) -> Vector:
    """Return a unit vector that scores exactly `score` with person `who`, and lies towards person `other`."""
    toward, base = looks(other).astype(np.float64), looks(who).astype(np.float64)
    across = toward - (toward @ base) * base
    across /= np.linalg.norm(across)
    return np.asarray(score * base + np.sqrt(1 - score**2) * across, np.float32)


def gallery_of(
    *whos: int, engine_id: str = ENGINE_ID, version: int = 4, twin: tuple[int, Vector] | None = None
) -> Gallery:
    """Return a gallery of these persons, employee numbers "1" and so on, perhaps with a twin of another vector."""
    vectors = {who: looks(who) for who in whos} | ({twin[0]: twin[1]} if twin else {})
    people = tuple(
        Person(employee=str(who), name="x", templates=(vector.astype("<f4").tobytes(),))
        for who, vector in vectors.items()
    )
    return Gallery.from_set(
        EncodingSet(
            office="demo", version=version, engine_id=engine_id, dimension=DIMENSION, created_at=SEVEN, people=people
        )
    )


def gallery_in_order(people: list[tuple[str, list[Vector]]]) -> Gallery:
    """Return a gallery of these employees in this order, each with these templates."""
    return Gallery.from_set(
        EncodingSet(
            office="demo",
            version=1,
            engine_id=ENGINE_ID,
            dimension=len(people[0][1][0]),
            created_at=SEVEN,
            people=tuple(
                Person(employee=employee, name="x", templates=tuple(v.astype("<f4").tobytes() for v in vectors))
                for employee, vectors in people
            ),
        )
    )


class StageEngine:
    """Sees the actors of `script` in the stage's own pictures; complains about any other picture and any other face.

    `encoded` lists (frame, who) of every encoding made.
    """

    engine_id = ENGINE_ID
    dimension = DIMENSION

    def __init__(self, script: Script, shows: Callable[[Actor], Vector] | None = None) -> None:
        self._script = script
        self._shows = shows or (lambda actor: looks(actor.who))
        self.encoded: list[tuple[int, int]] = []

    def detect(self, picture: Picture) -> list[Face]:
        faces = [face_of(actor) for actor in self._script[_number(picture)]]
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        number = _number(picture)
        actors = [actor for actor in self._script[number] if face_of(actor).box == face.box]
        assert actors, "a face of another frame was given to the encoder"
        actor = actors[0]
        self.encoded.append((number, actor.who))
        noise = np.random.default_rng([number, actor.who]).standard_normal(DIMENSION)
        vector = self._shows(actor) + actor.shaken * noise / np.linalg.norm(noise)
        return Encoding(vector=(vector / np.linalg.norm(vector)).astype(np.float32), engine_id=ENGINE_ID)


def frame(number: int, *, hz: float = 15.0) -> Frame:
    picture = _SURFACE.copy()
    picture[0, 0] = (number // 256, number % 256, 201)
    passed_s = number / hz
    return Frame(picture=picture, taken_at=SEVEN + timedelta(seconds=passed_s), monotonic_ns=round(passed_s * 1e9))


def settings(**sections: dict[str, object]) -> config.Config:
    """Return settings for the stage's engine, which has no calibration."""
    return config.replace(config.replace(config.Config(), match={"threshold": 0.5, "margin": 0.08}), **sections)


def play(
    script: Script,
    gallery: Gallery,
    *,
    engine: StageEngine | None = None,
    looker: Looker | None = None,
    answered: Callable[[Sighting | None], Collection[int]] | None = None,
    hz: float = 15.0,
) -> list[Sighting]:
    """Return what a Looker says of every frame of `script`."""
    looker = looker or Looker(engine or StageEngine(script), settings())
    seen: list[Sighting] = []
    for number in range(len(script)):
        done = answered(seen[-1] if seen else None) if answered else None
        seen.append(looker.look(frame(number, hz=hz), gallery, answered=done))
    return seen


def _number(picture: Picture) -> int:
    assert picture.shape == _SURFACE.shape, "not a picture of this stage"
    assert picture[0, 0, 2] == 201, "not a picture of this stage"
    return int(picture[0, 0, 0]) * 256 + int(picture[0, 0, 1])
