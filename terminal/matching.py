"""Who a probe is: open-set identification against a gallery, by a policy that is a value. *Pure*."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from errors import HadirError
from terminal.faces import Encoding, Vector
from terminal.gallery import Gallery


class ProbeRefused(HadirError):
    """The probe cannot be compared with this gallery; the text says why."""


class Outcome(StrEnum):
    """The answers identification knows."""

    MATCH = "match"
    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`threshold`: cosine score a match must reach. `margin`: lead it must have over the runner-up person."""

    threshold: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """The decision about one probe. `employee` only for MATCH. `score` is the best person's cosine score and `margin`
    its lead over the runner-up person (absent where the gallery has one person or none)."""

    outcome: Outcome
    employee: str | None
    score: float | None
    margin: float | None
    threshold: float
    gallery_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The person most like a probe, whether or not like enough, and the lead over the next person."""

    employee: str
    score: float
    margin: float | None


def identify(probe: Encoding | Vector, gallery: Gallery, policy: Policy) -> Identification:
    """Return who `probe` is by `policy`. A person's score is that of their best template.

    An Encoding must be of the gallery's engine. Two people exactly alike are always ambiguous. Raises ProbeRefused for
    another engine or dimension, and for a probe that is not a finite vector of unit norm.
    """
    if isinstance(probe, Encoding):
        if probe.engine_id != gallery.engine_id:
            raise ProbeRefused(f"a probe of engine {probe.engine_id} cannot be compared with {gallery.engine_id}")
        probe = probe.vector
    nearest = nearest_to(probe[np.newaxis, :], gallery)
    return decide(nearest[0] if nearest else None, policy, gallery_size=len(gallery.employees))


def nearest_to(probes: NDArray[np.float32], gallery: Gallery) -> list[Nearest]:
    """Return the person nearest to each of `probes`, (count, dimension) of unit norm; nothing for an empty gallery.

    Raises ProbeRefused.
    """
    norms = np.linalg.norm(probes, axis=1)
    if not (np.abs(norms - 1) <= 1e-3).all():  # also false for NaN and infinity
        raise ProbeRefused("a probe is not a finite vector of unit norm")
    if not gallery.employees:
        return []
    if probes.shape[1] != gallery.matrix.shape[1]:
        raise ProbeRefused(f"a probe has {probes.shape[1]} values, the gallery's templates {gallery.matrix.shape[1]}")
    by_row = gallery.matrix @ probes.T
    by_person = np.maximum.reduceat(by_row, gallery.starts, axis=0)
    best = by_person.argmax(axis=0)
    columns = np.arange(len(probes))
    scores = by_person[best, columns]
    if len(gallery.employees) == 1:
        return [Nearest(employee=gallery.employees[0], score=float(score), margin=None) for score in scores]
    by_person[best, columns] = -np.inf
    margins = scores - by_person.max(axis=0)
    return [
        Nearest(employee=gallery.employees[person], score=float(score), margin=float(margin))
        for person, score, margin in zip(best, scores, margins, strict=True)
    ]


def decide(nearest: Nearest | None, policy: Policy, *, gallery_size: int) -> Identification:
    """Return what `policy` makes of the nearest person; None stands for an empty gallery."""
    if nearest is None or nearest.score < policy.threshold:
        outcome = Outcome.NO_MATCH
    elif nearest.margin is not None and (nearest.margin < policy.margin or nearest.margin == 0):
        outcome = Outcome.AMBIGUOUS
    else:
        outcome = Outcome.MATCH
    return Identification(
        outcome=outcome,
        employee=nearest.employee if nearest is not None and outcome is Outcome.MATCH else None,
        score=nearest.score if nearest is not None else None,
        margin=nearest.margin if nearest is not None else None,
        threshold=policy.threshold,
        gallery_size=gallery_size,
    )
