"""*Pure*: confidence intervals by resampling people, never comparisons: those of one person stand or fall together.

The subset bootstrap of Bolle, Ratha and Pankanti ("Error analysis of pattern recognition systems: the subsets
bootstrap", Computer Vision and Image Understanding 93, 2004), as ISO/IEC 19795-1 has it for correlated attempts; both
people of an impostor pair are resampled, so that a pair weighs the product of how often each was drawn (the vertex
bootstrap of Snijders and Borgatti 1999; compared for 1:1 error rates by Fogliato, Patil and Perona 2024).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
_NO_ERROR = 0.05
"""The rule of three of ISO/IEC 19795-1: no error among n leaves 1 - 0.05^(1/n), about 3/n, possible at 95 %."""


def resampled(strata: Sequence[str], *, replicates: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield `replicates` weights, (people,): how often each person was drawn, as many in each stratum as are in it."""
    rng = np.random.default_rng(seed)
    members: dict[str, list[int]] = {}
    for place, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(place)
    for _ in range(replicates):
        weights = np.zeros(len(strata), np.int64)
        for name in sorted(members):
            places = np.asarray(members[name])
            weights[places] = rng.multinomial(len(places), np.full(len(places), 1 / len(places)))
        yield weights


def interval(point: float, values: Sequence[float], *, rate_of: int | None = None) -> tuple[float, float]:
    """Return the percentile interval of `values`, widened where need be to hold `point`.

    `rate_of`: where the figure is a rate over so many people, one that is exactly 0 or 1 gets the rule of three, since
    resampling people without an error never shows one.
    """
    low, high = point, point
    if len(values):
        edges = np.quantile(np.asarray(values, np.float64), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = min(point, float(edges[0])), max(point, float(edges[1]))
    if rate_of:
        possible = 1 - _NO_ERROR ** (1 / rate_of)
        if point <= 0:
            high = max(high, possible)
        if point >= 1:
            low = min(low, 1 - possible)
    return low, high


def intervals(
    points: Mapping[str, float], replicates: Sequence[Mapping[str, float]], *, rates_of: Mapping[str, int]
) -> dict[str, tuple[float, float]]:
    """Return the interval of each of `points`, from the same figures of each resampling; absent ones are left out."""
    return {
        name: interval(point, [each[name] for each in replicates if name in each], rate_of=rates_of.get(name))
        for name, point in points.items()
    }
