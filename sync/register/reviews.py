"""Punches a human should look at: the kiosk counted them, and said what is odd about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sync.messages import Method
from sync.register import Register
from sync.register.events import punches_where
from sync.register.schema import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A punch by PIN, the codes of what is odd about it, and its picture: a reference, or why there is none."""

    at: datetime
    office: str
    terminal: str
    employee: str
    receipt: str
    review: tuple[str, ...]
    evidence_ref: str | None
    score: float | None


def reviews_since(register: Register, since: datetime, *, terminal: str | None = None) -> Iterator[Review]:
    """Yield the punches by PIN that count at or after `since` and are to be looked at, by time.

    Raises RegisterUnavailable.
    """
    wanted = [events.c.method == Method.PIN.value, events.c.counted_at >= since]
    if terminal is not None:
        wanted.append(events.c.terminal == terminal)
    for counted_at, entry in punches_where(register, *wanted):
        if entry.punch.review:
            yield Review(
                at=counted_at,
                office=entry.office,
                terminal=entry.terminal,
                employee=entry.punch.employee,
                receipt=entry.receipt,
                review=entry.punch.review,
                evidence_ref=entry.punch.evidence_ref,
                score=entry.punch.score,
            )
