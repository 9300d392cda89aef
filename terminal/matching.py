"""Who a probe is: open-set identification against a gallery, by a policy that is a value. *Pure*.

The threshold grows with the gallery: P(a stranger matches somebody) = 1 - (1 - FMR)^N, so at the same FPIR each further
template asks for a lower FMR. The margin is to the runner-up *person*, never to a second template of the same one. Two
people too alike are never told apart silently: their answer is AMBIGUOUS, and the kiosk asks for the PIN.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from errors import HadirError
from terminal.faces import Encoding, Vector
from terminal.gallery import Gallery
from terminal.search import Nearest, ProbeRefused, nearest_to


class GalleryTooLarge(HadirError):
    """The calibration knows no threshold that keeps strangers out of so many templates; the text says what to do."""


class Outcome(StrEnum):
    """The answers identification knows."""

    MATCH = "match"
    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """At `threshold`, no more than `fmr` of comparisons of different people match."""

    fmr: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a probe is somebody. `margin`: the lead a match must have over the runner-up person, in cosine.

    `threshold` is the least cosine score of a match in any gallery. `steps`, ever lower FMR at thresholds that never
    fall, raise it with the gallery, so that no more than `fpir` of strangers match anybody; without steps it holds for
    every gallery.
    """

    threshold: float
    margin: float
    fpir: float = 0.001
    steps: tuple[Step, ...] = ()

    def threshold_for(self, templates: int) -> float:
        """Return the threshold in a gallery of so many templates. Raises GalleryTooLarge.

        Between two steps the stricter one holds. Every template counts, not every person: one with two looks can be
        mistaken twice.
        """
        if not self.steps:
            return self.threshold
        wanted = fmr_for(self.fpir, max(1, templates))
        step = next((step for step in self.steps if step.fmr <= wanted), None)
        if step is None:
            raise GalleryTooLarge(
                f"{templates} templates are more than the {self.largest} the engine's calibration supports at "
                f"match.fpir {self.fpir:g}; split the office, calibrate with more people "
                "(./hadir enroll evaluate --calibrate), or accept a higher match.fpir"
            )
        return max(self.threshold, step.threshold)

    @property
    def largest(self) -> int | None:
        """The most templates there is a threshold for; None where it is the same for all."""
        if not self.steps:
            return None
        least = self.steps[-1].fmr
        templates = int(math.log1p(-self.fpir) / math.log1p(-least))
        # Rounding may be off by one either way, and this must be just where threshold_for begins to refuse.
        while fmr_for(self.fpir, templates + 1) >= least:
            templates += 1
        while templates and fmr_for(self.fpir, templates) < least:
            templates -= 1
        return templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """The decision about one probe. `employee` only for MATCH. `score` is the best person's cosine score and `margin`
    its lead over the runner-up person (absent where the gallery has one person or none). `threshold` is what a match
    had to reach."""

    outcome: Outcome
    employee: str | None
    score: float | None
    margin: float | None
    threshold: float
    gallery_size: int


def fmr_for(fpir: float, templates: int) -> float:
    """Return the FMR at which `fpir` of strangers match one of so many templates: 1 - (1 - fpir)^(1/N).

    Comparisons count as independent. Those of one stranger are not, which makes the truth smaller, never larger.
    """
    return -math.expm1(math.log1p(-fpir) / templates)


def identify(probe: Encoding | Vector, gallery: Gallery, policy: Policy) -> Identification:
    """Return who `probe` is by `policy`. A person's score is that of their best template.

    An Encoding must be of the gallery's engine. Two people exactly alike are always ambiguous. Raises ProbeRefused for
    another engine or dimension, and for a probe that is not a finite vector of unit norm; GalleryTooLarge.
    """
    if isinstance(probe, Encoding):
        if probe.engine_id != gallery.engine_id:
            raise ProbeRefused(f"a probe of engine {probe.engine_id} cannot be compared with {gallery.engine_id}")
        probe = probe.vector
    nearest = nearest_to(probe[np.newaxis, :], gallery)
    return decide(nearest[0] if nearest else None, policy, gallery)


def decide(nearest: Nearest | None, policy: Policy, gallery: Gallery) -> Identification:
    """Return what `policy` makes of the person nearest in `gallery`; None for one that is empty.

    Whoever the set says resembles somebody needs a score a margin above the threshold and twice the lead; where the two
    templates would match each other, no lead is enough. Short of it the answer is AMBIGUOUS. Raises GalleryTooLarge.
    """
    threshold = least = policy.threshold_for(gallery.rows)
    margin = policy.margin
    outcome = Outcome.MATCH
    if nearest is not None and (likeness := _likeness(nearest.employee, gallery)) is not None:
        threshold, margin = threshold + policy.margin, 2 * margin
        if likeness >= least:
            outcome = Outcome.AMBIGUOUS
    if nearest is None or nearest.score < least:
        threshold, outcome = least, Outcome.NO_MATCH
    elif nearest.score < threshold or (nearest.margin is not None and (nearest.margin < margin or nearest.margin == 0)):
        outcome = Outcome.AMBIGUOUS
    return Identification(
        outcome=outcome,
        employee=nearest.employee if nearest is not None and outcome is Outcome.MATCH else None,
        score=nearest.score if nearest is not None else None,
        margin=nearest.margin if nearest is not None else None,
        threshold=threshold,
        gallery_size=len(gallery.employees),
    )


def _likeness(employee: str, gallery: Gallery) -> float | None:
    """Return how much the likest colleague's template resembles one of theirs; None where the set names nobody."""
    person = gallery.people.get(employee)
    return max((other.score for other in person.resembles), default=None) if person is not None else None
