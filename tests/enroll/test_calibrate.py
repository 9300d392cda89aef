"""From comparisons to thresholds: the fitted tail, and whether strangers are kept out as asked (F1)."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import config
from enroll.evaluate.calibrate import impostor_comparisons, make_calibration, thresholds
from enroll.evaluate.calibration_file import as_text, writer
from enroll.evaluate.evaluation import Wish, run
from enroll.evaluate.held_out import foretell
from enroll.evaluate.tail import Tail, TooFewScores, comparisons, fit_tail, resampled_tails
from enroll.evaluate.trials import Counts, Trials
from terminal.calibration import Calibration, Dataset, file_for, read_calibration
from terminal.faces import engine_id_of
from terminal.matching import Policy, Step

SEED = 20260302
DIMENSION = 32
NOTHING = Dataset(name="synthetic", sha256="0" * 64, photos=0, people=0, enrolled=0, strangers=0)


def faces(people: int, photos: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (people, photos, DIMENSION): photographs of one person score about 0.8, of two about 0."""
    own = rng.standard_normal((people, 1, DIMENSION))
    own /= np.linalg.norm(own, axis=-1, keepdims=True)
    apart = rng.standard_normal((people, photos, DIMENSION))
    apart /= np.linalg.norm(apart, axis=-1, keepdims=True)
    whole = own + 0.5 * apart
    return np.asarray(whole / np.linalg.norm(whole, axis=-1, keepdims=True), np.float32)


def trials_of(people: int = 200, *, seed: int = SEED, groups: int = 1) -> Trials:
    """Return the trials of people who do not exist: three photographs to enrol, two to recognise."""
    photos = faces(people, 5, np.random.default_rng(seed))
    templates = photos[:, :3].mean(axis=1)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    probes, owners = photos[:, 3:].reshape(-1, DIMENSION), np.repeat(np.arange(people), 2)
    scores = probes @ templates.T
    scores[np.arange(len(owners)), owners] = np.nan
    everybody = np.ones(people, np.bool_)
    return Trials(
        samples=3,
        identities=tuple(f"p{place:04}" for place in range(people)),
        groups=tuple(f"g{place % groups}" for place in range(people)),
        scores=scores,
        genuine=np.einsum("ij,ij->i", probes, templates[owners]),
        owners=owners,
        enrolled=everybody,
        known=everybody,
        templates=templates,
        failures=np.zeros((2, people), np.int64),
        attempts=np.ones((2, people), np.int64),
        counts=Counts(
            people=people, photos=5 * people, enrolled=people, strangers=0, borrowed=0, left_out=0, refused=0
        ),
    )


def calibration_by(trials: Trials, *, replicates: int = 60) -> Calibration:
    return make_calibration(
        trials, engine_id="synthetic", dataset=NOTHING, made_on="2026-03-02", replicates=replicates, seed=SEED
    )


@pytest.fixture(scope="module")
def made() -> Calibration:
    return calibration_by(trials_of())


@pytest.mark.parametrize(("shape", "scale"), [(-0.3, 0.05), (-0.1, 0.03), (0.0, 0.03)])
def test_a_known_tail_is_found_again(shape: float, scale: float) -> None:
    """Drawn from the very distribution: its parameters come back, and so do rates a thousand times rarer."""
    true = Tail(start=0.3, share=0.02, scale=scale, shape=shape)
    chances = np.random.default_rng(SEED).uniform(0, 1, 400_000)
    scores = np.array([true.score_at(chance) if chance < 0.02 else 0.0 for chance in chances])
    people = np.random.default_rng(SEED).integers(0, 100, len(scores))
    found = fit_tail(comparisons(scores, people, (people + 1) % 100, people=100))
    assert found.shape == pytest.approx(shape, abs=0.06)
    assert found.scale == pytest.approx(scale + shape * (found.start - 0.3), rel=0.08)
    for rate in (1e-3, 1e-4, 1e-5):
        assert found.score_at(rate) == pytest.approx(true.score_at(rate), abs=0.012)
        assert true.rate_at(true.score_at(rate)) == pytest.approx(rate)


def test_a_cosine_ends_at_one_so_no_tail_is_heavier_than_the_exponential() -> None:
    heavy = 0.3 + 0.01 * np.random.default_rng(SEED).pareto(3, 50_000)
    people = np.arange(50_000) % 300
    assert fit_tail(comparisons(heavy, people, (people + 1) % 300, people=300)).shape == 0.0


