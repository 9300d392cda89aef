"""*Pure*: open-set identification, one probe against a gallery of N people, over every gallery the data could make.

A gallery of N is N people drawn from those there are. How often a stranger finds a match in it needs no drawing: of M
people, K of whom score at or above the threshold, N drawn hold one of the K with probability 1 - C(M-K, N) / C(M, N).
Beyond the data (N > M) everybody is in it and the people who are not there match at the average rate, independently:
an extrapolation, and marked as one. FPIR and FNIR as in ISO/IEC 19795-1:2021: a search is a false negative when its
person scores below the threshold or is not the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.metrics import Genuine, Impostors, Places, Reals, Weights, fmr_curve, shares_at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searches:
    """Searches of a gallery: `strangers` has the comparisons with everybody else, highest first; `by_probe` their
    order by probe, best first within each, and `begins` where, in that order, each one's probe begins.

    `mates` are the searches of people who are in the gallery; each of `rivals`, (r, 2), is such a search's place and
    a person who scores higher than its mate.
    """

    strangers: Impostors
    by_probe: Places
    begins: Places
    mates: Genuine
    rivals: Places


def searches(strangers: Impostors, mates: Genuine, mate_scores: NDArray[np.float32]) -> Searches:
    """Return the searches. `mate_scores`, (mates, P), are what each mated probe scores with everybody, NaN for its
    owner."""
    by_probe = np.argsort(strangers.probes, kind="stable")
    ordered = strangers.probes[by_probe]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.intp)
    begins = np.repeat(first, np.diff(np.r_[first, len(ordered)])) if len(ordered) else np.zeros(0, np.intp)
    rivals = np.argwhere(mate_scores > mates.scores[:, None]) if len(mates.scores) else np.zeros((0, 2), np.intp)
    return Searches(
        strangers=strangers,
        by_probe=by_probe,
        begins=begins.astype(np.intp),
        mates=mates,
        rivals=rivals.astype(np.intp),
    )


def hit_chances(*, marked: int, populations: Sequence[int], drawn: int) -> Reals:
    """Return the chance that `drawn` people hold one of K marked, for each population and K = 0..`marked`,
    (populations, marked + 1)."""
    sizes = np.asarray(populations, np.float64)[:, None]
    before = np.arange(marked, dtype=np.float64)[None, :]
    taken = np.clip(drawn, 0, sizes)
    misses = np.ones((len(sizes), marked + 1))
    np.cumprod(np.maximum((sizes - taken - before) / np.maximum(sizes - before, 1), 0), axis=1, out=misses[:, 1:])
    return np.asarray(1 - misses, np.float64)


def fpir_curve(found: Searches, weights: Weights, *, gallery: int) -> Reals:
    """Return, for each kept comparison, the FPIR of galleries of so many people at its score as threshold, (kept,)."""
    kept = found.strangers
    searching = float(weights[kept.probe_owners].sum())
    if not len(kept.scores) or searching <= 0:
        return np.zeros(len(kept.scores))
    owners, there = kept.owners[found.by_probe], weights[kept.others[found.by_probe]]
    after = np.cumsum(there)
    after = after - after[found.begins] + there[found.begins]
    chances = _chances(kept, weights, most=int(after.max()), drawn=gallery)
    own = (weights * kept.enrolled)[owners]
    gained = weights[owners] * (chances[own, after] - chances[own, after - there])
    steps = np.zeros(len(kept.scores))
    steps[found.by_probe] = gained
    fpir = np.cumsum(steps) / searching
    beyond = gallery - _population(kept, weights)
    if beyond > 0:
        fpir = 1 - (1 - fpir) * (1 - np.minimum(fmr_curve(kept, weights), 1)) ** beyond
    return np.asarray(np.minimum(fpir, 1), np.float64)


def mates_found_first(found: Searches, weights: Weights, *, gallery: int) -> Reals:
    """Return, for each mated search, the chance that nobody else in a gallery of so many scores higher, (mates,)."""
    mates, kept = found.mates, found.strangers
    if not len(mates.scores):
        return np.zeros(0)
    better = np.bincount(found.rivals[:, 0], weights[found.rivals[:, 1]], minlength=len(mates.scores)).astype(np.intp)
    chances = _chances(kept, weights, most=int(better.max()), drawn=gallery - 1)
    first = 1 - chances[(weights * kept.enrolled)[mates.owners], better]
    beyond = gallery - 1 - _population(kept, weights)
    if beyond > 0:
        curve = fmr_curve(kept, weights)
        first = first * (1 - np.minimum(shares_at(mates.scores, kept.scores, curve), 1)) ** beyond
    return np.asarray(first, np.float64)


def fnir(mates: Genuine, first: Reals, threshold: float, weights: Weights) -> float | None:
    """Return the share of mated searches that do not find their person first and at or above `threshold`.

    `first`: see `mates_found_first`.
    """
    there = weights[mates.owners]
    total = float(there.sum())
    return 1 - float((there * first)[mates.scores >= threshold].sum()) / total if total > 0 else None


def _population(kept: Impostors, weights: Weights) -> int:
    """Return how many others there are for somebody who is in the gallery once, as everybody is who searches."""
    return int((weights * kept.enrolled).sum()) - 1


def _chances(kept: Impostors, weights: Weights, *, most: int, drawn: int) -> Reals:
    """Return `hit_chances` by how often a probe's owner is there and K: a person is never in their own stranger's
    gallery, however often they were drawn."""
    everybody = int((weights * kept.enrolled).sum())
    populations = range(everybody, everybody - int(weights.max()) - 1, -1)
    return hit_chances(marked=min(most, everybody), populations=populations, drawn=drawn)
