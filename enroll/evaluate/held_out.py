"""*Pure*: is what a calibration foretells true of people it has not seen? Half of the people tell the other half's.

The thresholds come from the comparisons of one half alone, just as a calibration's do; strangers of the other half are
then searched in every gallery of N that their half could make (see identification.hit_chances). Galleries are of all
groups, whose people resemble each other less than those of one: so fewer than foretold should be found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.calibrate import FOLLOWED, impostor_comparisons, strata_of, thresholds
from enroll.evaluate.identification import hit_chances
from enroll.evaluate.tail import fit_tail, resampled_tails
from enroll.evaluate.trials import Trials
from terminal.matching import Policy, Step

GALLERIES = (50, 100, 190)
FPIRS = (0.05, 0.01, 0.001)
SPLITS = 20
_REPLICATES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """Galleries of `templates`: FPIR `wanted` of the thresholds, and what it was of people they were not made from, in
    the mean and at worst over the splits; `by_fit` with the fit's own thresholds instead of their bounds."""

    templates: int
    wanted: float
    observed: float
    worst: float
    by_fit: float


def foretell(trials: Trials, *, splits: int = SPLITS, seed: int = 1) -> tuple[Foretold, ...]:
    """Return how far thresholds of random halves of the people hold for the other halves. Raises TooFewScores."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, float], list[tuple[float, float]]] = {}
    for _ in range(splits):
        told = _half(strata_of(trials), rng)
        told_by = impostor_comparisons(trials, people=told)
        tail = fit_tail(told_by)
        strata = [name if there else "" for name, there in zip(strata_of(trials), told, strict=True)]
        tails = list(resampled_tails(told_by, strata, replicates=_REPLICATES, seed=seed))
        rows = thresholds(tail, tails, least=1 / (FOLLOWED * told_by.pairs))
        bound = tuple(Step(fmr=fmr, threshold=threshold) for fmr, _, threshold in rows)
        fit = tuple(Step(fmr=fmr, threshold=estimate) for fmr, estimate, _ in rows)
        for templates in GALLERIES:
            for wanted in FPIRS:
                found.setdefault((templates, wanted), []).append(
                    (
                        _fpir(trials, ~told, _threshold(bound, wanted, templates), templates),
                        _fpir(trials, ~told, _threshold(fit, wanted, templates), templates),
                    )
                )
    return tuple(
        Foretold(
            templates=templates,
            wanted=wanted,
            observed=float(np.mean([bound for bound, _ in each])),
            worst=max(bound for bound, _ in each),
            by_fit=float(np.mean([fit for _, fit in each])),
        )
        for (templates, wanted), each in found.items()
    )


def _threshold(steps: tuple[Step, ...], fpir: float, templates: int) -> float:
    return Policy(threshold=0, margin=0, fpir=fpir, steps=steps).threshold_for(templates)


def _half(strata: Sequence[str], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return half of the people, half of each stratum."""
    chosen = np.zeros(len(strata), np.bool_)
    for name in sorted(set(strata)):
        places = rng.permutation([place for place, stratum in enumerate(strata) if stratum == name])
        chosen[places[: (len(places) + int(rng.integers(2))) // 2]] = True
    return chosen


def _fpir(trials: Trials, people: NDArray[np.bool_], threshold: float, templates: int) -> float:
    """Return how many searches by these people find somebody else of them, in galleries of so many."""
    scores = trials.scores[people[trials.owners]][:, people & trials.known]
    there = np.isfinite(scores).sum(axis=1)
    alike = (np.where(np.isfinite(scores), scores, -1.0) >= threshold).sum(axis=1)
    chances = hit_chances(marked=int(alike.max()), populations=there.tolist(), drawn=templates)
    return float(chances[np.arange(len(alike)), alike].mean())
