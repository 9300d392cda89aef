"""A desk of one's own for each test, real portraits, and an engine that reads who somebody is from the pixels."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from sync import keys, peppers
from sync.register import Register, devices
from terminal.faces import Box, Encoding, Engine, Face, Picture
from terminal.faces.models import ensure
from terminal.faces.opencv import OpenCvEngine

PROJECT = Path(__file__).resolve().parents[2]
DEMO = PROJECT / "demo"
PORTRAITS = {
    "obama 2005": DEMO / "people" / "1001-Barack_Obama" / "enrol_1.jpg",
    "obama 2012": DEMO / "walkups" / "1001" / "2012.jpg",
    "macron 2014": DEMO / "people" / "1002-Emmanuel_Macron" / "enrol_1.jpg",
    "macron 2025": DEMO / "walkups" / "1002" / "2025.jpg",
    "ardern 2018": DEMO / "people" / "1003-Jacinda_Ardern" / "enrol_1.jpg",
    "ardern 2022": DEMO / "walkups" / "1003" / "2022.jpg",
    "biden": DEMO / "people" / "1004-Joe_Biden" / "enrol_1.jpg",
    "sunak": DEMO / "strangers" / "rishi_sunak.jpg",
    "collins": DEMO / "strangers" / "eileen_collins.jpg",
}
DIMENSION = 64


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    """Settings whose whole state is in the test's own folder, with a release key."""
    centre = tmp_path / "centre"
    keys.new_key(centre / "keys")
    for office in ("demo", "north"):
        peppers.new_pepper(centre / "keys", office)
    return config.replace(
        config.Config(),
        match={"threshold": 0.5, "margin": 0.08},
        enroll={"same_person_score": 0.36, "duplicate_score": 0.6, "basis": "public_duty"},
        engine={"models": str(PROJECT / "var" / "models")},
        centre={
            "register": f"sqlite:///{centre / 'register.sqlite'}",
            "keys": str(centre / "keys"),
            "releases": str(centre / "releases"),
        },
        terminal={"state": str(tmp_path / "terminal"), "release_key": str(centre / "keys" / "release.pub")},
    )


@pytest.fixture(name="approve")
def _approve() -> Callable[..., keys.PrivateKey]:
    """`approve` below."""
    return approve


def approve(settings: config.Config, office: str = "demo") -> keys.PrivateKey:
    """Have a kiosk of `office` approved whose key lies where these settings say, and return that; twice is once."""
    device = keys.device_key(settings.terminal.state)
    with Register.open(settings.centre.register) as register:
        if devices.device_list(register, f"{office}-1"):
            return device
        devices.admit(
            register,
            terminal=f"{office}-1",
            office=office,
            public_key=keys.raw(device.public_key()),
            at=datetime(2025, 1, 1, tzinfo=UTC),
        )
    return device


@pytest.fixture(scope="session")
def opencv() -> Engine:
    """The real engine, its weights fetched where they are absent."""
    ensure(PROJECT / "var" / "models")
    return OpenCvEngine(config.Engine(models=PROJECT / "var" / "models"))


@pytest.fixture(scope="session")
def portrait() -> Callable[[str], Path]:
    """A function from "macron 2014" and the like to the photo's path."""
    return PORTRAITS.__getitem__


@pytest.fixture
def engine() -> "PaintedEngine":
    return PaintedEngine()


@pytest.fixture
def painted() -> Callable[..., bytes]:
    """A function from a person's code, 0 to 250, to a PNG in which PaintedEngine sees them; see `paint`."""
    return painted_png


@pytest.fixture(name="paint")
def _paint() -> Callable[..., Picture]:
    """`paint` below, for tests that want pixels."""
    return paint


@pytest.fixture(name="vector_of")
def _vector_of() -> Callable[..., np.ndarray]:
    """A function from (person, look) to the vector PaintedEngine gives."""
    return vector_of


def paint(person: int, *, look: int = 0, faces: int = 1) -> Picture:
    """Return (240, 320, 3) noise whose first rows say: person, look, number of faces. Sharp, bright and in colour."""
    noise = np.random.default_rng(person * 1000 + look).integers(60, 200, (240, 320, 3), np.uint8)
    noise[:4] = (person, look, faces)
    return noise


def painted_png(person: int, *, look: int = 0, faces: int = 1) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(paint(person, look=look, faces=faces), cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


class PaintedEngine:
    """An Engine that knows people from what `paint` wrote; looks of one person score 0.8 or so, people about 0.

    Complains when asked to encode a face of another picture.
    """

    engine_id = "painted"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.encoded = 0

    def detect(self, picture: Picture) -> list[Face]:
        if not (picture[:4] == picture[0, 0]).all():  # turned: the writing is not at the top
            return []
        return [_face(width=100.0, at=160.0) for _ in range(int(picture[0, 0, 2]))]

    def encode(self, picture: Picture, face: Face) -> Encoding:
        assert face.box.width == 100.0, "a face this engine never found"
        assert picture.flags.c_contiguous, "OpenCV would refuse this picture"
        self.encoded += 1
        person, look = (int(value) for value in picture[0, 0, :2])
        return Encoding(vector=vector_of(person, look), engine_id=self.engine_id)


def vector_of(person: int, look: int = 0) -> np.ndarray:
    own = np.random.default_rng(person).normal(size=DIMENSION)
    own /= np.linalg.norm(own)
    apart = np.random.default_rng(10_000 + person * 1000 + look).normal(size=DIMENSION)
    apart /= np.linalg.norm(apart)
    vector = own + 0.5 * apart
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _face(*, width: float, at: float) -> Face:
    box = Box(x=at - width / 2, y=70.0, width=width, height=width * 1.2)
    landmarks = np.array([[-18, 115], [18, 115], [0, 135], [-15, 158], [15, 158]], np.float32)
    landmarks[:, 0] += at
    return Face(box=box, landmarks=landmarks, score=0.9)
