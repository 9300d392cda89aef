"""What one frame costs our own eyes, from pixels to a name: each stage and the whole, and start-up.

The clip is seen the way the kiosk sees somebody who stands there, frame after frame as fast as they go, by the kiosk's
own Looker.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bench.footage import BenchRefused
from config import Config, dump
from config import replace as with_settings
from sync.releases import EncodingSet, Person
from terminal.calibration import policy_for
from terminal.camera import CameraEnded, Frame, open_camera
from terminal.faces import Encoding, Engine, Face, Picture
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.matching import identify

PROJECT = Path(__file__).resolve().parent.parent
SEED = 2026
_FIRST_LOOK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
import config
from terminal.camera import Frame
from terminal.faces import open_engine
from terminal.gallery import Gallery
from terminal.looking import Looker
settings = config.parse(sys.stdin.read(), name="the settings", base=Path.cwd())
engine = open_engine(settings.engine)
picture = np.zeros((settings.camera.height_px, settings.camera.width_px, 3), np.uint8)
frame = Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=0)
Looker(engine, settings).look(frame, Gallery.empty(engine.engine_id))
"""
T = TypeVar("T")


@dataclass(slots=True)
class Spent:
    """Milliseconds of each call of each stage; `encoded_frame`: of the whole frames in which a face was encoded."""

    frame: list[float] = field(default_factory=list)
    encoded_frame: list[float] = field(default_factory=list)
    detect: list[float] = field(default_factory=list)
    encode: list[float] = field(default_factory=list)


class TimedEngine:
    """An engine that notes what each of its calls took."""

    def __init__(self, engine: Engine, spent: Spent) -> None:
        self.engine_id = engine.engine_id
        self.dimension = engine.dimension
        self.probes: list[Encoding] = []
        self._engine = engine
        self._spent = spent

    def detect(self, picture: Picture) -> list[Face]:
        return _timed(self._spent.detect, lambda: self._engine.detect(picture))

    def encode(self, picture: Picture, face: Face) -> Encoding:
        encoding = _timed(self._spent.encode, lambda: self._engine.encode(picture, face))
        self.probes.append(encoding)
        return encoding


def startup(settings: Config) -> float:
    """Return the seconds from the start of a fresh process to the end of its first look at a frame."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_LOOK],
        input=dump(settings).encode(),
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    took_s = time.perf_counter() - began
    if done.returncode:
        raise BenchRefused(f"a fresh process did not start: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return took_s


def crowd(engine: Engine, rows: int) -> Gallery:
    """Return a gallery of `rows` people who do not exist: random unit vectors, the same every time."""
    vectors = np.random.default_rng(SEED).standard_normal((rows, engine.dimension)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = tuple(
        Person(employee=f"{number:06}", name="nobody", templates=(vector.tobytes(),))
        for number, vector in enumerate(vectors)
    )
    return Gallery.from_set(
        EncodingSet(
            office="bench",
            version=1,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            created_at=datetime.now(UTC),
            people=people,
        )
    )


def measured(settings: Config, engine: Engine, gallery: Gallery, clip: Path) -> dict[str, Any]:
    """Return the milliseconds of each stage over `clip`. Raises as open_camera does."""
    spent = Spent()
    timed = TimedEngine(engine, spent)
    looker = Looker(timed, settings)
    for number, frame in enumerate(frames_of(settings, clip)):
        before = len(spent.encode)
        _timed(spent.frame, lambda frame=frame: looker.look(frame, gallery))  # type: ignore[misc]
        if len(spent.encode) > before:
            spent.encoded_frame.append(spent.frame[-1])
        elif number == 0:
            spent.frame.clear()  # the first look warms caches up and is no frame like the others
    match: list[float] = []
    policy = policy_for(engine.engine_id, settings.match)
    for probe in timed.probes[:200]:
        _timed(match, lambda probe=probe: identify(probe, gallery, policy))  # type: ignore[misc]
    return {
        "frame_ms": _mean(spent.frame),
        "frame_p95_ms": _percentile(spent.frame, 95),
        "encoded_frame_ms": _mean(spent.encoded_frame),
        "detect_ms": _mean(spent.detect),
        "encode_ms": _mean(spent.encode),
        "match_ms": _mean(match),
        "fps": round(1000 * len(spent.frame) / max(1e-9, sum(spent.frame)), 1),
        "frames": len(spent.frame),
        "encoded": len(spent.encode),
    }


def frames_of(settings: Config, clip: Path) -> Iterator[Frame]:
    """Yield the frames of `clip`, a video or a folder of pictures, as fast as they are asked for."""
    kind = "folder" if clip.is_dir() else "file"
    source = with_settings(settings, camera={"source": f"{kind}:{clip.resolve()}"}).camera
    with open_camera(source, real_time=False) as camera:
        while True:
            try:
                yield camera.read()
            except CameraEnded:
                return


def _timed(into: list[float], call: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = call()
    into.append(1000 * (time.perf_counter() - began))
    return result


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if values else None
