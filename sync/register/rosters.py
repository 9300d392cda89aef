"""What HR's list changes in the register, all of it in one transaction or none; and whose days have come since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from sync.register import Register, RegisterError
from sync.register.people import Employee, employee_in
from sync.register.people_schema import PersonRefused, checked_number, checked_office, cleaned_name, employees, releases


class RosterChanged(RegisterError):
    """Somebody else changed one of these people since they were looked at: nothing was changed; compare again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a list says of somebody: they are in sets from `valid_from` on and before `valid_until`."""

    name: str
    office: str
    valid_from: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChange:
    """Somebody as they were looked at, None where they were not in the register, and as they are to be."""

    number: str
    before: Place | None
    after: Place


def apply_changes(register: Register, changes: Sequence[RosterChange]) -> int:
    """Have every change in the register, templates and PINs as they were, and return how many there are.

    Raises RosterChanged where somebody is not as `before` has them, or was withdrawn, and PersonRefused for what cannot
    stand there; then none of the changes was made.
    """
    with register.write() as connection:
        for change in changes:
            number, after = checked_number(change.number), change.after
            if after.valid_until is not None and after.valid_until < after.valid_from:
                raise PersonRefused(f"employee {number} would end before beginning")
            values = {
                "name": cleaned_name(after.name),
                "office": checked_office(after.office),
                "valid_from": after.valid_from.astimezone(UTC),
                "valid_until": None if after.valid_until is None else after.valid_until.astimezone(UTC),
            }
            row = connection.execute(sa.select(employees).where(employees.c.number == number)).one_or_none()
            found = (
                None
                if row is None
                else Place(name=row.name, office=row.office, valid_from=row.valid_from, valid_until=row.valid_until)
            )
            if found != change.before or (row is not None and row.withdrawn_at is not None):
                raise RosterChanged(
                    f"employee {number} was changed while the list was looked at; nothing was changed: run it again"
                )
            if row is None:
                connection.execute(sa.insert(employees).values(number=number, **values))
            else:
                connection.execute(sa.update(employees).where(employees.c.number == number).values(values))
    return len(changes)


def set_photo(register: Register, number: str, allowed: bool) -> tuple[Employee, bool]:
    """Have kiosks keep sealed pictures of the person, or none; return them, and whether that is new.

    It holds on the kiosks from the next published set on. Raises PersonRefused.
    """
    with register.write() as connection:
        before = employee_in(connection, number)
        connection.execute(sa.update(employees).where(employees.c.number == number).values(photo=allowed))
        return employee_in(connection, number), before.photo is not allowed


def offices_due(register: Register, at: datetime) -> list[str]:
    """Return the offices, by name, where somebody's days began or ended since the office's set was last released.

    Offices of which no set was ever released are none of them.
    """
    last = (
        sa.select(releases.c.office, sa.func.max(releases.c.created_at).label("released"))
        .group_by(releases.c.office)
        .subquery()
    )
    began, ended = employees.c.valid_from, employees.c.valid_until
    wanted = (
        sa.select(employees.c.office)
        .join(last, last.c.office == employees.c.office)
        .where(
            employees.c.withdrawn_at.is_(None),
            sa.or_(
                sa.and_(began > last.c.released, began <= at),
                sa.and_(ended > last.c.released, ended <= at),
            ),
        )
        .distinct()
        .order_by(employees.c.office)
    )
    with register.read() as connection:
        return list(connection.scalars(wanted))
