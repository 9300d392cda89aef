"""From everybody's encodings to scores: who is enrolled with how many photos, and every comparison made with them.

Impostor comparisons are of a probe with the template of another person; nobody is compared with their own twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import config
from enroll.evaluate.encoding import SAME_FILE, EncodedPerson, Reading
from enroll.samples import study_vectors
from terminal.faces import Vector

Scores = NDArray[np.float32]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """People and photographs, and what became of them. `borrowed`: people enrolled with probes as well, each probe then
    compared with a template it is not in. `left_out`: too few photographs for that; their photos are strangers' then.
    `refused`: their photos do not resemble each other enough to enrol them."""

    people: int
    photos: int
    enrolled: int
    strangers: int
    borrowed: int
    left_out: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """Every comparison of one engine with `samples` enrolment photos a person. P people, n probes.

    `scores` is (n, P): each probe with each person's template, NaN for their own and for people without one; `genuine`
    is (n,): each probe with its own person's template, NaN for strangers. `enrolled` are those with a template of
    `samples` photos; `known` also those with a template of one photo, who fill up galleries. `owners` is (n,).
    `templates` is (P, dimension), NaN without one. `failures` and `attempts` are photos by person, (2, P): to enrol, to
    recognise.
    """

    samples: int
    identities: tuple[str, ...]
    groups: tuple[str, ...]
    scores: Scores
    genuine: Scores
    owners: Places
    enrolled: NDArray[np.bool_]
    known: NDArray[np.bool_]
    templates: Scores
    failures: NDArray[np.int64]
    attempts: NDArray[np.int64]
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enrolment:
    """A person's template and, for each of their probes, the template it is compared with."""

    template: Vector
    probes: tuple[tuple[Vector, Vector], ...]
    borrowed: bool


def make_trials(people: Sequence[EncodedPerson], samples: int, settings: config.Config) -> Trials:
    """Return every comparison of `people` when each is enrolled with `samples` photos.

    Whoever has fewer photos for enrolment borrows the first of their probes, as long as one probe remains: each probe
    is then compared with a template made without it. Whoever has too few for that is left out and stays a stranger.
    """
    enrolments = [_enrolment(person, samples, settings) for person in people]
    templates: list[Vector | None] = []
    probes: list[Vector] = []
    own: list[Vector | None] = []
    owners: list[int] = []
    for place, (person, enrolment) in enumerate(zip(people, enrolments, strict=True)):
        usable = [reading for reading in (*person.enrol, *person.probes) if reading.sample is not None]
        if isinstance(enrolment, _Enrolment):
            templates.append(enrolment.template)
            probes += [probe for probe, _ in enrolment.probes]
            own += [template for _, template in enrolment.probes]
            owners += [place] * len(enrolment.probes)
        else:
            templates.append(usable[0].sample if usable else None)
            probes += [reading.probe for reading in usable if reading.probe is not None]
            own += [None] * len(usable)
            owners += [place] * len(usable)
    return _compared(people, enrolments, samples, templates=templates, probes=probes, own=own, owners=owners)


def without(trials: Trials, pairs: Collection[tuple[str, str]]) -> Trials:
    """Return the trials without the comparisons between the people of these pairs."""
    place = {identity: at for at, identity in enumerate(trials.identities)}
    scores = trials.scores.copy()
    for first, second in pairs:
        for one, other in ((first, second), (second, first)):
            scores[trials.owners == place[one], place[other]] = np.nan
    return replace(trials, scores=scores)


def only_mates(trials: Trials, people: NDArray[np.bool_]) -> Trials:
    """Return the trials with the genuine comparisons of these people alone, (P,); the others stay impostors."""
    return replace(trials, genuine=np.where(people[trials.owners], trials.genuine, np.nan).astype(np.float32))


def _compared(
    people: Sequence[EncodedPerson],
    enrolments: Sequence[_Enrolment | str],
    samples: int,
    *,
    templates: list[Vector | None],
    probes: list[Vector],
    own: list[Vector | None],
    owners: list[int],
) -> Trials:
    dimension = next((len(vector) for vector in (*templates, *probes) if vector is not None), 1)
    absent = np.full(dimension, np.nan, np.float32)
    template_rows = _rows([absent if vector is None else vector for vector in templates], dimension)
    probe_rows = _rows(probes, dimension)
    own_rows = _rows([absent if vector is None else vector for vector in own], dimension)
    at = np.asarray(owners, np.intp)
    scores = probe_rows @ template_rows.T
    scores[np.arange(len(at)), at] = np.nan
    enrolled = np.array([isinstance(each, _Enrolment) for each in enrolments], np.bool_)
    tallies = [(_tally(person.enrol), _tally(person.probes)) for person in people]
    table = np.array(tallies, np.int64).reshape(len(people), 2, 2)
    return Trials(
        samples=samples,
        identities=tuple(person.identity for person in people),
        groups=tuple(person.group for person in people),
        scores=scores,
        genuine=np.einsum("ij,ij->i", probe_rows, own_rows),
        owners=at,
        enrolled=enrolled,
        known=np.array([vector is not None for vector in templates], np.bool_),
        templates=template_rows,
        failures=table[:, :, 0].T,
        attempts=table[:, :, 1].T,
        counts=Counts(
            people=len(people),
            photos=sum(len(person.enrol) + len(person.probes) for person in people),
            enrolled=int(enrolled.sum()),
            strangers=sum(not person.enrol for person in people),
            borrowed=sum(isinstance(each, _Enrolment) and each.borrowed for each in enrolments),
            left_out=sum(
                each == _TOO_FEW and bool(person.enrol) for each, person in zip(enrolments, people, strict=True)
            ),
            refused=sum(each == _UNLIKE for each in enrolments),
        ),
    )


_TOO_FEW = "too few photos"
_UNLIKE = "photos that do not resemble each other"


def _enrolment(person: EncodedPerson, samples: int, settings: config.Config) -> _Enrolment | str:
    """Return the person's enrolment, or why there is none."""
    if not person.enrol:
        return _TOO_FEW  # a stranger by their role
    first = [reading for reading in person.enrol if reading.sample is not None][:samples]
    probes = [reading for reading in person.probes if reading.probe is not None]
    lent = samples - len(first)
    if lent and len(probes) <= lent:
        return _TOO_FEW
    template = _template([*first, *probes[:lent]], settings)
    if template is None:
        return _UNLIKE
    compared = []
    for place, reading in enumerate(probes):
        others = [*first, *[each for each in probes if each is not reading][:lent]]
        own = template if place >= lent else _template(others, settings)
        if own is not None and reading.probe is not None:
            compared.append((reading.probe, own))
    return _Enrolment(template=template, probes=tuple(compared), borrowed=lent > 0)


def _template(readings: Sequence[Reading], settings: config.Config) -> Vector | None:
    taken = [(reading.photo.name, reading.sample, "") for reading in readings if reading.sample is not None]
    return study_vectors(taken, settings).template


def _tally(readings: Sequence[Reading]) -> tuple[int, int]:
    """Return (failed, tried); the same file a second time is neither."""
    tried = [reading for reading in readings if reading.why is None or not reading.why.startswith(SAME_FILE)]
    return sum(reading.why is not None for reading in tried), len(tried)


def _rows(vectors: Sequence[Vector], dimension: int) -> Scores:
    return np.stack(vectors).astype(np.float32) if vectors else np.zeros((0, dimension), np.float32)
