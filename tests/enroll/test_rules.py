"""The desk's judgement: whose face is meant, whose pictures these are, who is there already."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enroll.rules import (
    WORDS,
    Flaw,
    choose_face,
    knowing,
    mean_of,
    mirrored,
    nearest_other,
    one_person,
)
from terminal.faces import Box, Face, Vector
from terminal.quality import Reason


def face(*, at: tuple[float, float] = (500, 400), side: float = 200) -> Face:
    box = Box(x=at[0] - side / 2, y=at[1] - side / 2, width=side, height=side)
    landmarks = np.array([[-40, -30], [40, -30], [0, 0], [-30, 50], [30, 50]], np.float32) + np.array(at, np.float32)
    return Face(box=box, landmarks=landmarks.astype(np.float32), score=0.9)


def chosen(*faces: Face) -> Face | Flaw:
    return choose_face(faces, width=1000, height=800)


def unit(*values: float) -> Vector:
    vector = np.array([*values, *(0,) * (8 - len(values))], np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_one_face_is_meant_wherever_it_is() -> None:
    only = face(at=(100, 100), side=90)
    assert chosen(only) is only


def test_no_face_is_a_flaw() -> None:
    assert chosen() is Flaw.NO_FACE


def test_of_several_faces_only_a_much_larger_central_one_is_meant() -> None:
    large, small = face(side=400), face(at=(900, 100), side=100)
    assert chosen(small, large) is large
    assert chosen(face(side=190), small) is Flaw.SEVERAL_FACES
    assert chosen(face(at=(150, 400), side=400), small) is Flaw.SEVERAL_FACES
    assert isinstance(chosen(face(side=200), small), Face)  # exactly four times counts


def test_a_mirrored_face_is_where_the_flipped_picture_has_it() -> None:
    flipped = mirrored(face(at=(300, 400)), width=1000)
    assert flipped.box.centre == (700, 400)
    right_eye, left_eye = flipped.landmarks[:2]
    assert right_eye[0] < left_eye[0]
    assert tuple(flipped.landmarks[2]) == (699, 400)
    twice = mirrored(flipped, width=1000)
    assert np.array_equal(twice.landmarks, face(at=(300, 400)).landmarks)


def test_the_mean_is_normalised() -> None:
    assert mean_of([unit(1, 0), unit(0, 1)]) == pytest.approx(unit(1, 1))
    assert mean_of([unit(3)]).dtype == np.float32
    with pytest.raises(ValueError, match="no mean direction"):
        mean_of([unit(1), unit(-1)])


def test_pictures_of_one_person_are_kept_and_a_strangers_left_out() -> None:
    group = one_person([unit(1, 0.2), unit(0, 0, 1), unit(1, -0.2), unit(1, 0, 0.1)], same_person=0.36)
    assert group is not None
    assert (group.kept, group.outliers) == ((0, 2, 3), (1,))


def test_two_of_five_pictures_of_one_other_person_are_left_out() -> None:
    group = one_person([unit(1), unit(0, 1), unit(1, 0.1), unit(0, 1, 0.1), unit(1, 0, 0.1)], same_person=0.36)
    assert group is not None
    assert (group.kept, group.outliers) == ((0, 2, 4), (1, 3))


def test_a_single_picture_is_taken_at_its_word() -> None:
    group = one_person([unit(1)], same_person=0.36)
    assert group is not None
    assert group.kept == (0,)


@pytest.mark.parametrize(
    "vectors",
    [
        [unit(1), unit(0, 1)],
        [unit(1), unit(1, 0.1), unit(0, 1), unit(0, 1, 0.1)],
        [unit(1), unit(0, 1), unit(0, 0, 1)],
    ],
)
def test_where_no_majority_is_one_person_nobody_guesses(vectors: list[Vector]) -> None:
    assert one_person(vectors, same_person=0.36) is None


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(0, 5), st.randoms(use_true_random=False))
def test_whatever_the_order_a_minority_of_strangers_is_found(seed: int, own: int, others: int, dice) -> None:
    others = min(others, own - 1)
    noise = np.random.default_rng(seed)
    base = np.zeros(128)
    base[0] = 1
    rows = [(base * 3 + noise.normal(size=128) * 0.1, True) for _ in range(own)]
    for place in range(others):
        stranger = np.zeros(128)
        stranger[place + 1] = 1
        rows.append((stranger, False))
    dice.shuffle(rows)
    vectors = [(row / np.linalg.norm(row)).astype(np.float32) for row, _ in rows]
    group = one_person(vectors, same_person=0.36)
    assert group is not None
    assert [rows[place][1] for place in group.kept] == [True] * own
    assert sorted(group.kept + group.outliers) == list(range(len(rows)))


def test_the_nearest_other_is_never_the_person_themselves() -> None:
    known = knowing([("1", unit(1)), ("2", unit(1, 1)), ("1", unit(1, 0.1)), ("3", unit(0, 0, 1))], dimension=8)
    nearest = nearest_other(unit(1), known, employee="1")
    assert nearest is not None
    assert (nearest.employee, nearest.score) == ("2", pytest.approx(2**-0.5, abs=1e-6))
    nearest = nearest_other(unit(1), known, employee="4")
    assert nearest is not None
    assert (nearest.employee, nearest.score) == ("1", pytest.approx(1))
    nearest = nearest_other(unit(1), known, employee="1", among={"1", "3"})
    assert nearest is not None
    assert nearest.employee == "3"


def test_nobody_else_is_nobody() -> None:
    assert nearest_other(unit(1), knowing([], dimension=8), employee="1") is None
    assert nearest_other(unit(1), knowing([("1", unit(1))], dimension=8), employee="1") is None
    assert nearest_other(unit(1), knowing([("1", unit(1))], dimension=8), employee="2", among={"3"}) is None


def test_every_flaw_and_reason_has_words() -> None:
    assert set(WORDS) == {*Flaw, *Reason}
