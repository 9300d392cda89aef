"""dlib's engine: its numbers are face_recognition's own, its faces everybody's, its models the published ones."""

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import config
from terminal.faces import Box, Face, engine_id_of, fetch_models, identity_of, open_engine
from terminal.faces.dlib_resnet import DIMENSION, ENGINE_ID, DlibEngine, _loaded, square_of
from terminal.faces.encoding import EncodingFailed
from terminal.faces.models import DETECTOR, PREDICTOR, RESNET, ModelUnavailable, ensure
from tests.terminal.portraits import EVERYBODY, MODELS, PEOPLE, PROJECT, STRANGERS, photo
from tests.terminal.portraits import engine as opencv

pytestmark = pytest.mark.slow

REFERENCE = {
    PROJECT / each["photo"]: each
    for each in json.loads(Path(__file__).with_name("reference_encodings.json").read_text())
}
TOLERANCE = 0.6
"""Up to this distance face_recognition.compare_faces calls two encodings one person's."""


@cache
def engine() -> DlibEngine:
    opened = open_engine(config.Engine(name="dlib", models=MODELS))
    assert isinstance(opened, DlibEngine)
    return opened


@cache
def encoding(path: Path) -> np.ndarray:
    return engine().encode(photo(path), engine().detect(photo(path))[0]).vector


def theirs(path: Path) -> np.ndarray:
    return np.array(REFERENCE[path]["encoding"])


def test_the_reference_is_of_all_portraits_in_just_these_pixels() -> None:
    assert set(EVERYBODY) < set(REFERENCE)
    for path, each in REFERENCE.items():
        assert hashlib.sha256(photo(path).tobytes()).hexdigest() == each["pixels_sha256"], path.name


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_features_are_face_recognitions_own_for_the_same_box(path: Path) -> None:
    top, right, bottom, left = REFERENCE[path]["box"]
    square = Box(x=left, y=top, width=right - left + 1, height=bottom - top + 1)
    np.testing.assert_allclose(engine().features(photo(path), square), theirs(path), atol=1e-4)


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_what_face_recognition_enrolled_is_found_again_by_way_of_our_detector(path: Path) -> None:
    """The whole way: YuNet's square instead of HOG's. In the median of 897 bench photographs they are 0.04 apart."""
    face = engine().detect(photo(path))[0]
    assert np.linalg.norm(engine().features(photo(path), square_of(face)) - theirs(path)) < 0.2 * TOLERANCE


def test_two_photos_of_one_person_score_above_any_two_of_different_people() -> None:
    same = [float(encoding(first) @ encoding(second)) for first, second in PEOPLE.values()]
    firsts = [pair[0] for pair in PEOPLE.values()] + list(STRANGERS)
    different = [float(encoding(a) @ encoding(b)) for n, a in enumerate(firsts) for b in firsts[n + 1 :]]
    assert min(same) > max(different) + 0.02
    assert min(different) > 0.6, "SFace's thresholds would let everybody in: config refuses them"


def test_an_encoding_is_the_features_scaled_to_unit_norm_and_says_its_engine() -> None:
    picture = photo(EVERYBODY[0])
    face = engine().detect(picture)[0]
    made = engine().encode(picture, face)
    features = engine().features(picture, square_of(face))
    assert features.shape == made.vector.shape == (DIMENSION,)
    assert made.vector.dtype == np.float32
    np.testing.assert_allclose(made.vector, features / np.linalg.norm(features), atol=1e-6)
    assert made.engine_id == ENGINE_ID == engine().engine_id
    assert identity_of(config.Engine(name="dlib")).engine_id == engine_id_of(config.Engine(name="dlib")) == ENGINE_ID


def test_faces_have_all_five_landmarks_in_the_protocols_order() -> None:
    for path in EVERYBODY:
        ours, default = engine().detect(photo(path)), opencv().detect(photo(path))
        assert [face.box for face in ours] == [face.box for face in default]
        np.testing.assert_array_equal(ours[0].landmarks, default[0].landmarks)


def test_colours_are_taken_as_rgb() -> None:
    first, second = PEOPLE["obama"]
    face = engine().detect(photo(second))[0]
    wrong = engine().encode(photo(second)[..., ::-1], face).vector
    assert float(encoding(first) @ wrong) < float(encoding(first) @ encoding(second))


def test_a_face_at_the_pictures_edge_is_encoded_as_far_as_it_is_there() -> None:
    first, second = PEOPLE["ardern"]
    face = engine().detect(photo(second))[0]
    cut = photo(second)[:, round(square_of(face).x) + 25 :]
    there = engine().detect(cut)[0]
    assert square_of(there).x < -10
    assert float(encoding(first) @ engine().encode(cut, there).vector) > 0.92


@pytest.mark.parametrize("where", [np.nan, np.inf, 100.0])
def test_a_face_without_a_place_gives_no_encoding(where: float) -> None:
    face = engine().detect(photo(EVERYBODY[0]))[0]
    nowhere = Face(box=face.box, landmarks=np.full((5, 2), where, np.float32), score=1.0)
    with pytest.raises(EncodingFailed, match="try another"):
        engine().encode(photo(EVERYBODY[0]), nowhere)


@pytest.mark.parametrize(
    "square",
    [
        Box(x=np.nan, y=0, width=50, height=50),
        Box(x=0, y=0, width=np.inf, height=50),
        Box(x=1e30, y=0, width=50, height=50),
        Box(x=0, y=0, width=0, height=50),
        Box(x=0, y=0, width=50, height=-50),
    ],
    ids=["nan", "infinite", "far away", "no width", "negative"],
)
def test_a_square_that_is_none_gives_no_encoding(square: Box) -> None:
    with pytest.raises(EncodingFailed, match="try another"):
        engine().features(photo(EVERYBODY[0]), square)


def test_a_square_beside_the_picture_gives_nonsense_or_nothing_but_no_crash() -> None:
    features = engine().features(photo(EVERYBODY[0]), Box(x=5000, y=-9000, width=200, height=200))
    assert np.isfinite(features).all()


def test_without_dlib_the_way_to_have_it_is_told(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(ModelUnavailable, match="dlib is not installed; run in Hadir's folder") as refused:
        open_engine(config.Engine(name="dlib", models=MODELS))
    lock = project / str(refused.value).rpartition(" ")[2]
    assert "dlib-bin==" in lock.read_text()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("model", [PREDICTOR, RESNET], ids=lambda model: model.file)
def test_a_mutated_model_is_refused_by_its_hash(tmp_path: Path, model: object) -> None:
    for path in fetch_models(config.Engine(name="dlib", models=MODELS)):
        (tmp_path / path.name).symlink_to(path)
    assert model in (PREDICTOR, RESNET)
    place = tmp_path / model.file  # type: ignore[attr-defined]
    mutated = bytearray(place.read_bytes())
    mutated[len(mutated) // 2] ^= 1
    place.unlink()
    place.write_bytes(mutated)
    with pytest.raises(ModelUnavailable, match=f"{place}.*its SHA-256 differs"):
        open_engine(config.Engine(name="dlib", models=tmp_path))


def test_bytes_dlib_cannot_read_are_one_sentence() -> None:
    import dlib

    for load in (dlib.shape_predictor, dlib.face_recognition_model_v1):
        with pytest.raises(ModelUnavailable, match="dlib cannot load") as refused:
            _loaded(load, ensure(MODELS, [DETECTOR])[0].read_bytes(), config.Engine(models=MODELS))
        assert "\n" not in str(refused.value)
