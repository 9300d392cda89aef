"""What a camera shows: made lobbies with a sensor's noise, and what can be wrong with its pictures."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from terminal import camera_life
from terminal.camera_life import Life
from terminal.faces import Picture
from terminal.sighting import CameraTrouble

Shown = Callable[[int], Picture]
"""The picture of a frame's number."""
SEED = 20260302


class Lobby:
    """A lobby of panels, furniture and a window, seen by a sensor whose noise never repeats."""

    def __init__(self, seed: int = SEED, *, size: tuple[int, int] = (180, 320)) -> None:
        print(f"lobby seed={seed}")
        self._random = np.random.default_rng(seed)
        height, width = size
        coarse = self._random.uniform(60, 190, (9, 16, 3)).mean(axis=2, keepdims=True)
        coarse = coarse + self._random.uniform(-25, 25, (9, 16, 3))
        self._noise = self._random.standard_normal((2 * height, 2 * width, 3)).astype(np.float32)
        self.scene = np.kron(coarse, np.ones((height // 9, width // 16, 1))).astype(np.float32)

    def noisy(self, scene: NDArray[np.float32], sigma: float = 3.0) -> Picture:
        height, width = scene.shape[:2]
        top, left = self._random.integers(height), self._random.integers(width)
        noise = self._noise[top : top + height, left : left + width]
        return np.clip(scene + np.float32(sigma) * noise, 0, 255).astype(np.uint8)

    def lit(self, _: int = 0) -> Picture:
        return self.noisy(self.scene)

    def dimmed(self, times: float, *, sigma: float = 2.0) -> Shown:
        return lambda _: self.noisy(self.scene * np.float32(times), sigma)

    def covered(self, _: int = 0) -> Picture:
        """A hand or tape on the lens: the sensor's black level, its gain turned up, and noise."""
        return self.noisy(np.full_like(self.scene, 9), sigma=6)

    def dead(self, _: int = 0) -> Picture:
        return np.zeros(self.scene.shape, np.uint8)

    def blinded(self, _: int = 0) -> Picture:
        return self.noisy(self.scene * np.float32(0.1) + 245)

    def night(self, _: int = 0) -> Picture:
        """Nobody, and nothing lit but a sign over the door."""
        scene = self.scene * np.float32(0.012)
        scene[20:30, 150:170] = (30, 120, 40)
        return self.noisy(scene, sigma=2)


def swapped(shown: Shown) -> Shown:
    return lambda number: np.ascontiguousarray(shown(number)[..., ::-1])


def without(channel: int, shown: Shown) -> Shown:
    def dead(number: int) -> Picture:
        picture = shown(number).copy()
        picture[..., channel] = 0
        return picture

    return dead


def in_turn(*buffers: Picture) -> Shown:
    """A driver that hands out its buffers again and again."""
    return lambda number: buffers[number % len(buffers)]


def lived(
    *parts: tuple[float, Shown], hz: float = 15.0, live: bool = True, life: Life | None = None
) -> list[tuple[float, CameraTrouble | None]]:
    """Return what is told after each frame, and when: each part is (seconds, what is shown)."""
    life = life or Life()
    told, number = [], 0
    for length_s, shown in parts:
        for _ in range(round(length_s * hz)):
            measures = camera_life.measure(shown(number))
            life = camera_life.judge(life, measures, now_s=number / hz, live=live)
            told.append((number / hz, life.trouble))
            number += 1
    return told


def first(told: list[tuple[float, CameraTrouble | None]], trouble: CameraTrouble | None, *, after_s: float) -> float:
    """Return how long after `after_s` that was told first."""
    return next(at_s for at_s, what in told if at_s >= after_s and what is trouble) - after_s


def told_in(told: list[tuple[float, CameraTrouble | None]]) -> set[CameraTrouble | None]:
    return {what for _, what in told}
