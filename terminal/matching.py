"""Who a probe is: open-set identification against a gallery, by a policy that is a value."""

from dataclasses import dataclass
from enum import StrEnum


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
