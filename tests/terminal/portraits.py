"""The demo's portraits as the kiosk's tests need them: who is who, as pictures, in front of a camera, in a gallery."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

import config
from sync.releases import EncodingSet, Person
from terminal.faces import Picture, Vector
from terminal.faces.models import ensure
from terminal.faces.opencv import OpenCvEngine
from tests.terminal.stage import SEVEN

PROJECT = Path(__file__).resolve().parents[2]
DEMO = PROJECT / "demo"
MODELS = PROJECT / "var" / "models"
PEOPLE = {
    "obama": (DEMO / "people" / "1001-Barack_Obama" / "enrol_1.jpg", DEMO / "walkups" / "1001" / "2012.jpg"),
    "macron": (DEMO / "people" / "1002-Emmanuel_Macron" / "enrol_1.jpg", DEMO / "walkups" / "1002" / "2025.jpg"),
    "ardern": (DEMO / "people" / "1003-Jacinda_Ardern" / "enrol_1.jpg", DEMO / "walkups" / "1003" / "2022.jpg"),
}
STRANGERS = (DEMO / "strangers" / "rishi_sunak.jpg", DEMO / "strangers" / "eileen_collins.jpg")
EVERYBODY = (*(photo for pair in PEOPLE.values() for photo in pair), *STRANGERS)


@cache
def engine() -> OpenCvEngine:
    """Return the real engine, its weights fetched where they are absent."""
    ensure(MODELS)
    return OpenCvEngine(config.Engine(models=MODELS))


@cache
def photo(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert picture is not None, path
    picture.flags.writeable = False
    return picture


@cache
def encoding(path: Path) -> Vector:
    """Return the encoding of the largest face in a photo."""
    return engine().encode(photo(path), engine().detect(photo(path))[0]).vector


def before_camera(path: Path, *, face_px: float = 160, x: float = 0.5, shift_px: int = 0) -> Picture:
    """Return what a 1280x720 camera sees of somebody whose face is `face_px` wide, at `x` of the picture's width."""
    portrait = photo(path)
    face = engine().detect(portrait)[0]
    scale = face_px / face.box.width
    centre_x, centre_y = face.box.centre
    move = np.array(
        [[scale, 0, x * 1280 + shift_px - scale * centre_x], [0, scale, 300 - scale * centre_y]], np.float64
    )
    seen = cv2.warpAffine(portrait, move, (1280, 720), flags=cv2.INTER_AREA, borderValue=(128, 128, 128))
    return np.asarray(seen, np.uint8)


def content(office: str = "demo", version: int = 1) -> EncodingSet:
    """Return the encoding set of PEOPLE, each enrolled from their first photo; their name is their number."""
    return EncodingSet(
        office=office,
        version=version,
        engine_id=engine().engine_id,
        dimension=engine().dimension,
        created_at=SEVEN,
        people=tuple(
            Person(employee=name, name=name, templates=(encoding(first).astype("<f4").tobytes(),))
            for name, (first, _) in PEOPLE.items()
        ),
    )


def clip(path: Path, pictures: list[Picture], *, hz: float = 15.0) -> Path:
    """Write the pictures as a clip and return its path."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), hz, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path