def test_a_person_drawn_twice_counts_twice_and_one_not_drawn_not_at_all() -> None:
    scores = np.random.default_rng(SEED).normal(0, 0.1, 40_000)
    first = np.arange(40_000) % 200
    second = (first + 1 + np.arange(40_000) // 200 % 50) % 200
    found = comparisons(scores, first, second, people=200)
    weights = np.where(np.arange(200) < 100, 2, 0)
    there = (first < 100) & (second < 100)
    alone = fit_tail(comparisons(scores[there], first[there], second[there], people=200), share=0.02)
    doubled = fit_tail(found, weights=weights, share=0.02)
    assert (doubled.start, doubled.scale, doubled.shape) == pytest.approx((alone.start, alone.scale, alone.shape), 0.02)


def test_too_few_comparisons_are_said_to_be_too_few() -> None:
    with pytest.raises(TooFewScores, match="10000 are needed"):
        fit_tail(comparisons([0.1] * 500, [0] * 500, [1] * 500, people=2))
    with pytest.raises(TooFewScores):
        calibration_by(trials_of(20))


@given(
    shapes=st.lists(st.floats(-0.9, 0), min_size=3, max_size=8), least=st.floats(1e-9, 9e-3), start=st.floats(-0.5, 0.9)
)
def test_thresholds_rise_as_false_matches_get_rarer(shapes: list[float], least: float, start: float) -> None:
    tails = [Tail(start=start, share=0.01, scale=0.04, shape=shape) for shape in shapes]
    rows = thresholds(tails[0], tails, least=least)
    assert [fmr for fmr, _, _ in rows] == sorted((fmr for fmr, _, _ in rows), reverse=True)
    assert [threshold for _, _, threshold in rows] == sorted(threshold for _, _, threshold in rows)
    assert all(fmr >= least and threshold >= estimate - 1e-9 for fmr, estimate, threshold in rows)


def test_only_people_of_one_group_are_compared() -> None:
    trials = trials_of(60, groups=3)
    found = impostor_comparisons(trials)
    assert found.count == 60 * 2 * 19
    assert found.pairs == 3 * 20 * 19 // 2
    assert all(first % 3 == second % 3 for first, second in zip(found.first, found.second, strict=True))


@pytest.mark.parametrize("gallery", [50, 200, 500, 2000])
def test_strangers_are_kept_out_of_galleries_of_any_size(made: Calibration, gallery: int) -> None:
    """F1 on synthetic vectors: people the calibration has never seen, and FPIR asked of galleries they are not in."""
    for asked in (0.02, 0.005):
        policy = Policy(
            threshold=0, margin=0, fpir=asked, steps=tuple(Step(fmr=r.fmr, threshold=r.threshold) for r in made.rows)
        )
        rng = np.random.default_rng(SEED + gallery)
        photos = faces(gallery, 3, rng)
        templates = photos.mean(axis=1)
        templates /= np.linalg.norm(templates, axis=1, keepdims=True)
        strangers = faces(3000, 1, rng)[:, 0]
        found = float(((strangers @ templates.T).max(axis=1) >= policy.threshold_for(gallery)).mean())
        assert found <= 1.5 * asked, (SEED, gallery, asked, found)


def test_a_calibration_is_the_same_every_time_and_larger_galleries_ask_for_more(made: Calibration) -> None:
    assert as_text(calibration_by(trials_of())) == as_text(made)
    sizes = [size.templates for size in made.sizes]
    asked = [size.threshold for size in made.sizes]
    assert sizes == sorted(sizes)
    assert asked == sorted(asked)
    assert all(size.fnmr <= 0.2 for size in made.sizes[:1])
    assert made.comparisons.pairs == 200 * 199 // 2
    assert made.rows[-1].fmr >= 1 / (100 * made.comparisons.pairs)


def test_two_names_of_one_person_raise_the_thresholds_and_are_never_left_out_silently() -> None:
    """What aliases are for: a person under two names is a false match with a score of one person."""
    clean = trials_of()
    scores = clean.scores.copy()
    for one, other in ((0, 1), (2, 3)):
        for mine, theirs in ((one, other), (other, one)):
            scores[clean.owners == mine, theirs] = clean.genuine[clean.owners == mine]
    wrong = calibration_by(replace(clean, scores=scores))
    right = calibration_by(clean)
    assert wrong.sizes[0].threshold > right.sizes[0].threshold


def test_thresholds_of_half_of_the_people_hold_for_the_other_half() -> None:
    told = foretell(trials_of(300), splits=3, seed=SEED)
    assert [(each.templates, each.wanted) for each in told[:3]] == [(50, 0.05), (50, 0.01), (50, 0.001)]
    for each in told:
        if each.templates <= 149:
            assert each.observed <= 1.5 * each.wanted, (SEED, each)


def test_resamplings_differ_and_the_bound_is_above_the_fit(made: Calibration) -> None:
    found = impostor_comparisons(trials_of())
    tails = list(resampled_tails(found, ["a"] * 200, replicates=10, seed=SEED))
    assert len({tail.scale for tail in tails}) == 10
    late = made.rows[-1]
    assert late.threshold > late.estimate


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.bench_data
def test_the_shipped_calibration_is_what_the_command_makes_of_the_bench(bench_data: Path, tmp_path: Path) -> None:
    """Byte for byte, but for the day it was made on."""
    settings = config.load(Path(__file__).resolve().parents[2] / "config.yaml")
    shipped = file_for(engine_id_of(settings.engine))
    dataset = read_calibration(shipped).dataset
    aliases = tmp_path / "aliases.csv"
    aliases.write_text("identity,same_as\n" + "".join(f"{one},{other}\n" for one, other in dataset.aliases))
    wish = Wish(folder=bench_data, samples=(3,), aliases=aliases)
    run(settings, wish, calibrate=writer(wish, tmp_path / "again.json"))
    day = re.compile(rb'"made_on": "[0-9-]{10}"')
    assert day.sub(b"", (tmp_path / "again.json").read_bytes()) == day.sub(b"", shipped.read_bytes())
