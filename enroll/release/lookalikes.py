"""Who resembles whom so much that a kiosk could take one for the other: found at the centre, carried by the set.

Every template of an office is compared with every other person's, in blocks, so that 50,000 people need no more memory
than fifty do. A pair counts from a margin below the threshold on: closer than that, a slightly better photograph of the
one is a match with the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

import config
from sync.register import Register, people, sets
from sync.releases import EncodingSet, Lookalike
from terminal.calibration import calibration_of, policy_for
from terminal.faces import Identity, identity_of
from terminal.matching import Policy

MOST_NAMED = 16
"""So many look-alikes are carried with one person, the likest: the first of them decides already."""
_ROWS, _COLUMNS = 1024, 8192
"""32 MB of scores at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two people of one set, `first` before `second` in it, and the best score between templates of the two."""

    first: str
    second: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The look-alikes of one office, the likest first. `names` has those of the pairs alone.

    From `at_least` on a pair is listed and asked for more; from `threshold` on its people are asked for the PIN; from
    `duplicate` on they are probably one person.
    """

    office: str
    people: int
    templates: int
    at_least: float
    threshold: float
    duplicate: float | None
    pairs: tuple[Pair, ...]
    names: dict[str, str]


def audit(settings: config.Config, office: str | None = None, *, engine: Identity | None = None) -> tuple[Audit, ...]:
    """Return the look-alikes at `office`, or at each office there is, as a set published now would have them.

    Raises RegisterError, NotCalibrated, ModelUnavailable, GalleryTooLarge.
    """
    engine = engine or identity_of(settings.engine)
    policy = policy_for(engine.engine_id, settings.match)
    known = calibration_of(engine.engine_id, settings.match)
    duplicate = settings.enroll.duplicate_score or (known.desk.duplicate if known else None)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return tuple(
            _audit(_set_now(register, each, engine), policy, duplicate)
            for each in ([office] if office is not None else people.offices(register))
        )


def with_lookalikes(content: EncodingSet, policy: Policy) -> tuple[EncodingSet, tuple[Pair, ...]]:
    """Return the set with each person's look-alikes in it, and the pairs. Raises GalleryTooLarge."""
    pairs = alike(content, at_least=least_score(content, policy))
    named: dict[str, list[Lookalike]] = {}
    for pair in pairs:  # the likest first
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if len(resembled := named.setdefault(one, [])) < MOST_NAMED:
                resembled.append(Lookalike(other, pair.score))
    marked = tuple(
        msgspec.structs.replace(person, resembles=tuple(named.get(person.employee, ()))) for person in content.people
    )
    return msgspec.structs.replace(content, people=marked), pairs


def least_score(content: EncodingSet, policy: Policy) -> float:
    """Return from which score on two people of this set are look-alikes. Raises GalleryTooLarge."""
    return policy.threshold_for(sum(len(person.templates) for person in content.people)) - policy.margin


def alike(content: EncodingSet, *, at_least: float) -> tuple[Pair, ...]:
    """Return the pairs of people whose best score is `at_least`, the likest first."""
    known = [person for person in content.people if person.templates]
    if len(known) < 2:
        return ()
    rows = np.frombuffer(b"".join(template for person in known for template in person.templates), "<f4")
    matrix = rows.reshape(-1, content.dimension).astype(np.float32)
    owners = np.repeat(np.arange(len(known)), [len(person.templates) for person in known])
    best: dict[tuple[int, int], float] = {}
    for first, second, score in _near(matrix, owners, at_least):
        best[first, second] = max(score, best.get((first, second), -1.0))
    pairs = [
        Pair(first=known[first].employee, second=known[second].employee, score=round(min(1.0, score), 4))
        for (first, second), score in best.items()
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.score, pair.first, pair.second)))


def _near(matrix: NDArray[np.float32], owners: NDArray[np.intp], at_least: float) -> Iterator[tuple[int, int, float]]:
    """Yield (owner, a later owner, score) of every two rows of different people that score `at_least`."""
    for top in range(0, len(matrix), _ROWS):
        part = matrix[top : top + _ROWS]
        for left in range(top, len(matrix), _COLUMNS):
            scores = part @ matrix[left : left + _COLUMNS].T
            if float(scores.max()) < at_least:
                continue
            for row, column in zip(*np.unravel_index(np.flatnonzero(scores >= at_least), scores.shape), strict=True):
                one, other = int(owners[top + row]), int(owners[left + column])
                if one < other:
                    yield one, other, float(scores[row, column])


def _set_now(register: Register, office: str, engine: Identity) -> EncodingSet:
    return sets.build_set(
        register, office=office, engine_id=engine.engine_id, dimension=engine.dimension, at=datetime.now(UTC)
    )


def _audit(content: EncodingSet, policy: Policy, duplicate: float | None) -> Audit:
    templates = sum(len(person.templates) for person in content.people)
    threshold = policy.threshold_for(templates)
    pairs = alike(content, at_least=threshold - policy.margin)
    shown = {number for pair in pairs for number in (pair.first, pair.second)}
    return Audit(
        office=content.office,
        people=len(content.people),
        templates=templates,
        at_least=threshold - policy.margin,
        threshold=threshold,
        duplicate=duplicate,
        pairs=pairs,
        names={person.employee: person.name for person in content.people if person.employee in shown},
    )
