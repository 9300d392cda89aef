"""Error rates, thresholds and intervals: hand-counted small cases, and what must hold for every case."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enroll.evaluate.bootstrap import interval, intervals, resampled
from enroll.evaluate.identification import fnir, fpir_curve, hit_chances, mates_found_first, searches
from enroll.evaluate.metrics import (
    Genuine,
    fmr_curve,
    fnmr,
    impostors,
    resolved,
    shares_at,
    threshold_for,
    weighted_share,
)

NAN = np.nan
# Four people; probes of 0, 1, 2 and two of the stranger 3, with templates of 0, 1, 2.
OWNERS = np.array([0, 1, 2, 3, 3])
SCORES = np.array(
    [
        [NAN, 0.10, 0.20, NAN],
        [0.30, NAN, 0.40, NAN],
        [0.05, 0.50, NAN, NAN],
        [0.15, 0.25, 0.35, NAN],
        [0.45, 0.55, 0.60, NAN],
    ],
    np.float32,
)
GENUINE = Genuine(scores=np.array([0.9, 0.35, 0.52]), owners=np.array([0, 1, 2]))
ENROLLED = np.array([True, True, True, False])
ONCE = np.ones(4, np.int64)
EVERYBODY = np.ones(5, np.bool_)


def all_impostors(share: float = 1.0):
    return impostors(SCORES, OWNERS, probes=EVERYBODY, templates=ENROLLED, share=share)


def test_false_matches_are_counted_as_by_hand() -> None:
    found = all_impostors()
    assert found.count == 12
    curve = fmr_curve(found, ONCE)
    assert found.scores == pytest.approx([0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05])
    assert curve == pytest.approx(np.arange(1, 13) / 12)
    assert shares_at(np.array([0.7, 0.5, 0.0]), found.scores, curve) == pytest.approx([0, 3 / 12, 1])


def test_the_threshold_lets_no_more_pass_than_the_rate_allows() -> None:
    found, curve = all_impostors(), fmr_curve(all_impostors(), ONCE)
    two_of_twelve = threshold_for(2 / 12, found.scores, curve)
    assert float(np.float32(0.5)) < two_of_twelve < 0.51  # just above the third: 0.60 and 0.55 pass
    assert fnmr(GENUINE, two_of_twelve, ONCE) == pytest.approx(1 / 3)
    assert threshold_for(0.01, found.scores, curve) > 0.6  # less than one in twelve: none may pass
    assert not resolved(0.01, curve)
    assert resolved(1 / 12, curve)


def test_equal_scores_pass_together_or_not_at_all() -> None:
    falling, curve = np.array([0.8, 0.6, 0.6, 0.4]), np.array([0.25, 0.5, 0.75, 1.0])
    assert 0.6 < threshold_for(0.5, falling, curve) < 0.8


def test_somebody_drawn_twice_counts_twice_and_somebody_not_drawn_is_not_there() -> None:
    weights = np.array([2, 0, 1, 1])
    found = all_impostors()
    # Probes of 0 (twice), 2, 3, 3 with templates of 0 (twice) and 2: 2 + 2 + 3 + 3.
    assert found.total(weights) == 10
    curve = fmr_curve(found, weights)
    # Only 3's second probe with 2 and, twice, with 0 reach 0.44.
    assert shares_at(np.array([0.44]), found.scores, curve) == pytest.approx([3 / 10])
    assert fnmr(GENUINE, 0.6, weights) == pytest.approx(1 / 3)


def test_pairs_that_are_left_out_are_no_comparisons() -> None:
    scores = SCORES.copy()
    scores[4, 2] = NAN
    found = impostors(scores, OWNERS, probes=EVERYBODY, templates=ENROLLED)
    assert (found.count, found.total(ONCE), found.scores[0]) == (11, 11, pytest.approx(0.55))


def test_keeping_only_the_highest_changes_no_threshold() -> None:
    whole, part = all_impostors(), all_impostors(share=0.3)
    assert len(part.scores) == 4
    assert part.total(ONCE) == whole.total(ONCE) == 12
    for rate in (0.09, 0.2, 0.25):
        assert threshold_for(rate, part.scores, fmr_curve(part, ONCE), floor=part.floor) == pytest.approx(
            threshold_for(rate, whole.scores, fmr_curve(whole, ONCE))
        )


def test_failures_are_a_share_of_the_attempts_and_nothing_of_none() -> None:
    assert weighted_share(np.array([1, 0]), np.array([2, 2]), np.array([1, 1])) == 0.25
    assert weighted_share(np.array([0]), np.array([0]), np.array([1])) is None


def test_the_chance_to_draw_a_marked_person_is_the_urns() -> None:
    chances = hit_chances(marked=3, populations=(10, 4), drawn=2)
    assert chances[0] == pytest.approx([0, 1 / 5, 1 - 28 / 45, 1 - 21 / 45])
    assert chances[1] == pytest.approx([0, 1 / 2, 1 - 1 / 6, 1])
    assert hit_chances(marked=1, populations=(5,), drawn=9)[0] == pytest.approx([0, 1])


def found_searches(scores: np.ndarray = SCORES):
    known = ENROLLED
    mated = np.array([0, 1, 2])
    return searches(
        impostors(scores, OWNERS, probes=EVERYBODY, templates=known),
        GENUINE,
        scores[mated],
    )


def test_fpir_and_fnir_are_counted_as_by_hand_over_every_gallery() -> None:
    found = found_searches()
    falling = found.strangers.scores
    # At 0.44: probe 2 scores 0.5 with 1 of its two others; the second probe of 3 reaches all three.
    at = shares_at(np.array([0.44]), falling, fpir_curve(found, ONCE, gallery=1))[0]
    assert at == pytest.approx((1 / 2 + 3 / 3) / 5)
    # Galleries of two people: probe 2 has both of its others in it.
    at = shares_at(np.array([0.44]), falling, fpir_curve(found, ONCE, gallery=2))[0]
    assert at == pytest.approx((1 + 1) / 5)
    # At 0.56 the second probe of 3 reaches one of the three people it can be searched among.
    at = shares_at(np.array([0.56]), falling, fpir_curve(found, ONCE, gallery=2))[0]
    assert at == pytest.approx((2 / 3) / 5)
    first = mates_found_first(found, ONCE, gallery=3)
    # 1's own 0.35 is below 0.40 with 2; 0 and 2 are best.
    assert first == pytest.approx([1, 0, 1])
    assert mates_found_first(found, ONCE, gallery=2) == pytest.approx([1, 1 / 2, 1])
    assert fnir(GENUINE, first, 0.6, ONCE) == pytest.approx(2 / 3)


def test_beyond_the_data_the_others_match_at_the_average_rate() -> None:
    among = impostors(SCORES, OWNERS, probes=OWNERS < 3, templates=ENROLLED)  # everybody who searches is in it
    found = searches(among, GENUINE, SCORES[:3])
    within, beyond = (fpir_curve(found, ONCE, gallery=size) for size in (2, 7))
    rates = fmr_curve(found.strangers, ONCE)
    assert beyond == pytest.approx(1 - (1 - within) * (1 - rates) ** 5)


rates = st.floats(0.0, 1.0)
tables = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


def drawn(rng: np.random.Generator, people: int = 7, probes: int = 12):
    owners = rng.integers(0, people, probes)
    scores = rng.normal(0, 0.3, (probes, people)).astype(np.float32)
    scores[np.arange(probes), owners] = NAN
    enrolled = rng.random(people) < 0.8
    enrolled[:2] = True
    return owners, scores, enrolled


@settings(deadline=None)
@given(tables, rates, rates)
def test_fnmr_never_falls_and_fmr_never_rises_with_the_threshold(
    rng: np.random.Generator, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    owners, scores, enrolled = drawn(rng)
    genuine = Genuine(scores=rng.normal(0.5, 0.3, 9), owners=rng.integers(0, 7, 9))
    weights = rng.integers(0, 3, 7)
    if weights[genuine.owners].sum():
        assert fnmr(genuine, low, weights) <= fnmr(genuine, high, weights)
    found = impostors(scores, owners, probes=np.ones(12, np.bool_), templates=enrolled)
    shares = shares_at(np.array([low, high]), found.scores, fmr_curve(found, weights))
    assert shares[0] >= shares[1]


@settings(deadline=None)
@given(tables, rates)
def test_no_more_than_the_rate_ever_passes_its_threshold(rng: np.random.Generator, rate: float) -> None:
    owners, scores, enrolled = drawn(rng)
    weights = rng.integers(0, 3, 7)
    found = impostors(scores, owners, probes=np.ones(12, np.bool_), templates=enrolled)
    curve = fmr_curve(found, weights)
    threshold = threshold_for(rate, found.scores, curve, floor=found.floor)
    if rate < 1:
        assert shares_at(np.array([threshold]), found.scores, curve)[0] <= rate + 1e-6


@settings(deadline=None)
@given(tables)
def test_fpir_and_fnir_never_fall_with_the_gallery(rng: np.random.Generator) -> None:
    owners, scores, enrolled = drawn(rng)
    weights = rng.integers(0, 3, 7)
    mated = np.flatnonzero(enrolled[owners])
    genuine = Genuine(scores=rng.normal(0.5, 0.3, len(mated)), owners=owners[mated])
    there = np.where(enrolled[None, :], scores, NAN)
    found = searches(impostors(scores, owners, probes=np.ones(12, np.bool_), templates=enrolled), genuine, there[mated])
    sizes = (1, 2, 3, 5, 8, 50, 2000)
    curves = [fpir_curve(found, weights, gallery=size) for size in sizes]
    firsts = [mates_found_first(found, weights, gallery=size) for size in sizes]
    for smaller, larger in itertools.pairwise(curves):
        assert (larger >= smaller - 1e-12).all()
    for curve in curves:
        assert (np.diff(curve) >= -1e-12).all()
        assert (curve <= 1 + 1e-12).all()
    for smaller, larger in itertools.pairwise(firsts):
        assert (larger <= smaller + 1e-12).all()


@settings(deadline=None)
@given(tables)
def test_the_order_of_the_people_changes_nothing(rng: np.random.Generator) -> None:
    owners, scores, enrolled = drawn(rng)
    order = rng.permutation(7)
    place = np.argsort(order)
    rows = rng.permutation(12)
    moved = impostors(
        scores[rows][:, order], place[owners[rows]], probes=np.ones(12, np.bool_), templates=enrolled[order]
    )
    found = impostors(scores, owners, probes=np.ones(12, np.bool_), templates=enrolled)
    weights = rng.integers(0, 3, 7)
    assert fmr_curve(moved, weights[order]) == pytest.approx(fmr_curve(found, weights))
    assert (moved.scores == found.scores).all()


def test_resampling_draws_as_many_of_each_kind_and_the_same_by_its_seed() -> None:
    strata = ["a"] * 5 + ["b"] * 3
    first, second, other = (list(resampled(strata, replicates=20, seed=seed)) for seed in (7, 7, 8))
    assert all((one == two).all() for one, two in zip(first, second, strict=True))
    assert any((one != two).any() for one, two in zip(first, other, strict=True))
    assert all((weights[:5].sum(), weights[5:].sum()) == (5, 3) for weights in first)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=40), st.integers(1, 400))
def test_an_interval_holds_the_figure_it_is_of(point: float, values: list[float], people: int) -> None:
    low, high = interval(point, values, rate_of=people)
    assert low <= point <= high


def test_no_error_among_n_people_gets_the_rule_of_three() -> None:
    assert interval(0.0, [0.0] * 50, rate_of=300) == (0.0, pytest.approx(3 / 300, rel=0.02))
    assert interval(1.0, [1.0] * 50, rate_of=300) == (pytest.approx(1 - 3 / 300, rel=0.02), 1.0)
    assert interval(0.0, [0.0] * 50) == (0.0, 0.0)


def test_intervals_are_of_the_middle_95_percent_and_pass_over_what_a_resampling_has_not() -> None:
    replicates = [{"a": value / 1000} for value in range(1001)] + [{}]
    assert intervals({"a": 0.5}, replicates, rates_of={}) == {"a": (pytest.approx(0.025), pytest.approx(0.975))}
