"""What one frame costs, from pixels to a name: each stage and the whole, start-up and memory.

The clip is seen the way the kiosk sees it, frame after frame as fast as they go, by the kiosk's own Looker with a
gallery of 1,000 templates.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from config import Config, dump
from config import replace as with_settings
from errors import HadirError
from sync.releases import EncodingSet, Person
from terminal.agreement import policy_of
from terminal.camera import CameraEnded, Frame, open_camera
from terminal.faces import Encoding, Engine, Face, Picture, open_engine
from terminal.gallery import Gallery
from terminal.matching import identify
from terminal.vision import Looker

PROJECT = Path(__file__).resolve().parent.parent
DEMO_CLIP = PROJECT / "var" / "demo" / "clip.mp4"
BENCH_CLIPS = PROJECT.parent / "shared" / "bench" / "video"
ROWS = 1000
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
from terminal.vision import Looker
settings = config.parse(sys.stdin.read(), name="the settings", base=Path.cwd())
engine = open_engine(settings.engine)
picture = np.zeros((settings.camera.height_px, settings.camera.width_px, 3), np.uint8)
frame = Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=0)
Looker(engine, settings).look(frame, Gallery.empty(engine.engine_id))
"""
T = TypeVar("T")


class BenchRefused(HadirError):
    """There is nothing to measure; the text says what to give."""


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


def run(settings: Config, *, clip: Path | None = None, as_json: bool = False) -> None:
    """A table was printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    figures = measure(settings, clip)
    console = Console() if sys.stdout.isatty() else Console(width=140)
    console.print(_table(figures))
    console.print(
        f"start-up {figures['startup_s']:.2f} s (median of 3 fresh processes), peak {figures['peak_rss_mb']:.0f} MB"
    )
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")


def measure(settings: Config, clip: Path | None = None) -> dict[str, Any]:
    """Return the figures, times in milliseconds unless the name says otherwise; `clips` has them for each clip.

    Measured on `clip`, else on the demo's clip, else on a short one made of the demo's portraits; and on the research
    clips where they lie beside the project. Raises BenchRefused, CameraFailed, ModelUnavailable.
    """
    if clip is not None and not clip.exists():
        raise BenchRefused(f"there is no clip {clip}; give a video file or a folder of pictures")
    startup_s = [startup(settings) for _ in range(3)]
    engine = open_engine(settings.engine)
    gallery = crowd(engine, ROWS)
    main = clip or (DEMO_CLIP if DEMO_CLIP.is_file() else None)
    results = {"the demo's portraits" if main is None else main.name: _measured(settings, engine, gallery, main)}
    if clip is None and BENCH_CLIPS.is_dir():
        for path in sorted(BENCH_CLIPS.glob("*/*")):
            results[f"{path.parent.name}/{path.name}"] = _measured(settings, engine, gallery, path)
    return {
        **next(iter(results.values())),
        "startup_s": round(sorted(startup_s)[1], 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "rows": ROWS,
        "engine": engine.engine_id,
        "opencv_threads": cv2.getNumThreads(),
        "clips": results,
    }


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


def _measured(settings: Config, engine: Engine, gallery: Gallery, clip: Path | None) -> dict[str, Any]:
    spent = Spent()
    timed = TimedEngine(engine, spent)
    looker = Looker(timed, settings)
    for number, frame in enumerate(_frames(settings, clip)):
        before = len(spent.encode)
        _timed(spent.frame, lambda frame=frame: looker.look(frame, gallery))  # type: ignore[misc]
        if len(spent.encode) > before:
            spent.encoded_frame.append(spent.frame[-1])
        elif number == 0:
            spent.frame.clear()  # the first look warms caches up and is no frame like the others
    match: list[float] = []
    policy = policy_of(settings.match)
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


def _frames(settings: Config, clip: Path | None) -> Iterator[Frame]:
    if clip is None:
        yield from _portraits()
        return
    kind = "folder" if clip.is_dir() else "file"
    source = with_settings(settings, camera={"source": f"{kind}:{clip.resolve()}"}).camera
    with open_camera(source, real_time=False) as camera:
        while True:
            try:
                yield camera.read()
            except CameraEnded:
                return


def _portraits() -> Iterator[Frame]:
    """Yield two seconds of each of the demo's people standing before the kiosk, as 1280x720 at 15 Hz."""
    number = 0
    for path in sorted((PROJECT / "demo" / "people").glob("*/*.jpg")):
        portrait = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR_RGB)
        if portrait is None:
            raise BenchRefused(f"{path} cannot be read; restore it with: git checkout demo")
        height = 640
        portrait = cv2.resize(portrait, (round(portrait.shape[1] * height / portrait.shape[0]), height))
        for step in range(30):
            picture = np.full((720, 1280, 3), 128, np.uint8)
            x = 300 + 2 * step
            picture[40 : 40 + height, x : x + portrait.shape[1]] = portrait
            yield Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=number * 66_666_667)
            number += 1


def _timed(into: list[float], call: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = call()
    into.append(1000 * (time.perf_counter() - began))
    return result


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if values else None


def _table(figures: dict[str, Any]) -> Table:
    table = Table(title=f"{figures['engine']}, {ROWS} templates, {figures['opencv_threads']} OpenCV threads")
    times = ("frame_ms", "frame_p95_ms", "encoded_frame_ms", "detect_ms", "encode_ms", "match_ms")
    columns = (*times, "fps", "frames", "encoded")
    table.add_column("clip")
    for column in columns:
        table.add_column(column, justify="right")
    for name, result in figures["clips"].items():
        table.add_row(name, *("-" if result[column] is None else f"{result[column]:g}" for column in columns))
    return table
