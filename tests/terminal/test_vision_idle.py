"""Whoever comes is first seen in the same frame with the gate of an empty room as without it: on real clips."""

from pathlib import Path

import numpy as np
import pytest

import config
from demo.clip import Clip
from terminal.camera import Camera, CameraEnded, Frame, open_camera
from terminal.faces import Encoding, Engine, Face, Picture, open_engine
from terminal.faces.models import ensure
from terminal.gallery import Gallery
from terminal.looking import Looker

PROJECT = Path(__file__).resolve().parents[2]
MODELS = PROJECT / "var" / "models"
EMPTY_FRAMES = 60
SEED = 2026

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Searches:
    """An engine that searches each frame once, however often it is asked, counts how often it was, and knows nobody."""

    def __init__(self, engine: Engine) -> None:
        self.engine_id, self.dimension = engine.engine_id, engine.dimension
        self.count = 0
        self._engine = engine
        self._found: dict[int, list[Face]] = {}
        self.frame = 0

    def detect(self, picture: Picture) -> list[Face]:
        self.count += 1
        if self.frame not in self._found:
            self._found[self.frame] = self._engine.detect(picture)
        return self._found[self.frame]

    def encode(self, picture: Picture, face: Face) -> Encoding:
        vector = np.zeros(self.dimension, np.float32)
        vector[0] = 1
        return Encoding(vector=vector, engine_id=self.engine_id)


@pytest.fixture(scope="module")
def settings() -> config.Config:
    ensure(MODELS)
    return config.replace(config.Config(), engine={"models": str(MODELS)})


def frames_of(camera: Camera) -> list[Frame]:
    frames = []
    with camera:
        while True:
            try:
                frames.append(camera.read())
            except CameraEnded:
                return frames


def arrivals(frames: list[Frame], searches: Searches, settings: config.Config, idle_look_s: float) -> list[object]:
    """Return who is served and since when, and where others are, frame by frame."""
    looker = Looker(searches, settings, idle_look_s=idle_look_s)
    gallery = Gallery.empty(searches.engine_id)
    said: list[object] = []
    for number, frame in enumerate(frames):
        searches.frame = number
        seen = looker.look(frame, gallery)
        said.append((seen.served and (seen.served.track_id, seen.served.first_seen_at), seen.others))
    return said


def filmed(frames: list[Frame]) -> list[Frame]:
    """Return `frames` under a lamp that flickers, in daylight that changes, through a sensor that is noisy."""
    noise = 5 * np.random.default_rng(SEED).standard_normal((4, *frames[0].picture.shape), dtype=np.float32)
    rows = np.arange(frames[0].picture.shape[0], dtype=np.float32)[:, None, None]
    under = []
    for number, frame in enumerate(frames):
        light = 1 + 0.05 * np.sin(number / 24) + 0.03 * np.sin(rows / 48 + 2.3 * number)
        picture = np.clip(frame.picture * light + noise[number % 4, :: (-1) ** (number // 4)], 0, 255).astype(np.uint8)
        at_ns = round(number / 15 * 1e9)
        under.append(Frame(picture=picture, taken_at=frame.taken_at, monotonic_ns=at_ns))
    return under


def test_in_the_demos_clip_everybody_is_first_seen_and_served_as_soon(
    settings: config.Config, walk_up_clip: Clip
) -> None:
    source = config.replace(settings, camera={"source": f"file:{walk_up_clip.path}"}).camera
    clip = frames_of(open_camera(source, real_time=False))[: 8 * 15]
    first_walk_up = round(15 * walk_up_clip.walk_ups[0].starts_s)
    empty = clip[: first_walk_up - 2]
    waiting = [empty[number % len(empty)] for number in range(EMPTY_FRAMES)]
    frames = filmed([*waiting, *clip[first_walk_up - 2 :]])
    searches = Searches(open_engine(settings.engine))
    always = arrivals(frames, searches, settings, 0.0)
    searched = searches.count
    gated = arrivals(frames, searches, settings, settings.camera.idle_look_s)
    assert searched == len(frames)
    assert searches.count - searched <= len(frames) - EMPTY_FRAMES // 3
    assert any(served for served, _ in always)  # type: ignore[misc]
    assert gated == always


@pytest.mark.bench_data
def test_in_the_walk_ups_of_the_bench_everybody_is_first_seen_and_served_as_soon(
    settings: config.Config, bench_data: Path
) -> None:
    engine = open_engine(settings.engine)
    clips = sorted((bench_data / "video" / "walkup").glob("*"))
    assert clips
    for clip in clips:
        source = config.replace(settings, camera={"source": f"file:{clip}"}).camera
        frames = frames_of(open_camera(source, real_time=False))
        searches = Searches(engine)
        always = arrivals(frames, searches, settings, 0.0)
        assert arrivals(frames, searches, settings, settings.camera.idle_look_s) == always, clip.name
