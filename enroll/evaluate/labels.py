"""*Pure*: two names that are probably one person: a mistake in the data that would be counted as a false match."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from enroll.evaluate.encoding import EncodedPerson

LEAST_ALIKE = 0.1
_FEW = 3
MOST_SHARE = 0.001
"""Of all pairs of people: an engine that finds more of them alike has another scale, and cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two people of whom two photographs score `score`, or are the very same file."""

    first: str
    second: str
    score: float
    same_file: bool


def probably_one(people: Sequence[EncodedPerson]) -> tuple[Alike, ...]:
    """Return the pairs of people with two photographs more alike than the least alike tenth of the photographs of one
    person, or the very same file; the likest first.

    On the bench that is a score of 0.52 with SFace: three pairs of names are above it, at 0.62 to 0.75, each
    known to be one person; the next pair has 0.50. Where more than one pair in a thousand is above, scores cannot tell.
    """
    readings = [
        (place, reading)
        for place, person in enumerate(people)
        for reading in (*person.enrol, *person.probes)
        if reading.sample is not None
    ]
    if not readings:
        return ()
    vectors = np.stack([reading.sample for _, reading in readings if reading.sample is not None])
    owners = np.array([place for place, _ in readings])
    own = [
        float(vectors[row] @ vectors[column])
        for place in np.unique(owners)
        for row, column in combinations(np.flatnonzero(owners == place), 2)
    ]
    score = float(np.quantile(own, LEAST_ALIKE)) if own else 1.0
    found: dict[tuple[int, int], tuple[float, bool]] = {}
    for row, (owner, reading) in enumerate(readings):
        near = vectors[row + 1 :] @ vectors[row]
        for column in np.flatnonzero((near >= score) & (owners[row + 1 :] != owner)):
            other, likest = readings[row + 1 + column]
            pair = (min(owner, other), max(owner, other))
            before, same_file = found.get(pair, (-1.0, False))
            found[pair] = max(before, float(near[column])), same_file or reading.digest == likest.digest
    if len(found) > max(_FEW, MOST_SHARE * len(people) * (len(people) - 1) / 2):
        found = {pair: (best, same_file) for pair, (best, same_file) in found.items() if same_file}
    alike = [
        Alike(first=people[one].identity, second=people[other].identity, score=best, same_file=same_file)
        for (one, other), (best, same_file) in found.items()
    ]
    return tuple(sorted(alike, key=lambda each: (-each.score, each.first, each.second)))
