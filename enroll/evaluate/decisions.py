"""The decision as the kiosk takes it: every probe through `terminal.matching.decide` with the settings' policy."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate.metrics import Weights
from enroll.evaluate.trials import Trials
from sync.releases import EncodingSet, Person
from terminal.gallery import Gallery
from terminal.matching import GalleryTooLarge, Identification, Outcome, Policy, decide
from terminal.search import Nearest

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

    The gallery is of all people with a template; a person's own template is the one made without the probe. Only people
    who search are resampled for intervals, not the gallery. None where the policy has no threshold for so many.
    """
    gallery = _gallery(trials, engine_id)
    try:
        threshold = policy.threshold_for(gallery.rows)
    except GalleryTooLarge:
        return None
    mated = np.zeros((len(trials.identities), len(OUTCOMES)), np.int64)
    strangers = np.zeros_like(mated)
    for scores, owner, genuine in zip(trials.scores, trials.owners, trials.genuine, strict=True):
        answer = decide(_nearest(scores), policy, gallery)
        strangers[owner, _column(answer, right=None)] += 1
        if np.isfinite(genuine):
            with_own = scores.copy()
            with_own[owner] = genuine
            answer = decide(_nearest(with_own), policy, gallery)
            mated[owner, _column(answer, right=str(owner))] += 1
    return Decisions(
        threshold=threshold, margin=policy.margin, gallery_size=gallery.rows, mated=mated, strangers=strangers
    )


def _nearest(scores: NDArray[np.float32]) -> Nearest | None:
    """Return who is nearest by these scores, (P,), NaN for nobody."""
    there = np.where(np.isfinite(scores), scores, -np.inf)
    best = int(np.argmax(there))
    if not np.isfinite(there[best]):
        return None
    score, there[best] = float(there[best]), -np.inf
    second = float(there.max())
    return Nearest(employee=str(best), score=score, margin=score - second if np.isfinite(second) else None)


def _column(answer: Identification, *, right: str | None) -> int:
    if answer.outcome is Outcome.MATCH:
        return 0 if answer.employee == right else 1
    return 2 if answer.outcome is Outcome.AMBIGUOUS else 3


def _gallery(trials: Trials, engine_id: str) -> Gallery:
    """Return everybody with a template, under their place."""
    people = tuple(
        Person(employee=str(place), name="-", templates=(trials.templates[place].astype("<f4").tobytes(),))
        for place in np.flatnonzero(trials.known)
    )
    content = EncodingSet(
        office="evaluation",
        version=1,
        engine_id=engine_id,
        dimension=trials.templates.shape[1],
        created_at=_ANY_TIME,
        people=people,
    )
    return Gallery.from_set(content)
