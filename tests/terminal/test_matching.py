"""Open-set identification: a person, nobody, or two people too alike, by a policy that is a value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.faces import Encoding, Vector
from terminal.gallery import Gallery
from terminal.matching import Outcome, Policy, identify
from terminal.search import ProbeRefused
from tests.terminal.stage import DIMENSION, ENGINE_ID, gallery_in_order, gallery_of, like, looks

POLICY = Policy(threshold=0.5, margin=0.1)
CROWD = gallery_of(*range(1, 30))


def unit(seed: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_somebody_like_enough_is_named_with_score_and_lead() -> None:
    found = identify(like(7, 0.8, other=99), CROWD, POLICY)
    assert (found.outcome, found.employee) == (Outcome.MATCH, "7")
    assert found.score == pytest.approx(0.8, abs=1e-3)
    assert found.margin is not None
    assert found.margin > 0.1
    assert (found.threshold, found.gallery_size) == (0.5, 29)


def test_a_stranger_is_nobody_and_no_number_is_given() -> None:
    found = identify(looks(99), CROWD, POLICY)
    assert (found.outcome, found.employee) == (Outcome.NO_MATCH, None)
    assert found.score is not None
    assert found.score < 0.5


def test_two_people_alike_are_ambiguous_and_neither_is_named() -> None:
    twins = gallery_of(1, 2, twin=(3, like(1, 0.95, other=50)))
    found = identify(looks(1), twins, POLICY)
    assert (found.outcome, found.employee) == (Outcome.AMBIGUOUS, None)
    assert found.margin == pytest.approx(0.05, abs=1e-3)


def test_people_exactly_alike_are_ambiguous_even_without_a_margin() -> None:
    doubles = gallery_in_order([("a", [looks(1)]), ("b", [looks(1)])])
    assert identify(looks(1), doubles, Policy(threshold=0.5, margin=0)).outcome is Outcome.AMBIGUOUS


def test_several_templates_of_one_person_are_no_rivals() -> None:
    gallery = gallery_in_order([("a", [looks(1), like(1, 0.97, other=5)]), ("b", [looks(2)])])
    found = identify(looks(1), gallery, POLICY)
    assert found.employee == "a"
    assert found.gallery_size == 2


def test_one_person_alone_has_no_runner_up() -> None:
    found = identify(looks(1), gallery_of(1), POLICY)
    assert (found.employee, found.margin) == ("1", None)


def test_an_empty_gallery_knows_nobody() -> None:
    found = identify(looks(1), Gallery.empty(ENGINE_ID), POLICY)
    assert (found.outcome, found.score, found.margin, found.gallery_size) == (Outcome.NO_MATCH, None, None, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_probe_that_is_not_finite_is_refused(bad: float) -> None:
    probe = looks(1).copy()
    probe[3] = bad
    with pytest.raises(ProbeRefused, match="finite"):
        identify(probe, CROWD, POLICY)


def test_a_probe_that_is_not_of_unit_norm_is_refused() -> None:
    with pytest.raises(ProbeRefused, match="norm"):
        identify(np.zeros(DIMENSION, np.float32), CROWD, POLICY)


def test_a_probe_of_another_dimension_is_refused() -> None:
    probe = np.zeros(DIMENSION * 2, np.float32)
    probe[0] = 1
    with pytest.raises(ProbeRefused, match="128 values"):
        identify(probe, CROWD, POLICY)


def test_encodings_of_two_engines_are_never_compared() -> None:
    assert identify(Encoding(vector=looks(1), engine_id=ENGINE_ID), CROWD, POLICY).employee == "1"
    with pytest.raises(ProbeRefused, match="another"):
        identify(Encoding(vector=looks(1), engine_id="another"), CROWD, POLICY)


crowds = st.integers(1, 12).flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.integers(1, 3), min_size=size, max_size=size), st.permutations(list(range(size)))
    )
)
scores = st.floats(-1, 1)


@given(crowds, st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 0.5))
def test_the_order_of_the_gallery_changes_nothing(
    crowd: tuple[int, list[int], list[int]], seed: int, threshold: float, margin: float
) -> None:
    size, counts, order = crowd
    people = [(f"p{n}", [unit(100 * n + k) for k in range(counts[n])]) for n in range(size)]
    probe = unit(seed)
    here = identify(probe, gallery_in_order(people), Policy(threshold=threshold, margin=margin))
    there = identify(probe, gallery_in_order([people[n] for n in order]), Policy(threshold=threshold, margin=margin))
    assert here.score == pytest.approx(there.score, abs=1e-6)
    assert here.gallery_size == there.gallery_size
    near_a_limit = abs((here.score or 0) - threshold) < 1e-5 or abs((here.margin or 0) - margin) < 1e-5
    if not near_a_limit:
        assert (here.outcome, here.employee) == (there.outcome, there.employee)


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), scores, st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_a_higher_threshold_never_makes_a_match(
    seed: int, who: int, score: float, one: float, two: float, margin: float
) -> None:
    probe = like(who, score, other=1000 + seed % 1000)
    low, high = sorted((one, two))
    strict = identify(probe, CROWD, Policy(threshold=high, margin=margin))
    lenient = identify(probe, CROWD, Policy(threshold=low, margin=margin))
    if strict.outcome is Outcome.MATCH:
        assert (lenient.outcome, lenient.employee) == (Outcome.MATCH, strict.employee)
    if lenient.outcome is Outcome.NO_MATCH:
        assert strict.outcome is Outcome.NO_MATCH


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_margin_only_turns_matches_into_ambiguity(seed: int, one: float, two: float) -> None:
    low, high = sorted((one, two))
    strict = identify(unit(seed), CROWD, Policy(threshold=0, margin=high))
    lenient = identify(unit(seed), CROWD, Policy(threshold=0, margin=low))
    assert (strict.outcome, lenient.outcome) != (Outcome.MATCH, Outcome.AMBIGUOUS)
    assert (strict.score, strict.margin) == (lenient.score, lenient.margin)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_the_margin_is_the_same_whichever_of_two_leads(probe: int, one: int, two: int) -> None:
    here = identify(
        unit(probe), gallery_in_order([("a", [unit(one)]), ("b", [unit(two)])]), Policy(threshold=0, margin=0)
    )
    there = identify(
        unit(probe), gallery_in_order([("a", [unit(two)]), ("b", [unit(one)])]), Policy(threshold=0, margin=0)
    )
    assert here.margin is not None
    assert here.margin == pytest.approx(there.margin, abs=1e-6)
    assert here.margin >= 0
    if here.margin > 1e-5 and here.outcome is Outcome.MATCH:
        assert there.employee == {"a": "b", "b": "a"}[here.employee or ""]
