"""Whose template grows old: scores that come down to the threshold, before the first morning on which a face fails.

Nothing is learnt from a match: a template is renewed by enrolling again, by a person whom somebody has looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import msgspec

import config
from sync.register import Register
from sync.register.people import list_people, templates_of
from sync.register.scores import face_scores
from sync.releases import EncodingSet
from terminal.calibration import policy_for
from terminal.faces import Identity, identity_of
from terminal.matching import Policy

DAYS = 60
"""How far back scores are looked at."""
LAST = 5
"""So many scores at either end of that time make a median: one dark morning is no trend."""
NEARLY = 0.05
"""A median so little above the threshold asks for renewal. Chosen as the lead a match must have, not measured: there
are no years of real punches to measure it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One person's scores: how many, the median of the first and of the last, and whether to enrol again."""

    employee: str
    count: int
    first: float
    last: float
    threshold: float
    renew: bool


def health_of(employee: str, scores: Sequence[float], threshold: float) -> Health | None:
    """Return how somebody's scores stand to `threshold`; None with fewer than LAST of them."""
    if len(scores) < LAST:
        return None
    first, last = median(scores[:LAST]), median(scores[-LAST:])
    renew = last < threshold + NEARLY
    return Health(employee=employee, count=len(scores), first=first, last=last, threshold=threshold, renew=renew)


def with_renewals(content: EncodingSet, scores: Mapping[str, Sequence[float]], policy: Policy) -> EncodingSet:
    """Return `content` in which those are marked who should be asked to renew their face.

    Raises GalleryTooLarge where `policy` has no threshold for so many templates.
    """
    threshold = policy.threshold_for(sum(len(person.templates) for person in content.people))

    def tired(employee: str) -> bool:
        found = health_of(employee, scores.get(employee, ()), threshold)
        return found is not None and found.renew

    people = tuple(
        msgspec.structs.replace(person, renew=True) if person.templates and tired(person.employee) else person
        for person in content.people
    )
    return msgspec.structs.replace(content, people=people)


def recent_scores(register: Register, office: str, engine: Identity) -> dict[str, list[float]]:
    """Return the scores of the last DAYS days in `office`, by employee. Raises RegisterUnavailable."""
    since = datetime.now(UTC) - timedelta(days=DAYS)
    return face_scores(register, office, engine_id=engine.engine_id, since=since)


def healths(settings: config.Config, office: str) -> list[Health]:
    """Return everybody's of `office` who punched often enough, the most urgent first.

    Raises RegisterError, ModelUnavailable, NotCalibrated, GalleryTooLarge.
    """
    engine = identity_of(settings.engine)
    policy = policy_for(engine.engine_id, settings.match)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        scores = recent_scores(register, office, engine)
        here = {person.number for person in list_people(register, office)}
        templates = sum(employee in here for employee, _ in templates_of(register, engine.engine_id))
    threshold = policy.threshold_for(max(1, templates))
    found = (health_of(employee, listed, threshold) for employee, listed in scores.items())
    return sorted((each for each in found if each is not None), key=lambda each: each.last - each.threshold)
