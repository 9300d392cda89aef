"""The default engine on real portraits."""

import cv2
import numpy as np
import pytest

import config
from terminal.faces import Face, Picture, open_engine
from terminal.faces.opencv import DIMENSION, ENGINE_ID, EncodingFailed, OpenCvEngine
from tests.terminal.portraits import EVERYBODY, MODELS, PEOPLE, STRANGERS, encoding, engine, photo

pytestmark = pytest.mark.slow

THRESHOLD = 0.5
"""Between what SFace gives two photos of one person and two people; a kiosk's own comes from the calibration."""


def largest(picture: Picture) -> Face:
    return engine().detect(picture)[0]


@pytest.mark.parametrize("path", EVERYBODY, ids=lambda path: path.stem)
def test_a_portrait_has_one_face_with_its_parts_where_they_belong(path) -> None:  # type: ignore[no-untyped-def]
    faces = engine().detect(photo(path))
    assert len(faces) == 1
    right_eye, left_eye, nose, right_mouth, left_mouth = faces[0].landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert faces[0].score > 0.85
    height, width = photo(path).shape[:2]
    assert 0 < faces[0].box.centre[0] < width
    assert 0 < faces[0].box.centre[1] < height


@pytest.mark.parametrize("who", PEOPLE)
def test_two_photos_of_one_person_years_apart_score_above_the_threshold(who: str) -> None:
    first, second = PEOPLE[who]
    assert float(encoding(first) @ encoding(second)) > THRESHOLD + 0.05


def test_different_people_score_far_below_the_threshold() -> None:
    firsts = [pair[0] for pair in PEOPLE.values()] + list(STRANGERS)
    scores = [float(encoding(a) @ encoding(b)) for n, a in enumerate(firsts) for b in firsts[n + 1 :]]
    assert max(scores) < THRESHOLD - 0.15


def test_an_encoding_is_a_unit_vector_of_float32_and_says_its_engine() -> None:
    picture = photo(EVERYBODY[0])
    made = engine().encode(picture, largest(picture))
    assert made.vector.shape == (DIMENSION,)
    assert made.vector.dtype == np.float32
    assert float(np.linalg.norm(made.vector)) == pytest.approx(1, abs=1e-5)
    assert made.engine_id == ENGINE_ID == engine().engine_id
    np.testing.assert_array_equal(made.vector, engine().encode(picture, largest(picture)).vector)


def test_colours_are_taken_as_rgb() -> None:
    """The same photo with red and blue exchanged is another encoding: the enrolled one is that of the right order."""
    first, second = PEOPLE["obama"]
    wrong = np.ascontiguousarray(photo(second)[..., ::-1])
    face = largest(photo(second))
    right = float(encoding(first) @ encoding(second))
    assert float(encoding(first) @ engine().encode(wrong, face).vector) < right - 0.02


def test_boxes_and_landmarks_are_in_the_pixels_of_the_picture_however_large() -> None:
    picture = photo(EVERYBODY[0])
    twice = np.asarray(cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)
    here, there = largest(picture), largest(twice)
    assert there.box.width == pytest.approx(3 * here.box.width, rel=0.06)
    np.testing.assert_allclose(there.landmarks / 3, here.landmarks, atol=0.05 * here.box.width)
    one, two = engine().encode(picture, here).vector, engine().encode(twice, there).vector
    assert float(one @ two) > 0.9


def test_the_largest_face_comes_first() -> None:
    small, large = photo(EVERYBODY[0]), photo(EVERYBODY[2])
    picture = np.full((700, 1200, 3), 120, np.uint8)
    shrunk = cv2.resize(small, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    picture[20 : 20 + shrunk.shape[0], 20 : 20 + shrunk.shape[1]] = shrunk
    picture[40 : 40 + large.shape[0], 600 : 600 + large.shape[1]] = large[:660, :600]
    faces = engine().detect(picture)
    assert len(faces) == 2
    assert faces[0].box.x > 500
    assert faces[0].box.area > faces[1].box.area


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 2, 3), (720, 1280, 3)])
def test_a_picture_without_anybody_has_no_faces(shape: tuple[int, int, int]) -> None:
    assert engine().detect(np.full(shape, 90, np.uint8)) == []


def test_noise_has_no_faces() -> None:
    noise = np.random.default_rng(5).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    assert engine().detect(noise) == []


@pytest.mark.parametrize("where", [np.nan, np.inf, 100.0])
def test_a_face_without_a_place_gives_no_encoding_instead_of_nonsense(where: float) -> None:
    face = largest(photo(EVERYBODY[0]))
    nowhere = Face(box=face.box, landmarks=np.full((5, 2), where, np.float32), score=1.0)
    with pytest.raises(EncodingFailed, match="try another"):
        engine().encode(photo(EVERYBODY[0]), nowhere)


def test_the_engine_is_opened_by_its_name() -> None:
    assert isinstance(open_engine(config.Engine(models=MODELS)), OpenCvEngine)
