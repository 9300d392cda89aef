"""The clip the demo's kiosk sees: people of `demo/` walking up to it, with a list of who was there when.

It is made once from the portraits, and again when a portrait or the code that makes it changes. The same inputs give
the same list and, with the same OpenCV, the same pictures.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec

from demo import scene, walk
from demo.lobby import HEIGHT_PX, WIDTH_PX
from errors import HadirError
from terminal.faces import Engine, models
from terminal.liveness.networks import LANDMARKS, Landmarks

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent / "var" / "models"
NEEDED_BYTES = 100 * 2**20


class ClipFailed(HadirError):
    """The clip cannot be made; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """The photo someone walks up with; `employee` is None for a stranger. `mirrored` where it is the enrolment photo
    itself, for want of another."""

    employee: str | None
    name: str
    photo: str
    mirrored: bool = False


CAST = {
    "obama": Portrait(employee="1001", name="Barack Obama", photo="walkups/1001/2012.jpg"),
    "macron": Portrait(employee="1002", name="Emmanuel Macron", photo="walkups/1002/2025.jpg"),
    "ardern": Portrait(employee="1003", name="Jacinda Ardern", photo="walkups/1003/2022.jpg"),
    "biden": Portrait(employee="1004", name="Joe Biden", photo="people/1004-Joe_Biden/enrol_1.jpg", mirrored=True),
    "sunak": Portrait(employee=None, name="Rishi Sunak", photo="strangers/rishi_sunak.jpg"),
    "collins": Portrait(employee=None, name="Eileen Collins", photo="strangers/eileen_collins.jpg"),
}


class WalkUp(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is in the picture from `starts_s` to `ends_s` of the clip; `employee` is None for a stranger.
    `shows` is the employee whose photo they hold before their face."""

    employee: str | None
    name: str
    starts_s: float
    ends_s: float
    shows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip on disk and its truth; `walk_ups` in the order of their start."""

    path: Path
    length_s: float
    walk_ups: tuple[WalkUp, ...]


PRINTED = {"obama": "people/1001-Barack_Obama/enrol_1.jpg"}
"""The photos that are held up: no secret, anybody can print one."""


def truth() -> tuple[WalkUp, ...]:
    """Return who walks up in the clip and when."""
    walks = sorted(walk.WALKS, key=lambda each: each.starts_s)
    return tuple(
        WalkUp(
            employee=CAST[each.who].employee,
            name=CAST[each.who].name,
            starts_s=each.starts_s,
            ends_s=each.ends_s,
            shows=None if each.shows is None else CAST[each.shows].employee,
        )
        for each in walks
    )


def ensure(folder: Path, engine: Callable[[], Engine], say: Callable[[str], None], *, models_in: Path = MODELS) -> Clip:
    """Return the clip in `folder`, made now if it is absent or its inputs changed; `say` then gets one sentence.

    `engine` is called only when the clip is made; it finds the faces in the portraits; the landmarks' network,
    in `models_in` or fetched, their relief. Beside the clip lies `clip.json`: {key, length_s, walk_ups}. Raises
    ClipFailed, scene.PortraitUnfit or ModelUnavailable.
    """
    clip = Clip(path=folder / "clip.mp4", length_s=walk.LENGTH_S, walk_ups=truth())
    notes, key = folder / "clip.json", _key()
    if clip.path.is_file() and _noted_key(notes) == key:
        return clip
    say(f"Making the walk-up clip, {walk.LENGTH_S:.0f} s long (once; about half a minute) ...")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < NEEDED_BYTES:
            raise ClipFailed(f"the disk is full; free {NEEDED_BYTES // 2**20} MB where {folder} is and start again")
        half_made = folder / "clip.part.mp4"
        _write(half_made, engine(), Landmarks(models.contents(models_in, (LANDMARKS,))[0]))
        described = {"key": key, "length_s": walk.LENGTH_S, "walk_ups": msgspec.to_builtins(clip.walk_ups)}
        notes.unlink(missing_ok=True)
        half_made.replace(clip.path)
        notes.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ClipFailed(f"the walk-up clip cannot be written to {folder}: {error.strerror or error}") from error
    return clip


def _write(path: Path, engine: Engine, landmarks: Landmarks) -> None:
    cast = {
        who: scene.actor(HERE / each.photo, engine, landmarks, mirrored=each.mirrored) for who, each in CAST.items()
    }
    prints = {who: scene.printed(HERE / each, engine) for who, each in PRINTED.items()}
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, scene.FRAME_RATE_HZ, (WIDTH_PX, HEIGHT_PX))
    try:
        if not writer.isOpened():
            raise ClipFailed(f"the walk-up clip cannot be written to {path.parent}; see that the folder can be written")
        frames = 0
        for picture in scene.render(cast, prints):
            writer.write(picture)
            frames += 1
    finally:
        writer.release()
    # OpenCV says nothing when a write fails, as on a full disk: what can be read back counts.
    reader = cv2.VideoCapture(str(path))
    try:
        readable = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        reader.release()
    if readable != frames:
        path.unlink(missing_ok=True)
        raise ClipFailed(f"only {readable} of {frames} pictures of the walk-up clip were kept; is the disk full?")


def _key() -> str:
    """Return a hash over everything the clip is made of: this code, the portraits, the OpenCV that draws it."""
    sources = [
        HERE / name for name in ("clip.py", "cutout.py", "heads.py", "lobby.py", "photo.py", "scene.py", "walk.py")
    ]
    photos = [HERE / each for each in (*(each.photo for each in CAST.values()), *PRINTED.values())]
    digest = hashlib.sha256(cv2.__version__.encode())
    for path in sources + photos:
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise ClipFailed(f"{path} cannot be read; restore the demo's files with git checkout demo") from error
    return digest.hexdigest()


def _noted_key(notes: Path) -> str | None:
    try:
        described = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return described.get("key") if isinstance(described, dict) else None
