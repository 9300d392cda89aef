"""Who walks up to the kiosk in the bench: people's clips as frames in memory, and the set they are enrolled in."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from bench.footage import BenchRefused, cut
from config import Camera
from demo import clip as demo_clip
from sync.releases import Person
from terminal.camera import CameraEnded, CameraFailed, open_camera
from terminal.camera.pictures import read
from terminal.faces import Engine, Picture, Vector

PEOPLE = Path(__file__).resolve().parents[2] / "demo" / "people"
ENROLLED_FRAMES = 5
_MOST_FRAMES = 600
_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """Somebody before the camera: `frames` (JPEG or PNG) at `rate_hz`."""

    employee: str
    frames: tuple[bytes, ...]
    rate_hz: float

    @property
    def length_s(self) -> float:
        """How long they are there."""
        return len(self.frames) / self.rate_hz

    def end(self, length_s: float) -> "Someone":
        """Return the same person in the last `length_s` of their clip."""
        return replace(self, frames=self.frames[-max(1, round(length_s * self.rate_hz)) :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Whose `clips` are played, and the `people` who are enrolled."""

    name: str
    clips: tuple[Someone, ...]
    people: tuple[Person, ...]


def from_manifest(folder: Path, engine: Engine) -> Company:
    """Return the people of `folder`/manifest.csv: enrolled from their video_enroll clips, seen in their video_probe.

    Raises BenchRefused for what is no such folder.
    """
    rows = _rows(folder / "manifest.csv")
    enrolled: dict[str, list[Vector]] = {}
    clips = []
    for row in rows:
        path, who = folder / row["path"], re.sub(r"[^0-9A-Za-z]+", "-", row["identity"])[:32]  # as an employee number
        if row["role"] == "video_enroll":
            enrolled.setdefault(who, []).extend(_encodings(engine, _pictures(path)[0][:ENROLLED_FRAMES]))
        elif row["role"] == "video_probe":
            clips.append(someone(who, *_pictures(path)))
    people = tuple(_person(who, vectors) for who, vectors in sorted(enrolled.items()) if vectors)
    known = {person.employee for person in people}
    clips = [clip for clip in clips if clip.employee in known]
    if not clips:
        raise BenchRefused(
            f"{folder}/manifest.csv names nobody with a clip of role video_enroll and one of role video_probe; "
            "add them, or leave --clips out"
        )
    return Company(name=folder.name, clips=tuple(clips), people=people)


def from_demo(clip: demo_clip.Clip, engine: Engine, folder: Path) -> Company:
    """Return the demo's people, enrolled from their portraits, each cut out of the clip they walk up in."""
    footage = cut(clip.path, folder, [each for each in clip.walk_ups if each.shows is None])
    clips = []
    for each in footage.walk_ups:
        names = (footage.folder / f"{number:05}.jpg" for number in range(each.first, each.last + 1))
        frames = tuple(path.read_bytes() for path in names if path.is_file())
        clips.append(Someone(employee=each.employee, frames=frames, rate_hz=footage.rate_hz))
    people = []
    for each_folder in sorted(path for path in PEOPLE.iterdir() if path.is_dir()):
        vectors = _encodings(engine, [read(path) for path in sorted(each_folder.glob("*.jpg"))])
        people.append(_person(each_folder.name.partition("-")[0], vectors))
    return Company(name="demo", clips=tuple(clips), people=tuple(people))


def someone(employee: str, pictures: Sequence[Picture], rate_hz: float) -> Someone:
    """Return somebody who is seen in these RGB pictures."""
    return Someone(employee=employee, frames=tuple(_jpeg(picture) for picture in pictures), rate_hz=rate_hz)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchRefused(f"{path} cannot be read ({error}); give a folder with a manifest.csv") from error
    if not rows or not {"path", "role", "identity"} <= set(rows[0]):
        raise BenchRefused(f"{path} has no columns path, role and identity; give a folder with such a manifest")
    return rows


def _pictures(path: Path) -> tuple[list[Picture], float]:
    try:
        with open_camera(Camera(source=f"file:{path.resolve()}"), real_time=False) as camera:
            pictures: list[Picture] = []
            rate_hz = float(getattr(camera, "frame_rate_hz", 30.0))
            while len(pictures) < _MOST_FRAMES:
                try:
                    pictures.append(camera.read().picture)
                except CameraEnded:
                    break
            return pictures, rate_hz
    except CameraFailed as error:
        raise BenchRefused(str(error)) from error


def _encodings(engine: Engine, pictures: Sequence[Picture]) -> list[Vector]:
    found = ((picture, engine.detect(picture)) for picture in pictures)
    return [engine.encode(picture, faces[0]).vector for picture, faces in found if faces]


def _person(who: str, vectors: Sequence[Vector]) -> Person:
    if not vectors:
        raise BenchRefused(f"no face of {who} was found to enrol them with; give other clips")
    total = np.sum(vectors, axis=0)
    template = np.asarray(total / np.linalg.norm(total), "<f4")
    return Person(employee=who, name=f"Pegawai {who}", templates=(template.tobytes(),))


def _jpeg(picture: Picture) -> bytes:
    done, content = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise BenchRefused("a frame could not be kept in memory; give a smaller clip")
    return bytes(content)
