"""Employees in the central register and their templates, as they are; sync/register/enrolment.py changes them.

`employee_in` and `newest_template_in` work inside a transaction of the caller, the others are one each. All raise
RegisterUnavailable when the database is away. Names live here and in signed sets only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sync.register import Register
from sync.register.people_schema import PersonRefused, employees, pins, templates
from sync.register.sealed_templates import opener


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """A person in the register. `samples` counts the pictures all their templates were made from.

    `newest_template` is the id of the template they got last, 0 without any; ids only rise. An `administrator` may open
    the desk of the kiosks of their office. They are in no set from `valid_until` on, and not before `valid_from`;
    `photo` says whether a kiosk may keep a sealed picture of them.
    """

    number: str
    name: str
    office: str
    valid_from: datetime
    withdrawn_at: datetime | None
    templates: int
    samples: int
    has_pin: bool
    newest_template: int = 0
    administrator: bool = False
    valid_until: datetime | None = None
    photo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A person's normalised mean encoding. `vector` is float32 little-endian; `source` is "photos", "camera" or
    "encodings".

    `made_from` is a SHA-256 in hex of what it was made from, absent where that is not kept.
    """

    engine_id: str
    vector: bytes
    samples: int
    source: str
    made_at: datetime
    made_from: str | None = None
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNote:
    """What may be told of a template: everything but its vector."""

    engine_id: str
    look: str
    source: str
    samples: int
    made_at: datetime


def find_employee(register: Register, number: str) -> Employee | None:
    """Return the employee of `number`, or None."""
    with register.read() as connection:
        row = connection.execute(_overview().where(employees.c.number == number)).one_or_none()
    return None if row is None else Employee(**row._mapping)


def list_people(register: Register, office: str | None = None) -> list[Employee]:
    """Return every employee (of `office`), withdrawn ones too, by number."""
    wanted = _overview().order_by(employees.c.number)
    if office is not None:
        wanted = wanted.where(employees.c.office == office)
    with register.read() as connection:
        return [Employee(**row._mapping) for row in connection.execute(wanted)]


def offices(register: Register) -> list[str]:
    """Return the offices that have or had people, by name."""
    with register.read() as connection:
        return list(connection.scalars(sa.select(employees.c.office).distinct().order_by(employees.c.office)))


def newest_template(register: Register) -> int:
    """Return the id of the template that was added last, 0 without any."""
    with register.read() as connection:
        return newest_template_in(connection)


def templates_of(register: Register, engine_id: str) -> list[tuple[str, Template]]:
    """Return (employee number, template) of everybody in every office, for the engine, their vectors opened.

    Raises TemplatesSealed, TemplateKeysFailed.
    """
    opened = opener(register)
    wanted = (
        sa.select(templates).where(templates.c.engine_id == engine_id).order_by(templates.c.employee, templates.c.id)
    )
    with register.read() as connection:
        return [(row.employee, template_of_row(row, opened)) for row in connection.execute(wanted)]


def template_of_row(row: sa.Row[Any], opened: Callable[[Any], bytes]) -> Template:
    """Return the template of a row of `templates`; `opened` is what `sealed_templates.opener` returned."""
    return Template(
        engine_id=row.engine_id,
        vector=opened(row),
        samples=row.samples,
        source=row.source,
        made_at=row.made_at,
        made_from=row.made_from,
        look=row.look,
    )


def template_notes(register: Register, number: str) -> list[TemplateNote]:
    """Return what may be told of each template of `number`, by look and engine."""
    kept = templates.c
    wanted = (
        sa.select(kept.engine_id, kept.look, kept.source, kept.samples, kept.made_at)
        .where(kept.employee == number)
        .order_by(kept.look, kept.engine_id, kept.source)
    )
    with register.read() as connection:
        return [TemplateNote(**row._mapping) for row in connection.execute(wanted)]


def pin_hash_of(register: Register, number: str) -> str | None:
    """Return the hash of the person's PIN, or None without one."""
    with register.read() as connection:
        found = connection.scalar(sa.select(pins.c.hash).where(pins.c.employee == number))
    return None if found is None else str(found)


def engines_of(register: Register, office: str) -> dict[str, list[str]]:
    """Return, by employee number, the ids of the engines that made the templates of everybody at `office`."""
    wanted = (
        sa.select(templates.c.employee, templates.c.engine_id)
        .join(employees, employees.c.number == templates.c.employee)
        .where(employees.c.office == office)
        .distinct()
        .order_by(templates.c.employee, templates.c.engine_id)
    )
    found: dict[str, list[str]] = {}
    with register.read() as connection:
        for row in connection.execute(wanted):
            found.setdefault(row.employee, []).append(row.engine_id)
    return found


def employee_in(connection: sa.Connection, number: str) -> Employee:
    """Return the employee of `number` inside the caller's transaction. Raises PersonRefused where there is none."""
    row = connection.execute(_overview().where(employees.c.number == number)).one_or_none()
    if row is None:
        raise PersonRefused(f"there is no employee {number}; see ./hadir enroll list")
    return Employee(**row._mapping)


def newest_template_in(connection: sa.Connection) -> int:
    """Return what `newest_template` says inside the caller's transaction."""
    return int(connection.scalar(sa.select(sa.func.max(templates.c.id))) or 0)


def _overview() -> sa.Select[tuple[object, ...]]:
    owned = templates.c.employee == employees.c.number
    return sa.select(
        employees.c.number,
        employees.c.name,
        employees.c.office,
        employees.c.valid_from,
        employees.c.withdrawn_at,
        employees.c.administrator,
        employees.c.valid_until,
        employees.c.photo,
        sa.select(sa.func.count()).where(owned).scalar_subquery().label("templates"),
        sa.select(sa.func.coalesce(sa.func.sum(templates.c.samples), 0))
        .where(owned)
        .scalar_subquery()
        .label("samples"),
        sa.exists().where(pins.c.employee == employees.c.number).label("has_pin"),
        sa.select(sa.func.coalesce(sa.func.max(templates.c.id), 0))
        .where(owned)
        .scalar_subquery()
        .label("newest_template"),
    )
