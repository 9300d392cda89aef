"""F3: a grid over the skin is a screen's or a print's; noise, edges and compression are none."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.faces import Box, Face
from terminal.liveness import moire
from terminal.liveness.cues import Finding
from terminal.liveness.eye import OpenCvEye
from tests.terminal.portraits import PEOPLE, before_camera

Floats = NDArray[np.float32]
SIZE = 160


def skin(seed: int) -> Floats:
    """Soft shades and a sensor's noise."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    shades = cv2.resize(rng.normal(0, 20, (8, 8)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(120 + shades + rng.normal(0, 2, (SIZE, SIZE)), np.float32)


def grid(strength: float, *, waves: float, tilt_deg: float) -> Floats:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    tilt = np.radians(tilt_deg)
    along, across = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    return np.asarray(strength * (np.sin(2 * np.pi * waves * along) + np.sin(2 * np.pi * waves * across)), np.float32)


def peak(picture: Floats) -> float:
    fine = picture - cv2.GaussianBlur(picture, (0, 0), 4.0)
    found = moire.peak_of(np.asarray(fine, np.float32))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(5))
def test_skin_is_clear_and_skin_under_a_grid_is_not(seed: int) -> None:
    plain = [peak(skin(10 * seed + n)) for n in range(5)]
    assert moire.judge(plain).finding is Finding.CLEAR
    for waves, tilt in ((0.2, 0.0), (0.27, 7.0), (0.38, 40.0)):
        faint = [peak(skin(10 * seed + n) + grid(1.2, waves=waves, tilt_deg=tilt)) for n in range(5)]
        plainly = [peak(skin(10 * seed + n) + grid(6.0, waves=waves, tilt_deg=tilt)) for n in range(5)]
        assert moire.judge(faint).finding in (Finding.SUSPECT, Finding.DENY), (waves, tilt)
        assert moire.judge(plainly).finding is Finding.DENY, (waves, tilt)


def test_the_blocks_of_compression_are_no_grid() -> None:
    for quality in (20, 40, 60):
        packed = cv2.imencode(".jpg", skin(3).clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        seen = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        assert moire.judge([peak(seen)] * 3).finding is Finding.CLEAR, quality


def test_one_odd_look_tells_nothing() -> None:
    assert moire.judge([9000.0, 9000.0]).finding is Finding.NO_EVIDENCE
    assert moire.judge([9000.0, 20.0, 20.0, 20.0]).finding is Finding.CLEAR
    assert moire.judge([9000.0, 9000.0, 20.0]).finding is Finding.DENY
    assert moire.judge([200.0] * 4).finding is Finding.SUSPECT


@pytest.mark.parametrize("shape", [(47, 200), (200, 47), (0, 0)])
def test_a_face_too_small_for_it_has_no_peak(shape: tuple[int, int]) -> None:
    assert moire.peak_of(np.zeros(shape, np.float32)) is None


def test_an_even_patch_has_no_peak_and_is_no_error() -> None:
    assert moire.peak_of(np.zeros((64, 64), np.float32)) == pytest.approx(0, abs=1.0)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_the_eye_finds_none_in_a_portrait_and_one_where_a_screens_cells_lie_over_it(name: str) -> None:
    picture = np.ascontiguousarray(before_camera(PEOPLE[name][0]), np.uint8)
    height, width = picture.shape[:2]
    box = Box(x=width / 2 - 90, y=height / 2 - 110, width=180, height=220)
    face = Face(box=box, landmarks=np.zeros((5, 2), np.float32), score=1.0)
    y, x = np.mgrid[0:height, 0:width]
    cells = (picture * (1 - 0.3 * ((x % 3 == 0) | (y % 3 == 0)))[..., None]).astype(np.uint8)
    found = {}
    for what, shown in (("portrait", picture), ("cells", cells)):
        eye = OpenCvEye(None, None)
        peaks = [eye.look(shown, face, at_s=n * 0.4).peak for n in range(3)]
        found[what] = moire.judge([each for each in peaks if each is not None]).finding
    assert found == {"portrait": Finding.CLEAR, "cells": Finding.DENY}
