"""Everything the register holds about one person, read for that person: what they may ask for (UU PDP 27/2022, 5-7).

Each function is one transaction and raises RegisterUnavailable when the database is away.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from errors import HadirError
from sync import chain
from sync.messages import Entry
from sync.register import Register
from sync.register.consents import Consent, every_consent_in
from sync.register.people import Template, template_of_row
from sync.register.people_schema import pins, templates
from sync.register.schema import events
from sync.register.sealed_templates import opener


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntry:
    """An entry of a kiosk's chain that names the person: a punch of theirs, a correction, an enrolment, or what they
    did at a kiosk's desk.

    `entry` is as it was signed, None where its bytes cannot be read; the other fields are the register's own: as
    RegisteredEvent has them.
    """

    received_at: datetime
    counted_at: datetime | None
    voided: bool
    direction_now: str | None
    terminal: str
    epoch: str
    seq: int
    entry: Entry | None


def entries_of(register: Register, number: str) -> list[OwnEntry]:
    """Return every entry that names the person, by the time it counts with."""
    shown = events.c
    wanted = (
        sa.select(
            shown.received_at,
            shown.counted_at,
            shown.voided,
            shown.direction_now,
            shown.terminal,
            shown.epoch,
            shown.seq,
            shown.payload,
        )
        .where(shown.employee == number)
        .order_by(shown.counted_at, shown.id)
    )
    with register.read() as connection:
        return [
            OwnEntry(
                received_at=row.received_at,
                counted_at=row.counted_at,
                voided=row.voided,
                direction_now=row.direction_now,
                terminal=row.terminal,
                epoch=row.epoch,
                seq=row.seq,
                entry=_read(row.payload),
            )
            for row in connection.execute(wanted)
        ]


def consents_of(register: Register, number: str) -> list[Consent]:
    """Return every basis there ever was for the person's face, in order."""
    with register.read() as connection:
        return every_consent_in(connection, number)


def own_templates(register: Register, number: str) -> list[Template]:
    """Return the person's templates, opened, by look and engine. Raises TemplatesSealed, TemplateKeysFailed."""
    opened = opener(register)
    wanted = (
        sa.select(templates).where(templates.c.employee == number).order_by(templates.c.look, templates.c.engine_id)
    )
    with register.read() as connection:
        return [template_of_row(row, opened) for row in connection.execute(wanted)]


def pin_set_at(register: Register, number: str) -> datetime | None:
    """Return when the person's PIN was set, None without one."""
    with register.read() as connection:
        found: datetime | None = connection.scalar(sa.select(pins.c.set_at).where(pins.c.employee == number))
    return found


def _read(payload: bytes) -> Entry | None:
    try:
        return chain.read_entry(payload)[0]
    except HadirError:
        return None  # somebody changed the row by hand, and verify-chain names it
