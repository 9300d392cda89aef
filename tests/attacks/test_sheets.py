"""The attacks that tests make: the same from the same seed, and what they say they are."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.attacks.sheets import HEIGHT, SPECIES, WIDTH, attack

FACE = (150.0, 150.0, 100.0)


def clip(count: int = 3) -> list[NDArray[np.uint8]]:
    """Pictures of nobody: a disc that grows, on a pattern."""
    rng = np.random.default_rng(1)
    ground = cv2.resize(rng.uniform(60, 200, (30, 30, 3)).astype(np.float32), (300, 300)).astype(np.uint8)
    return [
        np.asarray(cv2.circle(ground.copy(), (150, 150), 40 + 15 * n, (200, 180, 160), -1), np.uint8)
        for n in range(count)
    ]


@pytest.mark.parametrize("name", SPECIES)
def test_an_attack_is_the_same_from_the_same_seed_and_another_from_another(name: str) -> None:
    made = list(attack(name, clip(), FACE, seed=11, frames=3, fps=3))
    assert all(each.shape == (HEIGHT, WIDTH, 3) and each.dtype == np.uint8 for each in made)
    again = list(attack(name, clip(), FACE, seed=11, frames=3, fps=3))
    assert all((one == other).all() for one, other in zip(made, again, strict=True))
    other = list(attack(name, clip(), FACE, seed=12, frames=3, fps=3))
    assert not all((one == two).all() for one, two in zip(made, other, strict=True))


def test_a_sheet_held_by_hand_arrives_and_one_on_a_table_stands() -> None:
    def moved(name: str) -> float:
        made = list(attack(name, clip(1), FACE, seed=3, frames=4, fps=4))
        return float(np.abs(made[0].astype(float) - made[2]).mean())

    assert moved("tablet_photo") > 3 * moved("monitor_replay")
