"""The clips of live people of the research set: nothing is ever said of them, and each way to spoil them is noticed."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from terminal import camera_life
from terminal.camera_life import Life
from terminal.faces import Picture
from terminal.sighting import CameraTrouble
from tests.terminal.portraits import engine

pytestmark = pytest.mark.slow

SEED = 20260302
MOST_S = 4.0
Spoil = Callable[[Picture, int], Picture]


def frames(path: Path) -> tuple[list[Picture], float]:
    """Return up to MOST_S of a clip at some 8 frames a second, and how many exactly."""
    clip = cv2.VideoCapture(str(path))
    hz = clip.get(cv2.CAP_PROP_FPS)
    every = max(1, round(hz / 8))
    found: list[Picture] = []
    for number in count():
        if not clip.grab() or number > MOST_S * hz:
            break
        if number % every == 0:
            found.append(np.asarray(cv2.cvtColor(clip.retrieve()[1], cv2.COLOR_BGR2RGB), np.uint8))
    clip.release()
    assert found, path.name
    return found, hz / every


@pytest.fixture(scope="module")
def clips(bench_data: Path) -> list[tuple[str, list[Picture], float]]:
    paths = sorted((bench_data / "video").glob("*/*"))
    assert len(paths) >= 19
    return [(path.name, *frames(path)) for path in paths]


def told_after_s(pictures: list[Picture], hz: float, spoil: Spoil | None, *, faces: bool) -> dict[CameraTrouble, float]:
    """Return what is told, and after how long, of a clip that is played again and again for MOST_S."""
    life, told = Life(), {}
    length = round(MOST_S * hz) if spoil is not None else len(pictures)  # the cut where a clip begins again is ours
    for number in range(length):
        picture, now_s = pictures[number % len(pictures)], number / hz
        picture = spoil(picture, number) if spoil is not None else picture
        life = camera_life.judge(life, camera_life.measure(picture), now_s=now_s, live=True)
        if faces:
            boxes = [face.box for face in engine().detect(picture)]
            life = camera_life.judge_faces(life, picture, boxes, now_s=now_s)
        if life.trouble is not None:
            told.setdefault(life.trouble, now_s)
            if spoil is not None:
                break
    return told


@pytest.mark.bench_data
def test_nothing_is_ever_said_of_a_clip_of_live_people(clips: list[tuple[str, list[Picture], float]]) -> None:
    assert {name: told for name, pictures, hz in clips if (told := told_after_s(pictures, hz, None, faces=True))} == {}


def noise(sigma: float) -> Callable[[tuple[int, ...]], np.ndarray]:
    random = np.random.default_rng(SEED)
    field = random.normal(0, sigma, (1000, 1000, 3)).astype(np.float32)

    def part(shape: tuple[int, ...]) -> np.ndarray:
        top, left = random.integers(1000 - shape[0]), random.integers(1000 - shape[1])
        return field[top : top + shape[0], left : left + shape[1]]

    return part


def covered() -> Spoil:
    of = noise(4)
    return lambda picture, _: np.clip(8 + of(picture.shape), 0, 255).astype(np.uint8)


def blinded() -> Spoil:
    of = noise(4)
    return lambda picture, _: np.clip(picture * np.float32(0.1) + 245 + of(picture.shape), 0, 255).astype(np.uint8)


def frozen() -> Spoil:
    kept: list[Picture] = []

    def spoil(picture: Picture, _: int) -> Picture:
        kept.append(picture)
        return kept[0]

    return spoil


def without(channel: int) -> Spoil:
    def spoil(picture: Picture, _: int) -> Picture:
        picture = picture.copy()
        picture[..., channel] = 0
        return picture

    return spoil


@pytest.mark.bench_data
@pytest.mark.parametrize(
    ("spoil", "trouble"),
    [
        (covered, CameraTrouble.BLACK),
        (blinded, CameraTrouble.BLINDED),
        (frozen, CameraTrouble.FROZEN),
        (lambda: lambda picture, _: np.ascontiguousarray(picture[..., ::-1]), CameraTrouble.COLOURS),
        (lambda: without(0), CameraTrouble.COLOURS),
        (lambda: without(2), CameraTrouble.COLOURS),
    ],
    ids=["covered", "blinded", "frozen", "red and blue swapped", "no red", "no blue"],
)
def test_a_spoiled_clip_is_noticed_within_three_seconds(
    clips: list[tuple[str, list[Picture], float]],
    spoil: Callable[[], Spoil],
    trouble: CameraTrouble,
    request: pytest.FixtureRequest,
) -> None:
    swapped = "swapped" in request.node.name
    told = {}
    for name, pictures, hz in clips:
        small = pictures if swapped else [picture[::2, ::2] for picture in pictures]
        told[name] = told_after_s(small, hz, spoil(), faces=swapped)
    assert {name: set(each) for name, each in told.items() if set(each) != {trouble}} == {}
    times = [each[trouble] for each in told.values()]
    print(f"seed={SEED} {request.node.name}: {min(times):.2f} to {max(times):.2f} s of {len(times)} clips")
    assert max(times) < 3.0


@pytest.mark.timeout(600)  # the clip is made for the first test that asks for it
def test_nothing_is_ever_said_of_the_demos_clip(walk_up_clip: object) -> None:
    clip = cv2.VideoCapture(str(walk_up_clip.path))  # type: ignore[attr-defined]
    hz, life = clip.get(cv2.CAP_PROP_FPS), Life()
    for number in count():
        if not clip.grab():
            break
        if number % 4 == 0:
            picture = np.asarray(cv2.cvtColor(clip.retrieve()[1], cv2.COLOR_BGR2RGB), np.uint8)
            life = camera_life.judge(life, camera_life.measure(picture), now_s=number / hz, live=False)
            if number % 12 == 0:
                boxes = [face.box for face in engine().detect(picture)]
                life = camera_life.judge_faces(life, picture, boxes, now_s=number / hz)
            assert life.trouble is None, number / hz
    assert number > 100
