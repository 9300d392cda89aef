"""What the speed bench looks at: the demo's clip or another, cut into frames, and a film of an empty room."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.clip import WalkUp
from errors import HadirError

SEED = 2026
_MOST_FRAMES = 160
_ROOM_FRAMES = 30
_JPEG_QUALITY = 92
_SENSOR_NOISE = 5.0
_LIGHT_CHANGE = 0.03


class BenchRefused(HadirError):
    """There is nothing to measure; the text says what to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """Frames `first` to `last`, in which the employee walks up; `beside` are the employees in view meanwhile."""

    employee: str
    first: int
    last: int
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """Frames of a clip as JPEG files in `folder`, named by their number; `timed` are those to be timed one by one."""

    folder: Path
    rate_hz: float
    timed: tuple[int, ...]
    walk_ups: tuple[Approach, ...]


def cut(clip: Path, folder: Path, walk_ups: Sequence[WalkUp] = (), *, timed_walk_ups: int = 1) -> Footage:
    """Return the frames of `clip` in which employees walk up, written to `folder`; without any, its first 160.

    The first walk-ups are the ones to be timed frame by frame. Raises BenchRefused for what is no clip.
    """
    reader = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    try:
        rate_hz = reader.get(cv2.CAP_PROP_FPS)
        if not reader.isOpened() or not 1 <= rate_hz <= 240:
            raise BenchRefused(f"{clip} is not a video that can be cut into frames; give an MP4 (H.264) file")
        approaches = _one_by_one(walk_ups, rate_hz)
        wanted = {n for each in approaches for n in range(each.first, each.last + 1)} or set(range(_MOST_FRAMES))
        written = []
        for number in range(max(wanted) + 1):
            if not reader.grab():
                break
            if number in wanted:
                decoded, picture = reader.retrieve()
                if decoded:
                    _write(folder, number, np.asarray(picture, np.uint8))
                    written.append(number)
    finally:
        reader.release()
    whole = tuple(each for each in approaches if each.last in written)
    of_interest = {n for each in whole[:timed_walk_ups] for n in range(each.first, each.last + 1)} or set(written)
    return Footage(folder=folder, rate_hz=rate_hz, timed=tuple(n for n in written if n in of_interest), walk_ups=whole)


def empty_room(width_px: int, height_px: int) -> list[NDArray[np.uint8]]:
    """Return two seconds of an empty room at 15 Hz, for ever: BGR, a sensor's noise, light that comes and goes."""
    chance = np.random.default_rng(SEED)
    wall = cv2.resize(chance.uniform(40, 200, (6, 9, 3)).astype(np.float32), (width_px, height_px))
    film = []
    for number in range(_ROOM_FRAMES):
        light = np.float32(1 + _LIGHT_CHANGE * np.sin(2 * np.pi * number / _ROOM_FRAMES))
        noise = chance.standard_normal((height_px, width_px, 3), dtype=np.float32)
        film.append(np.clip(wall * light + _SENSOR_NOISE * noise, 0, 255).astype(np.uint8))
    return film


def _one_by_one(walk_ups: Sequence[WalkUp], rate_hz: float) -> tuple[Approach, ...]:
    """Return the employees' walk-ups; whoever waits behind somebody begins when that one has left: not all queue."""
    approaches, free = [], 0
    for each in sorted(walk_ups, key=lambda each: each.ends_s):
        first, last = max(free, round(each.starts_s * rate_hz)), round(each.ends_s * rate_hz)
        free = last + 1
        if each.employee is not None:
            beside = tuple(
                other.employee
                for other in walk_ups
                if other.employee not in (None, each.employee)
                and other.starts_s * rate_hz <= last
                and other.ends_s * rate_hz >= first
            )
            approaches.append(Approach(employee=each.employee, first=first, last=last, beside=beside))
    return tuple(approaches)


def _write(folder: Path, number: int, picture: NDArray[np.uint8]) -> None:
    path = folder / f"{number:05}.jpg"
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
        raise BenchRefused("the frames could not be written; free 100 MB where temporary files are kept")
