"""The search: the nearest person and the lead over the next are those of plain float64, wherever templates lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal import search
from terminal.faces import Vector
from terminal.gallery import BLOCK_ROWS, Gallery
from terminal.search import Nearest, ProbeRefused, nearest_to
from tests.terminal.stage import DIMENSION, ENGINE_ID, gallery_in_order, gallery_of, like, looks

CROWD = gallery_of(*range(1, 30))
People = list[tuple[str, list[Vector]]]


def unit(values: NDArray[np.floating]) -> Vector:
    wide = values.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide), np.float32)


def by_plain_numpy(probe: Vector, people: People) -> tuple[dict[str, float], float, float | None]:
    """Return everybody's score, the best and its lead, in float64 and one after the other."""
    wide = probe.astype(np.float64)
    scores = {
        employee: max(float(vector.astype(np.float64) @ wide) for vector in vectors) for employee, vectors in people
    }
    ranked = sorted(scores.values(), reverse=True)
    return scores, ranked[0], ranked[0] - ranked[1] if len(ranked) > 1 else None


def crowd(seed: int, size: int, *, dimension: int, spread: float) -> People:
    """Return people of one to three templates around a few faces: `spread` 0 makes doubles, 1 makes strangers."""
    dice = np.random.default_rng(seed)
    faces = [unit(dice.standard_normal(dimension)) for _ in range(3)]
    return [
        (
            f"p{number}",
            [
                unit(faces[dice.integers(3)] + spread * unit(dice.standard_normal(dimension)))
                for _ in range(dice.integers(1, 4))
            ],
        )
        for number in range(size)
    ]


seeds = st.integers(0, 2**32 - 1)
crowds = st.builds(
    crowd,
    seeds,
    st.integers(1, 80),
    dimension=st.sampled_from([16, 64, 128]),
    spread=st.sampled_from([0.0, 1e-7, 1e-6, 1e-3, 0.3, 10.0]),
)


def probe_for(people: People, seed: int) -> Vector:
    """Return a probe that is somebody's own, near somebody, or nobody's."""
    dice = np.random.default_rng(seed)
    somebody = people[dice.integers(len(people))][1][0]
    noise = unit(dice.standard_normal(len(somebody)))
    return somebody if seed % 5 == 0 else unit(somebody + dice.choice([1e-6, 0.5, 20.0]) * noise)


@given(crowds, seeds)
def test_the_answer_is_that_of_plain_float64(people: People, seed: int) -> None:
    probe = probe_for(people, seed)
    scores, best, lead = by_plain_numpy(probe, people)
    (found,) = nearest_to(probe[np.newaxis], gallery_in_order(people))
    assert found.score == pytest.approx(best, abs=1e-5)
    assert found.margin == (None if lead is None else pytest.approx(lead, abs=1e-5))
    assert scores[found.employee] == pytest.approx(best, abs=1e-6)
    if lead is not None and lead > 1e-6:
        assert found.employee == max(scores, key=lambda employee: scores[employee])


@given(crowds, seeds, st.randoms(use_true_random=False))
def test_where_people_lie_changes_not_even_a_bit(people: People, seed: int, shuffled: object) -> None:
    probe = probe_for(people, seed)
    there = list(people)
    shuffled.shuffle(there)  # type: ignore[attr-defined]
    (here,) = nearest_to(probe[np.newaxis], gallery_in_order(people))
    (moved,) = nearest_to(probe[np.newaxis], gallery_in_order(there))
    assert (here.score, here.margin) == (moved.score, moved.margin)
    if here.margin != 0:
        assert here.employee == moved.employee


@given(crowds, st.lists(seeds, min_size=1, max_size=15))
def test_probes_together_say_what_each_says_alone(people: People, chosen: list[int]) -> None:
    gallery = gallery_in_order(people)
    probes = np.stack([probe_for(people, seed) for seed in chosen])
    assert nearest_to(probes, gallery) == [nearest_to(probe[np.newaxis], gallery)[0] for probe in probes]


@given(st.integers(0, 100), st.integers(0, 100), seeds)
def test_people_exactly_alike_lead_by_nothing_wherever_they_lie(one: int, two: int, seed: int) -> None:
    double = looks(500)
    vectors = {number: looks(number) for number in range(102)} | {one: double, two + (one == two): double}
    gallery = gallery_in_order([(str(number), [vector]) for number, vector in vectors.items()])
    noise = np.random.default_rng(seed).standard_normal(DIMENSION)
    (found,) = nearest_to(unit(double + 0.02 * noise)[np.newaxis], gallery)
    assert found.margin == 0


