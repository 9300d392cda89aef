"""The decision as the kiosk takes it: every probe through `terminal.matching.identify` with the settings' policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.metrics import Weights
from enroll.evaluate.trials import Trials
from sync.releases import EncodingSet, Person
from terminal.gallery import Gallery
from terminal.matching import GalleryTooLarge, Outcome, Policy, identify

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = ("right", "wrong", "ambiguous", "no_match")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """What the policy answers, and its `threshold` in a gallery of so many people.

    `mated`, (people, 4): searches of enrolled people, counted by OUTCOMES. `strangers`, (people, 4): searches by
    somebody who is not in the gallery; none of them is `right`, a match is `wrong`.
    """

    threshold: float
    margin: float
    gallery_size: int
    mated: NDArray[np.int64]
    strangers: NDArray[np.int64]

    def rates(self, weights: Weights, people: NDArray[np.bool_]) -> dict[str, float]:
        """Return the rates of these people's searches, weighted; those of nobody are absent."""
        found: dict[str, float] = {}
        for table, names in (
            (self.mated, {"policy_fnir": (1, 2, 3), "policy_misidentified": (1,), "policy_ambiguous": (2,)}),
            (self.strangers, {"policy_fpir": (1,), "policy_stranger_ambiguous": (2,)}),
        ):
            sums = (table * (weights * people)[:, None]).sum(axis=0)
            if sums.sum() > 0:
                found |= {name: float(sums[list(columns)].sum() / sums.sum()) for name, columns in names.items()}
        return found


def decide_all(trials: Trials, policy: Policy, engine_id: str) -> Decisions | None:
    """Return the decisions about every probe: against everybody, and against everybody but its owner.

    The gallery is of all people with a template; in the first search a person's row is the template made without the
    probe. Only people who search are resampled for intervals, not the gallery. None where the policy has no threshold
    for so many.
    """
    known = np.flatnonzero(trials.known)
    try:
        threshold = policy.threshold_for(len(known))
    except GalleryTooLarge:
        return None
    everybody = [Person(employee=str(place), name="-", templates=(_bytes(trials.templates[place]),)) for place in known]
    row_of = {int(place): row for row, place in enumerate(known)}
    mated = np.zeros((len(trials.identities), len(OUTCOMES)), np.int64)
    strangers = np.zeros_like(mated)
    for owner in sorted(set(trials.owners.tolist())):
        own = everybody[row_of[owner]]
        probes = np.flatnonzero(trials.owners == owner)
        compared = np.isfinite(trials.scores[probes[0]][known])  # neither the owner nor pairs that are left out
        rivals = [person for person, there in zip(everybody, compared, strict=True) if there]
        others = _gallery(rivals, engine_id)
        for probe in probes:
            answer = identify(trials.probes[probe], others, policy)
            strangers[owner, _column(answer.outcome, right=False)] += 1
            if np.isfinite(trials.genuine[probe]):
                mate = Person(employee=own.employee, name="-", templates=(_bytes(trials.own[probe]),))
                answer = identify(trials.probes[probe], _gallery([*rivals, mate], engine_id), policy)
                mated[owner, _column(answer.outcome, right=answer.employee == own.employee)] += 1
    return Decisions(
        threshold=threshold, margin=policy.margin, gallery_size=len(known), mated=mated, strangers=strangers
    )


def _column(outcome: Outcome, *, right: bool) -> int:
    if outcome is Outcome.MATCH:
        return 0 if right else 1
    return 2 if outcome is Outcome.AMBIGUOUS else 3


def _gallery(people: Sequence[Person], engine_id: str) -> Gallery:
    dimension = len(people[0].templates[0]) // 4 if people else 0
    content = EncodingSet(
        office="evaluation",
        version=1,
        engine_id=engine_id,
        dimension=dimension,
        created_at=_ANY_TIME,
        people=tuple(people),
    )
    return Gallery.from_set(content)


def _bytes(template: NDArray[np.float32]) -> bytes:
    return template.astype("<f4").tobytes()
