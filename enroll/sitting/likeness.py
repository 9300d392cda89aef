"""Whose face new samples are: looked for among everybody's, and recognised as a kiosk would tomorrow. *Pure*."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from msgspec import structs

from enroll.rules import Known, Likeness, mean_of, nearest_other
from enroll.wizard.signals import Found, Recognise, Recognised
from enroll.wizard.values import Entry, Sample
from sync.releases import EncodingSet, Lookalike, Person
from terminal.faces import Vector
from terminal.gallery import Gallery
from terminal.matching import Policy, identify

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def templates_of(samples: Iterable[Sample]) -> Mapping[str, Vector]:
    """Return the template of each look, the usual one ("") among them: the mean of its samples, of unit norm.

    Raises ValueError for samples that cancel out.
    """
    looks: dict[str, list[Vector]] = {}
    for sample in samples:
        looks.setdefault(sample.look, []).append(sample.vector)
    return {look: mean_of(vectors) for look, vectors in looks.items()}


def entries_of(gallery: Gallery) -> tuple[Entry, ...]:
    """Return the people of a set, with templates or without, as the list an enrolment chooses from: by name."""
    faces = frozenset(gallery.employees)
    entries = [
        Entry(number=person.employee, name=person.name, enrolled=person.employee in faces)
        for person in gallery.people.values()
    ]
    return tuple(sorted(entries, key=lambda entry: (entry.name.casefold(), entry.number)))


def search(
    vectors: Sequence[Vector], known: Known, *, employee: str, same_face: float, alike: float
) -> tuple[Found, Likeness | None]:
    """Return whose face this is by the best of `vectors`, other than `employee`'s, and who that is.

    From `same_face` on it is the same one, from `alike` on it resembles it.
    """
    found = [near for vector in vectors if (near := nearest_other(vector, known, employee=employee)) is not None]
    best = max(found, key=lambda near: near.score, default=None)
    if best is None or best.score < min(same_face, alike):
        return Found.NOBODY, None
    return Found.SAME_FACE if best.score >= same_face else Found.LOOK_ALIKE, best


def recognised(asked: Recognise, gallery: Gallery, policy: Policy) -> Recognised:
    """Return whose face it is at a kiosk with this gallery and policy, once it has the new templates.

    Raises ProbeRefused, GalleryTooLarge.
    """
    vectors = [*templates_of(asked.samples).values()]
    found = identify(asked.probe, with_new(gallery, asked.employee, vectors, policy), policy)
    return Recognised(check=asked.check, employee=found.employee)


def with_new(gallery: Gallery, employee: str, vectors: Sequence[Vector], policy: Policy) -> Gallery:
    """Return the gallery as it will be: with `vectors` in place of what it has of `employee`, and whom they resemble.

    Raises GalleryTooLarge.
    """
    dimension = len(vectors[0])
    new = np.stack(vectors).astype("<f4")
    matrix = gallery.matrix if gallery.rows else np.zeros((0, dimension), np.float32)
    ends = [*(int(start) for start in gallery.starts[1:]), gallery.rows]
    least = policy.threshold_for(gallery.rows + len(vectors)) - policy.margin
    people, resembled = [], []
    for number, first, last in zip(gallery.employees, gallery.starts, ends, strict=True):
        if number == employee:
            continue
        rows = matrix[int(first) : last]
        person = structs.replace(
            gallery.people[number], templates=tuple(row.astype("<f4", copy=False).tobytes() for row in rows)
        )
        score = round(min(1.0, float((rows @ new.T).max())), 4)
        if score >= least:
            resembled.append(Lookalike(number, score))
            person = structs.replace(person, resembles=(Lookalike(employee, score), *person.resembles))
        people.append(person)
    old = gallery.people.get(employee) or Person(employee=employee, name="")
    likest = tuple(sorted(resembled, key=lambda other: -other.score))
    templates = tuple(row.tobytes() for row in new)
    people.append(structs.replace(old, templates=templates, resembles=likest))
    content = EncodingSet(
        office="new",
        version=max(1, gallery.version),
        engine_id=gallery.engine_id,
        dimension=dimension,
        created_at=gallery.created_at or _NEVER,
        people=tuple(people),
    )
    return replace(Gallery.from_set(content), version=gallery.version)