def test_twenty_thousand_people_are_searched_as_plain_numpy_would() -> None:
    seed = 20260302
    print("seed", seed)
    dice = np.random.default_rng(seed)
    faces = dice.standard_normal((20_000, 32)).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    gallery = gallery_in_order([(str(number), [face]) for number, face in enumerate(faces)])
    probes = faces[dice.integers(20_000, size=40)] + 0.1 * dice.standard_normal((40, 32)).astype(np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    scores = faces.astype(np.float64) @ probes.astype(np.float64).T
    ranked = np.sort(scores, axis=0)
    for found, column, sorted_ in zip(nearest_to(probes, gallery), scores.T, ranked.T, strict=True):
        assert found.employee == str(column.argmax())
        assert found.score == pytest.approx(sorted_[-1], abs=1e-6)
        assert found.margin == pytest.approx(sorted_[-1] - sorted_[-2], abs=1e-6)


def test_where_everybody_looks_the_same_nobody_leads() -> None:
    people = [(str(number), [looks(1)]) for number in range(search._ROWS_A_PART + 100)]
    (found,) = nearest_to(looks(1)[np.newaxis], gallery_in_order(people))
    assert found.score == pytest.approx(1, abs=1e-6)
    assert found.margin == 0


def test_what_rounding_put_too_low_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass may be wrong by what float32 loses, and then takes the third for the runner-up."""
    near = [("b", [like(1, 0.8 + 4e-6, other=6)]), ("c", [like(1, 0.8, other=5)])]
    gallery = gallery_in_order([("a", [like(1, 0.9, other=7)]), *near])
    plain = search._rough

    def worst(probes: NDArray[np.float32], gallery: Gallery) -> NDArray[np.float32]:
        return plain(probes, gallery) + np.array([0, -3.5e-6, 3.5e-6], np.float32)  # of 64 values: 3.8e-6 at most

    monkeypatch.setattr(search, "_rough", worst)
    (found,) = nearest_to(looks(1)[np.newaxis], gallery)
    assert found.employee == "a"
    assert found.margin == pytest.approx(0.1 - 4e-6, abs=1e-6)


@pytest.mark.parametrize("rows", [BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 5 * BLOCK_ROWS])
def test_the_empty_places_of_the_last_block_are_nobody(rows: int) -> None:
    """A probe opposite to everybody scores below 0, which is what an empty place would score."""
    people = [(str(number), [unit(looks(1) + 0.1 * looks(number))]) for number in range(2, rows + 2)]
    (found,) = nearest_to(-looks(1)[np.newaxis], gallery_in_order(people))
    assert found.score < -0.9
    assert found.margin is not None
    assert found.margin < 0.1


def test_several_templates_of_one_person_are_no_rivals() -> None:
    gallery = gallery_in_order([("a", [looks(1), looks(1), like(1, 0.97, other=5)]), ("b", [looks(2)])])
    (found,) = nearest_to(looks(1)[np.newaxis], gallery)
    assert found.employee == "a"
    assert found.margin is not None
    assert found.margin > 0.5


@pytest.mark.parametrize("templates", [1, 3, 40])
def test_one_person_alone_has_no_runner_up(templates: int) -> None:
    gallery = gallery_in_order([("a", [looks(2)] * (templates - 1) + [looks(1)])])
    assert nearest_to(looks(1)[np.newaxis], gallery) == [
        Nearest(employee="a", score=pytest.approx(1, abs=1e-6), margin=None)
    ]


def test_an_empty_gallery_and_no_probes_have_no_answer() -> None:
    assert nearest_to(looks(1)[np.newaxis], Gallery.empty(ENGINE_ID)) == []
    assert nearest_to(np.zeros((0, DIMENSION), np.float32), CROWD) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_one_bad_probe_among_several_is_refused(bad: float, place: int) -> None:
    probes = np.stack([looks(1), looks(2), looks(3)])
    probes[place, 7] = bad
    with pytest.raises(ProbeRefused, match="finite"):
        nearest_to(probes, CROWD)


@pytest.mark.parametrize("factor", [0.0, 0.99, 1.01])
def test_a_probe_that_is_not_of_unit_norm_is_refused(factor: float) -> None:
    with pytest.raises(ProbeRefused, match="norm"):
        nearest_to(factor * looks(1)[np.newaxis], CROWD)


@pytest.mark.parametrize("dimension", [DIMENSION // 2, DIMENSION * 2])
def test_a_probe_of_another_dimension_is_refused(dimension: int) -> None:
    probe = np.zeros((1, dimension), np.float32)
    probe[0, 0] = 1
    with pytest.raises(ProbeRefused, match=f"templates {DIMENSION}"):
        nearest_to(probe, CROWD)


def test_a_search_leaves_gallery_and_probes_as_they_were() -> None:
    probes = np.stack([looks(3), looks(4)])
    before = (probes.copy(), CROWD.matrix)
    nearest_to(probes, CROWD)
    np.testing.assert_array_equal(probes, before[0])
    np.testing.assert_array_equal(CROWD.matrix, before[1])
