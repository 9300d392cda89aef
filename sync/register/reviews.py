"""Punches a human should look at: the kiosk counted them, and said what is odd about them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.messages import Method
from sync.register import Register
from sync.register.events import punches_where
from sync.register.schema import events

_BY_PIN = (Method.PIN.value, Method.FACE_AND_PIN.value)
_KEYS_A_QUERY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A punch by PIN, the codes of what is odd about it, and its picture: a reference, or why there is none."""

    at: datetime
    office: str
    terminal: str
    employee: str
    receipt: str
    review: tuple[str, ...]
    cues: tuple[str, ...]
    evidence_ref: str | None
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPunch:
    """A punch by PIN, whatever is said of it."""

    at: datetime
    terminal: str
    employee: str
    receipt: str


def reviews_since(
    register: Register, since: datetime, *, office: str | None = None, terminal: str | None = None
) -> Iterator[Review]:
    """Yield the punches by PIN that count at or after `since` and are to be looked at, by time.

    Raises RegisterUnavailable.
    """
    wanted = [events.c.method.in_(_BY_PIN), events.c.counted_at >= since]
    if office is not None:
        wanted.append(events.c.office == office)
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
                cues=entry.punch.cues,
                evidence_ref=entry.punch.evidence_ref,
                score=entry.punch.score,
            )


def pins_of(register: Register, employees: Collection[str], since: datetime) -> list[PinPunch]:
    """Return the punches by PIN of `employees` that count at or after `since`, and are nobody else's by now.

    Raises RegisterUnavailable.
    """
    found = []
    shown = [events.c.counted_at.label("at"), events.c.terminal, events.c.employee, events.c.receipt]
    numbers = sorted(employees)
    with register.read() as connection:
        for start in range(0, len(numbers), _KEYS_A_QUERY):
            wanted = sa.select(*shown).where(
                events.c.employee.in_(numbers[start : start + _KEYS_A_QUERY]),
                events.c.counted_at >= since,
                events.c.method.in_(_BY_PIN),
                ~events.c.voided,
            )
            found += [PinPunch(**row._mapping) for row in connection.execute(wanted)]
    return found
