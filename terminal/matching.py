"""Who a probe is: open-set identification against a gallery, by a policy that is a value. *Pure*."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from terminal.faces import Encoding, Vector
from terminal.gallery import Gallery
from terminal.search import Nearest, ProbeRefused, nearest_to


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
