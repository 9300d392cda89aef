"""*Pure*: from measured comparisons to a calibration: the thresholds that keep strangers out, and how surely.

Only comparisons within a group count: an office is one population, and people of one resemble each other more than the
people of all of them do. FMR at a threshold is that of the fitted tail one standard error up, resampled by person.
The tail is followed to a hundredth of the rate that a single pair of people stands for, and no further.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.bootstrap import interval, resampled
from enroll.evaluate.tail import (
    TAIL_SHARE,
    Comparisons,
    Tail,
    TooFewScores,
    comparisons,
    fit_tail,
    resampled_tails,
)
from enroll.evaluate.trials import Trials
from terminal import calibration
from terminal.calibration import Calibration, Dataset, Desk, Row, Size, TailFit
from terminal.matching import Policy, Step

FPIR = 0.001
SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
SURE = 0.8413
"""One standard error above the fit, as a quantile. Of people it was not made from (held_out.py) the fit alone lets in
two to four times what was asked; with one error the mean over all splits stays below it, and every further one costs
people their recognition and gains nothing that was asked for."""
FOLLOWED = 100
"""How many times rarer than one pair of people a false match may be and still be foretold."""
ONE_IN = 3
"""With 95 % confidence a rate of 3/n would have shown itself among n pairs (the rule of three of ISO/IEC 19795-1)."""
_ROWS_A_DECADE = 20
_DECIMALS = 4
_LEADS_KEPT = 0.995
_MARGIN_AT = 200
"""The gallery whose threshold decides which answers the margin is measured on: as large as the bench's own."""
_SAME_PERSON_FMR = 1e-3


def make_calibration(
    trials: Trials, *, engine_id: str, dataset: Dataset, made_on: str, replicates: int, seed: int
) -> Calibration:
    """Return the engine's calibration by these trials. Raises TooFewScores.

    `dataset` says what they were made from, `made_on` is a date (ISO 8601).
    """
    found = impostor_comparisons(trials)
    strata = strata_of(trials)
    tail = fit_tail(found)
    tails = list(resampled_tails(found, strata, replicates=replicates, seed=seed))
    mates = np.isfinite(trials.genuine)
    if not mates.any():
        raise TooFewScores("nobody is enrolled and looked at again, so no misses can be counted")
    genuine = _Misses(trials.genuine[mates].astype(np.float64), trials.owners[mates], strata, replicates, seed)
    rows = tuple(genuine.row(*each) for each in thresholds(tail, tails, least=1 / (FOLLOWED * found.pairs)))
    policy = Policy(threshold=0, margin=0, fpir=FPIR, steps=tuple(Step(fmr=r.fmr, threshold=r.threshold) for r in rows))
    return Calibration(
        engine_id=engine_id,
        made_on=made_on,
        dataset=dataset,
        comparisons=calibration.Comparisons(
            impostor=found.count,
            pairs=found.pairs,
            genuine=int(mates.sum()),
            mates=len(set(trials.owners[mates].tolist())),
            samples=trials.samples,
        ),
        tail=TailFit(
            start=round(tail.start, 6),
            share=round(tail.share, 6),
            scale=round(tail.scale, 6),
            shape=round(tail.shape, 6),
            replicates=replicates,
            seed=seed,
        ),
        rows=rows,
        margin=margin_of(trials, policy),
        desk=desk_of(rows),
        fpir=FPIR,
        sizes=sizes_of(rows, policy, pairs=found.pairs),
    )


def impostor_comparisons(trials: Trials, *, people: NDArray[np.bool_] | None = None) -> Comparisons:
    """Return the comparisons within groups, of these people (P,) alone if they are given."""
    probe, second = np.nonzero(np.isfinite(trials.scores))
    first = trials.owners[probe]
    groups = np.unique(np.array(trials.groups), return_inverse=True)[1]
    wanted = groups[first] == groups[second]
    if people is not None:
        wanted &= people[first] & people[second]
    scores = trials.scores[probe[wanted], second[wanted]].astype(np.float64)
    return comparisons(scores, first[wanted], second[wanted], people=len(trials.identities))


def strata_of(trials: Trials) -> list[str]:
    """Return from which stratum each person is drawn anew: group, and whether they are enrolled."""
    return [
        f"{group}|{'enrolled' if enrolled else 'stranger'}"
        for group, enrolled in zip(trials.groups, trials.enrolled, strict=True)
    ]


