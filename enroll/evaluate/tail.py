"""*Pure*: the upper tail of impostor scores, fitted, so that rare false matches can be foretold, and how surely.

Above a high threshold u, exceedances of nearly any distribution are near a generalised Pareto one (Pickands 1975;
Balkema and de Haan 1974). Its two parameters come from probability-weighted moments (Hosking and Wallis, "Parameter and
Quantile Estimation for the Generalized Pareto Distribution", Technometrics 29, 1987), which with a few hundred
exceedances are steadier than maximum likelihood. A cosine ends at 1, and what has an end has no shape above 0: where
the moments give one, the exponential tail, of shape 0, is taken. Uncertainty comes from resampling people, never
comparisons: those of one person stand or fall together (see bootstrap.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.bootstrap import resampled

Reals = NDArray[np.float64]
TAIL_SHARE = 0.01
"""u is the score that this share of comparisons exceed: fixed beforehand, so that nobody picks the u they like best."""
LEAST_EXCEEDANCES = 100
_FLAT = 1e-6


class TooFewScores(ValueError):
    """The comparisons are too few to fit a tail; the text says how many are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """P(score >= s) = `share` * (1 + `shape` * (s - `start`) / `scale`)^(-1 / `shape`) for s >= `start`."""

    start: float
    share: float
    scale: float
    shape: float

    def score_at(self, rate: float) -> float:
        """Return the score that a share `rate` of comparisons reach; `start` where they are more than `share`."""
        ratio = min(1.0, rate / self.share)
        if abs(self.shape) < _FLAT:
            return self.start - self.scale * float(np.log(ratio))
        return self.start + self.scale / self.shape * float(ratio**-self.shape - 1)

    def rate_at(self, score: float) -> float:
        """Return the share of comparisons at or above `score`, which is not below `start`."""
        above = max(0.0, (score - self.start) / self.scale)
        if abs(self.shape) < _FLAT:
            return self.share * float(np.exp(-above))
        base = 1 + self.shape * above
        return self.share * base ** (-1 / self.shape) if base > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparisons:
    """Comparisons of different people: `scores`, highest first, (kept,), of person `first` with person `second`, places
    among `people`. `total` counts all of them by pair, (people, people), those too low to be kept included."""

    scores: Reals
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    total: NDArray[np.int64]

    @property
    def count(self) -> int:
        return int(self.total.sum())

    @property
    def people(self) -> int:
        return len(self.total)

    @property
    def pairs(self) -> int:
        """How many pairs of two people were compared at all, either way round."""
        return int(np.triu((self.total + self.total.T) > 0, 1).sum())


def comparisons(
    scores: Sequence[float] | Reals,
    first: Sequence[int] | NDArray[np.intp],
    second: Sequence[int] | NDArray[np.intp],
    *,
    people: int,
    kept: float = 10 * TAIL_SHARE,
) -> Comparisons:
    """Return the comparisons with the highest share `kept` of them in order. Nobody is compared with themselves."""
    values, one, other = np.asarray(scores, np.float64), np.asarray(first, np.intp), np.asarray(second, np.intp)
    total = np.zeros((people, people), np.int64)
    np.add.at(total, (one, other), 1)
    order = np.argsort(-values, kind="stable")[: int(np.ceil(kept * len(values)))]
    return Comparisons(scores=values[order], first=one[order], second=other[order], total=total)


def fit_tail(found: Comparisons, *, weights: NDArray[np.int64] | None = None, share: float = TAIL_SHARE) -> Tail:
    """Return the tail of the comparisons, each person counted as often as `weights` says. Raises TooFewScores."""
    people = np.ones(found.people, np.int64) if weights is None else weights
    whole = float(people @ found.total @ people)
    each = (people[found.first] * people[found.second]).astype(np.float64)
    upto = np.cumsum(each)
    last = int(np.searchsorted(upto, share * whole))
    least = LEAST_EXCEEDANCES if weights is None else LEAST_EXCEEDANCES // 5
    if last >= len(found.scores) or int((each[:last] > 0).sum()) < least:
        raise TooFewScores(
            f"{found.count} comparisons of different people are too few to foretell false matches: "
            f"{int(LEAST_EXCEEDANCES / share)} are needed"
        )
    start = float(found.scores[last])
    above, weight = found.scores[:last] - start, each[:last]
    total = float(weight.sum())
    # The plotting position of an exceedance is the share of them above it, half of its own weight counted.
    higher = (np.cumsum(weight) - weight / 2) / total
    mean = float((weight * above).sum() / total)
    moment = float((weight * above * higher).sum() / total)
    shape = 2 - mean / (mean - 2 * moment)
    if shape >= 0:
        return Tail(start=start, share=total / whole, scale=mean, shape=0.0)
    return Tail(start=start, share=total / whole, scale=2 * mean * moment / (mean - 2 * moment), shape=shape)


def resampled_tails(
    found: Comparisons, strata: Sequence[str], *, replicates: int, seed: int, share: float = TAIL_SHARE
) -> Iterator[Tail]:
    """Yield the tail of each of `replicates` resamplings of the people, as many from each of `strata` as are in it."""
    for weights in resampled(strata, replicates=replicates, seed=seed):
        yield fit_tail(found, weights=weights, share=share)
