"""*Pure*: thresholds chosen on all folds but one, and judged on that one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One fold judged: by the `threshold` of the others, `accuracy` of its `pairs` were told right."""

    threshold: float
    accuracy: float
    pairs: int


def cross_validated(scores: Sequence[float], same: Sequence[bool], folds: Sequence[int]) -> tuple[Fold, ...]:
    """Return each fold as judged by the others' best threshold. A score that is not a number is told wrong in its own
    fold and teaches the others nothing."""
    values, truth, of = np.asarray(scores, np.float64), np.asarray(same, np.bool_), np.asarray(folds, np.intp)
    judged = []
    for fold in np.unique(of):
        here = of == fold
        threshold = best_threshold(values[~here], truth[~here])
        right = (values[here] >= threshold) == truth[here]
        right &= np.isfinite(values[here])
        judged.append(Fold(threshold=threshold, accuracy=float(right.mean()), pairs=int(here.sum())))
    return tuple(judged)


def best_threshold(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Return the threshold that tells most of these pairs right; in the middle between two scores, 0 without any."""
    told = np.isfinite(scores)
    order = np.argsort(scores[told])
    values, truth = scores[told][order], same[told][order]
    if not len(values):
        return 0.0
    # With the threshold below the k-th score: the k different pairs below are right, and the same ones from k on.
    right = np.r_[0, np.cumsum(~truth)] + np.r_[np.cumsum(truth[::-1])[::-1], 0]
    cut = np.r_[True, values[1:] > values[:-1], True]  # between two equal scores there is no threshold
    best = int(np.argmax(np.where(cut, right, -1)))
    if best == 0:
        return float(values[0]) - 1e-6
    if best == len(values):
        return float(values[-1]) + 1e-6
    return float((values[best - 1] + values[best]) / 2)
