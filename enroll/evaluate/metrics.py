"""*Pure*: verification, one probe against one template: false matches, false non-matches, and the threshold between.

Everything is weighted by person, so that the same functions measure a set of people and any resampling of it: a
comparison of A's probe with B's template weighs `weights[A] * weights[B]`, a genuine one of A's weighs `weights[A]`.
FMR and FNMR as in ISO/IEC 19795-1:2021; a score at or above the threshold is a match.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Places = NDArray[np.intp]
Weights = NDArray[np.int64]
"""(people,): how often each person is there."""
_SLACK = 1e-9
"""Ten comparisons of 10,000 are at most 0.001 of them, whatever binary fractions say."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Genuine:
    """Probes with their own person's template: `scores` and `owners`, both (count,)."""

    scores: Reals
    owners: Places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Impostors:
    """Probes with other people's templates, the highest scores first, those below `floor` only counted.

    `scores`, `probes` (places in the trials), their `owners` and `others`, the templates' people, are (kept,).
    `probe_owners` are (probes,) and `enrolled` (people,): every probe is compared with everybody enrolled but its
    owner, but for pairs left out, (left_out, 2) by probe's owner and template.
    """

    scores: Reals
    probes: Places
    owners: Places
    others: Places
    floor: float
    count: int
    probe_owners: Places
    enrolled: NDArray[np.bool_]
    left_out: Places

    def total(self, weights: Weights) -> float:
        """Return how much all comparisons weigh together."""
        there = weights * self.enrolled
        of_probes = weights[self.probe_owners]
        own = there[self.probe_owners]
        whole = float((of_probes * (there.sum() - own)).sum())
        return whole - float((weights[self.left_out[:, 0]] * there[self.left_out[:, 1]]).sum())


def impostors(
    scores: NDArray[np.float32],
    owners: Places,
    *,
    probes: NDArray[np.bool_],
    templates: NDArray[np.bool_],
    share: float = 1.0,
) -> Impostors:
    """Return the comparisons of the chosen probes, (n,), with the chosen people's templates, (P,), of `scores`, (n, P).

    NaN is no comparison. At least the highest `share` of them is kept.
    """
    rows, columns = np.flatnonzero(probes), np.flatnonzero(templates)
    chosen = scores[np.ix_(rows, columns)]
    compared = np.isfinite(chosen)
    count = int(compared.sum())
    kept = int(np.ceil(share * count))
    floor = -np.inf
    if kept < count:
        floor = float(np.partition(chosen[compared], count - kept)[count - kept])
        row, column = np.nonzero(np.where(compared, chosen, -np.inf) >= floor)
    else:
        row, column = np.nonzero(compared)
    values = chosen[row, column]
    order = np.argsort(-values, kind="stable")
    absent_row, absent_column = np.nonzero(~compared)
    absent = np.stack([owners[rows[absent_row]], columns[absent_column]], axis=1).astype(np.intp).reshape(-1, 2)
    return Impostors(
        scores=values[order].astype(np.float64),
        probes=rows[row[order]],
        owners=owners[rows[row[order]]],
        others=columns[column[order]],
        floor=floor,
        count=count,
        probe_owners=owners[rows],
        enrolled=templates,
        left_out=absent[absent[:, 0] != absent[:, 1]],
    )


def fmr_curve(found: Impostors, weights: Weights) -> Reals:
    """Return, for each kept score, the share of comparisons at or above it, (kept,); of ties the last one says it."""
    total = found.total(weights)
    if total <= 0:
        return np.zeros(len(found.scores))
    return np.asarray(np.cumsum(weights[found.owners] * weights[found.others]) / total, np.float64)


def threshold_for(rate: float, falling: Reals, curve: Reals, *, floor: float = -np.inf) -> float:
    """Return the lowest threshold at which no more than `rate` are at or above it.

    `falling` are scores, highest first; `curve` the share at or above each. Where all of them may pass it is `floor`.
    """
    place = int(np.searchsorted(curve, rate * (1 + _SLACK), side="right"))
    if place >= len(falling):
        return max(floor, -1.0)
    return float(np.nextafter(falling[place], np.inf))


def resolved(rate: float, curve: Reals) -> bool:
    """Return whether there are enough comparisons for one false match among them to be no more than `rate`."""
    return len(curve) > 0 and bool(curve[0] <= rate * (1 + _SLACK))


def shares_at(thresholds: Reals, falling: Reals, curve: Reals) -> Reals:
    """Return the share at or above each of `thresholds`, from a curve as above."""
    return np.asarray(np.r_[0.0, curve][np.searchsorted(-falling, -thresholds, side="right")], np.float64)


def fnmr(genuine: Genuine, threshold: float, weights: Weights) -> float | None:
    """Return the share of genuine comparisons below `threshold`; None without any."""
    there = weights[genuine.owners]
    total = float(there.sum())
    return float(there[genuine.scores < threshold].sum()) / total if total > 0 else None


def weighted_share(part: NDArray[np.int64], whole: NDArray[np.int64], weights: Weights) -> float | None:
    """Return how much of `whole` is `part`, both counts by person; None of nothing."""
    total = float((whole * weights).sum())
    return float((part * weights).sum()) / total if total > 0 else None
