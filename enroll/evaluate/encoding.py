"""Every photograph looked at once: encoded as the desk and the kiosk would, or passed over with the reason."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

import config
from enroll.evaluate.dataset import Dataset, Person, Photo
from enroll.photos import PhotoRefused, decoded, read_file
from enroll.rules import WORDS, Flaw
from enroll.samples import encode_both_ways, examine, upright
from errors import HadirError
from terminal.faces import Encoding, Engine, Face, Picture, Vector
from terminal.quality import Reason, assess


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a photograph gave. `probe` is its encoding as the kiosk makes it, `sample` as the desk does, mirrored copy
    averaged in; both are absent where `why` says what is wrong. `digest` tells the same file under two names."""

    photo: Photo
    probe: Vector | None = None
    sample: Vector | None = None
    why: str | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPerson:
    """Somebody whose photographs were all looked at, in their order."""

    identity: str
    group: str
    enrol: tuple[Reading, ...] = ()
    probes: tuple[Reading, ...] = ()


Progress = Callable[[int, int], None]
"""(photos done, photos in all)."""


def encode_all(
    data: Dataset, engine: Engine, settings: config.Config, *, progress: Progress = lambda done, total: None
) -> tuple[EncodedPerson, ...]:
    """Return everybody's encodings, in the order of `data`; a photograph that cannot be used never stops the run."""
    listener = _Listening(engine)
    done = 0

    def read(photos: tuple[Photo, ...], look: _Look) -> tuple[Reading, ...]:
        nonlocal done
        readings = []
        for photo in photos:
            readings.append(_reading(photo, listener, settings, look))
            done += 1
            progress(done, data.photos)
        return tuple(readings)

    return tuple(_encoded(person, read) for person in data.people)


def picture_of(path: Path, engine: Engine) -> tuple[Picture, bytes]:
    """Return the photograph, set upright, and the digest of its file. Raises PhotoRefused."""
    content = read_file(path)
    picture, _ = upright(decoded(content), engine)
    return picture, hashlib.sha256(content).digest()


def before_kiosk(picture: Picture, engine: Engine, settings: config.Config) -> tuple[Vector, str] | Flaw | Reason:
    """Return the vector of the face the kiosk would serve, mirrored copy averaged in, or why it would not look at it.

    The kiosk serves whoever is nearest, so the largest face; the desk would refuse a picture of several people. Of 83
    such photos of the bench the largest face was the right one in 82.
    """
    try:
        faces = engine.detect(picture)
        if not faces:
            return Flaw.NO_FACE
        if (reason := assess(picture, faces[0], settings.quality).reason) is not None:
            return reason
        return encode_both_ways(picture, faces[0], engine), ""
    except (cv2.error, HadirError):
        return Flaw.NOT_ENCODED


_Look = Callable[[Picture, Engine, config.Config], tuple[Vector, str] | Flaw | Reason]
_Read = Callable[[tuple[Photo, ...], _Look], tuple[Reading, ...]]


def _encoded(person: Person, read: _Read) -> EncodedPerson:
    """Return the person encoded. A probe that is the same file as an earlier photograph of theirs measures nothing."""
    enrol, probes = read(person.enrol, examine), read(person.probes, before_kiosk)
    seen: dict[bytes, str] = {}
    checked: list[Reading] = []
    for reading in (*enrol, *probes):
        before = seen.setdefault(reading.digest, reading.photo.name) if reading.digest else reading.photo.name
        if before != reading.photo.name:
            reading = Reading(photo=reading.photo, why=f"{SAME_FILE} {before}", digest=reading.digest)
        checked.append(reading)
    return EncodedPerson(
        identity=person.identity,
        group=person.group,
        enrol=tuple(checked[: len(enrol)]),
        probes=tuple(checked[len(enrol) :]),
    )


SAME_FILE = "it is the same file as"


def _reading(photo: Photo, engine: "_Listening", settings: config.Config, look: _Look) -> Reading:
    if photo.why is not None:
        return Reading(photo=photo, why=photo.why)
    try:
        picture, digest = picture_of(photo.path, engine)
    except PhotoRefused as refusal:
        return Reading(photo=photo, why=str(refusal))
    engine.heard = []
    match look(picture, engine, settings):
        case Flaw() | Reason() as flaw:
            return Reading(photo=photo, why=WORDS[flaw], digest=digest)
        case (sample, _):
            return Reading(photo=photo, probe=engine.heard[0], sample=sample, digest=digest)


class _Listening:
    """The engine itself, which also remembers the encodings it made: the first is the picture's, the second its
    mirror image's. So what is measured is what `examine` does, and no face is encoded twice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.engine_id, self.dimension = engine.engine_id, engine.dimension
        self.heard: list[Vector] = []

    def detect(self, picture: Picture) -> list[Face]:
        return self._engine.detect(picture)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        encoding = self._engine.encode(picture, face)
        self.heard.append(encoding.vector)
        return encoding
