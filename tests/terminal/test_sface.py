"""Our way through SFace is OpenCV's own, only faster."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from terminal.faces import sface
from terminal.faces.alignment import aligned
from terminal.faces.models import ENCODER, ensure
from terminal.faces.sface import SFace
from tests.terminal.portraits import EVERYBODY, MODELS, PROJECT, engine, photo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def content() -> bytes:
    return ensure(MODELS)[1].read_bytes()


@pytest.fixture(scope="module")
def reference() -> cv2.FaceRecognizerSF:
    ensure(MODELS)
    return cv2.FaceRecognizerSF.create(str(MODELS / ENCODER.file), "")


@pytest.mark.parametrize("path", EVERYBODY, ids=lambda path: path.parent.name)
def test_crop_and_encoding_are_those_of_opencvs_face_recognizer(path: Path, reference: cv2.FaceRecognizerSF) -> None:
    face = engine().detect(photo(path))[0]
    row = np.array([[0, 0, 0, 0, *face.landmarks.ravel().tolist(), 1]], np.float32)
    theirs = reference.alignCrop(photo(path), row)
    assert np.abs(theirs.astype(int) - aligned(photo(path), face.landmarks)).max() <= 4  # rounding
    vector = reference.feature(cv2.cvtColor(theirs, cv2.COLOR_RGB2BGR)).ravel()
    ours = engine().encode(photo(path), face).vector
    assert float(vector @ ours) / float(np.linalg.norm(vector)) > 0.9999


def test_the_short_way_agrees_with_the_whole_network(content: bytes) -> None:
    network = SFace(content)
    assert network._short is not None
    crops = [np.random.default_rng(seed).integers(0, 255, (112, 112, 3)).astype(np.uint8) for seed in (3, 4)]
    short = [network.features(crop) for crop in crops]
    network._short = None
    for crop, features in zip(crops, short, strict=True):
        np.testing.assert_allclose(network.features(crop), features, atol=1e-4)


@pytest.mark.parametrize("break_it", ["renamed", "other numbers"])
def test_an_opencv_that_has_the_last_layers_otherwise_does_all_of_it(
    content: bytes, monkeypatch: pytest.MonkeyPatch, break_it: str
) -> None:
    crop = np.random.default_rng(3).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    right = SFace(content).features(crop)
    if break_it == "renamed":
        monkeypatch.setattr(sface, "_LAST_LAYERS", ("flatten", "matrix", "norm"))
    else:
        monkeypatch.setattr(sface, "_EPSILON", 0.5)
    careful = SFace(content)
    assert careful._short is None
    np.testing.assert_allclose(careful.features(crop), right, atol=1e-4)


def test_numpy_takes_one_thread_so_that_opencv_has_the_cores() -> None:
    code = "import terminal, os, numpy; print(os.environ['OPENBLAS_NUM_THREADS'])"
    for module in ("terminal.vision", "bench.speed"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}\n{code}"],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "1"
