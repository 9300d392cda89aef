"""*Pure*: two names that are probably one person: a mistake in the data that would be counted as a false match."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enroll.evaluate.encoding import EncodedPerson

MOST_SHARE = 0.001
"""Of all pairs of people: an engine that finds more of them alike has another scale, and cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two people of whom two photographs score `score`, or are the very same file."""

    first: str
    second: str
    score: float
    same_file: bool


def probably_one(people: Sequence[EncodedPerson], *, score: float) -> tuple[Alike, ...]:
    """Return the pairs of people with two photographs that score `score` or more, the likest first.

    Nothing is returned where more than one pair in a thousand would be.
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
    found: dict[tuple[int, int], tuple[float, bool]] = {}
    for row, (owner, reading) in enumerate(readings):
        near = vectors[row + 1 :] @ vectors[row]
        for column in np.flatnonzero((near >= score) & (owners[row + 1 :] != owner)):
            other, likest = readings[row + 1 + column]
            pair = (min(owner, other), max(owner, other))
            before, same_file = found.get(pair, (-1.0, False))
            found[pair] = max(before, float(near[column])), same_file or reading.digest == likest.digest
    if len(found) > max(10, MOST_SHARE * len(people) * (len(people) - 1) / 2):
        return ()
    alike = [
        Alike(first=people[one].identity, second=people[other].identity, score=best, same_file=same_file)
        for (one, other), (best, same_file) in found.items()
    ]
    return tuple(sorted(alike, key=lambda each: (-each.score, each.first, each.second)))