def thresholds(tail: Tail, tails: Sequence[Tail], *, least: float) -> list[tuple[float, float, float]]:
    """Return (FMR, the fit's score, the threshold) by falling FMR, from 1 % down to no less than `least`.

    A threshold is the score that the share SURE of the resampled tails is below, and never under the one before it.
    """
    found: list[tuple[float, float, float]] = []
    before = -1.0
    for step in range(round(_ROWS_A_DECADE * math.log10(TAIL_SHARE / least)) + 1):
        fmr = float(f"{TAIL_SHARE * 10 ** (-step / _ROWS_A_DECADE):.4g}")
        if fmr < least:
            break
        estimate = tail.score_at(fmr)
        upper = max(estimate, float(np.quantile([each.score_at(fmr) for each in tails], SURE)) if tails else estimate)
        threshold = max(before, min(1.0, _up(upper)))
        found.append((fmr, min(1.0, round(estimate, _DECIMALS)), threshold))
        before = threshold
    return found


def margin_of(trials: Trials, policy: Policy) -> float:
    """Return half of the lead over the best rival that 99.5 % of the right answers have at least, in hundredths.

    Half, since leads shrink as galleries grow, and ordinary people are not to be asked for their PIN for that.
    """
    mates = np.flatnonzero(np.isfinite(trials.genuine))
    own = trials.genuine[mates]
    rivals = np.max(np.where(np.isfinite(trials.scores[mates]), trials.scores[mates], -1.0), axis=1)
    threshold = policy.threshold_for(min(_MARGIN_AT, policy.largest or _MARGIN_AT))
    leads = (own - rivals)[(own >= threshold) & (own > rivals)]
    if not len(leads):
        raise TooFewScores("nobody was recognised at all, so no margin can be told")
    return round(float(np.quantile(leads, 1 - _LEADS_KEPT)) / 2, 2)


def desk_of(rows: Sequence[Row]) -> Desk:
    """Return what the enrolment desk goes by: pictures of one person score what one in a thousand of different people
    do, and the same face under two numbers what the largest supported gallery asks of a match."""
    same = next((row for row in rows if row.fmr <= _SAME_PERSON_FMR), rows[-1])
    return Desk(same_person=same.estimate, duplicate=rows[-1].threshold)


def sizes_of(rows: Sequence[Row], policy: Policy, *, pairs: int) -> tuple[Size, ...]:
    """Return what galleries of the usual sizes, and the largest supported one, ask for."""
    found = []
    largest = policy.largest or 0
    for templates in sorted({*(size for size in SIZES if size < largest), largest} - {0}):
        threshold = policy.threshold_for(templates)
        row = next(row for row in rows if row.threshold == threshold)
        fmr = -math.expm1(math.log1p(-FPIR) / templates)
        found.append(
            Size(
                templates=templates,
                fmr=float(f"{fmr:.4g}"),
                threshold=threshold,
                fnmr=row.fnmr,
                observed=fmr >= ONE_IN / pairs,
            )
        )
    return tuple(found)


class _Misses:
    """Genuine scores, and how their misses vary with the people they are of."""

    def __init__(
        self, scores: NDArray[np.float64], owners: NDArray[np.intp], strata: Sequence[str], replicates: int, seed: int
    ) -> None:
        self._scores, self._people = scores, len(set(owners.tolist()))
        self._weights = [drawn[owners] for drawn in resampled(strata, replicates=replicates, seed=seed)]

    def row(self, fmr: float, estimate: float, threshold: float) -> Row:
        missed = self._scores < threshold
        fnmr = float(missed.mean())
        drawn = [float(missed @ weights) / float(weights.sum()) for weights in self._weights if weights.sum()]
        low, high = interval(fnmr, drawn, rate_of=self._people)
        fnmr, low, high = (round(value, _DECIMALS) for value in (fnmr, low, high))
        return Row(fmr=fmr, estimate=estimate, threshold=threshold, fnmr=fnmr, fnmr_low=low, fnmr_high=high)


def _up(score: float) -> float:
    return float(math.ceil(score * 10**_DECIMALS - 1e-9) / 10**_DECIMALS)
