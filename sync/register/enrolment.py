"""Employees come into the central register, change there and leave it, with their templates and PIN hashes.

Each function is one transaction: all of it is durable on return, or none. `people` reads what is there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sync.register import Register, RegisterError, RegisterUnavailable
from sync.register.attacks import drop_near_misses_in
from sync.register.consents import Consent, basis_in, record_in, refuse_taken_back_in, withdraw_in
from sync.register.enrolments import refuse_withdrawn_in
from sync.register.people import Employee, Template, employee_in, newest_template_in
from sync.register.people_schema import (
    PersonRefused,
    checked_number,
    checked_office,
    cleaned_name,
    clear_log,
    employees,
    pins,
    templates,
)
from sync.register.sealed_templates import sealed_vector
from sync.register.withdrawals import note_in


class TemplatesChanged(RegisterError):
    """Somebody else enrolled a face in the meantime: nothing was changed; compare again."""


def upsert_employee(
    register: Register,
    *,
    number: str,
    name: str | None,
    office: str,
    at: datetime,
    template: Template | None = None,
    pin_hash: str | None = None,
    move: bool = False,
    again: bool = False,
    newest_compared: int | None = None,
    consent: Consent | None = None,
    looks: Sequence[Template] = (),
    photo: bool | None = None,
) -> Employee:
    """Have the employee, with this template and PIN if given, in the register, and return what is there now.

    A template replaces the one of the same engine, source and look; without `name` the one in the register stays. A
    number of another office is taken only with `move`, a withdrawn one only with `again`. `newest_compared` is the id
    of the newest template this one was compared with: two desks must not enrol one face under two numbers at once.
    `consent` is recorded with them; nobody who took theirs back gets a template without a newer one. `looks` are
    further templates; `photo`, if given, says whether kiosks may keep pictures of the person. Raises PersonRefused, and
    TemplatesChanged where there are newer ones; then nothing was changed.
    """
    number, office = checked_number(number), checked_office(office)
    values: dict[str, object] = {"office": office, "withdrawn_at": None}
    if photo is not None:
        values["photo"] = photo
    if name is not None:
        values["name"] = cleaned_name(name)
    with register.write() as connection:
        row = _may_enrol(connection, number, name, office, move=move, again=again)
        new = (*((template,) if template is not None else ()), *looks)
        if newest_compared is not None and new and newest_template_in(connection) != newest_compared:
            raise TemplatesChanged("others enrol faces all the time, and this one could not be compared; try again")
        if row is None:
            connection.execute(sa.insert(employees).values(number=number, valid_from=at, **values))
        else:
            if row.withdrawn_at is not None:
                values |= {"valid_from": at, "valid_until": None}
            connection.execute(sa.update(employees).where(employees.c.number == number).values(values))
        if consent is not None:
            record_in(connection, consent)
        for each in new:
            refuse_taken_back_in(connection, number)
            put_template_in(register, connection, number, each)
        if pin_hash is not None:
            put_pin_in(connection, number, pin_hash, at)
        return employee_in(connection, number)


def check_employee(
    register: Register, *, number: str, name: str | None, office: str, move: bool = False, again: bool = False
) -> Employee | None:
    """Return the employee as they are now, or None, where `upsert_employee` would take them. Raises PersonRefused."""
    number, office = checked_number(number), checked_office(office)
    if name is not None:
        cleaned_name(name)
    with register.read() as connection:
        row = _may_enrol(connection, number, name, office, move=move, again=again)
        return None if row is None else employee_in(connection, number)


def add_template(register: Register, number: str, template: Template) -> None:
    """Have `template` as the person's one of its engine, source and look. Raises PersonRefused."""
    with register.write() as connection:
        _present(connection, number)
        put_template_in(register, connection, number, template)


def set_pin(register: Register, number: str, pin_hash: str, *, at: datetime) -> Employee:
    """Have `pin_hash` (argon2id, as terminal.pin makes it) as the person's PIN, and return the person.

    Raises PersonRefused.
    """
    with register.write() as connection:
        _present(connection, number)
        put_pin_in(connection, number, pin_hash, at)
        return employee_in(connection, number)


def set_administrator(register: Register, number: str, administrator: bool) -> tuple[Employee, bool]:
    """Have the person an administrator of their office's kiosks, or not; return them, and whether that is new.

    It holds on the kiosks from the next published set on. Raises PersonRefused.
    """
    with register.write() as connection:
        _present(connection, number)
        changed = connection.execute(
            sa.update(employees)
            .where(employees.c.number == number, employees.c.administrator.is_not(administrator))
            .values(administrator=administrator)
        ).rowcount
        return employee_in(connection, number), bool(changed)


def withdraw(register: Register, number: str, *, at: datetime) -> Employee:
    """Have no template and no PIN of the person left, in the database file or its log; the number stays, marked.

    The key of their templates is destroyed: no copy of the register, no backup of it, can give one back.
    They are no administrator any more, and what they agreed to is marked as taken back. A second withdrawal changes
    nothing. Sets released before still hold the person until the next is published. Raises PersonRefused;
    RegisterUnavailable where the log is still held by a reader: the call can be repeated.
    """
    with register.write() as connection:
        first = employee_in(connection, number).withdrawn_at is None
        _forget_face(register, connection, number, at=at, leaves=True, first=first)
        if first:
            connection.execute(sa.update(employees).where(employees.c.number == number).values(withdrawn_at=at))
        connection.execute(sa.update(employees).where(employees.c.number == number).values(administrator=False))
        connection.execute(sa.delete(pins).where(pins.c.employee == number))
        left = employee_in(connection, number)
    _clear_log(register, number)
    return left


def withdraw_face(register: Register, number: str, *, at: datetime) -> Employee:
    """Have no template of the person left, as `withdraw` does; they stay, and go on with their PIN.

    Raises PersonRefused for somebody unknown or withdrawn, or of whom no face is held; RegisterUnavailable as there.
    """
    with register.write() as connection:
        _present(connection, number)
        held = _forget_face(register, connection, number, at=at, leaves=False, first=False)
        left = employee_in(connection, number)
    _clear_log(register, number)
    if not held:
        raise PersonRefused(f"no face of employee {number} is held; nothing was withdrawn")
    return left


def _forget_face(
    register: Register, connection: sa.Connection, number: str, *, at: datetime, leaves: bool, first: bool
) -> bool:
    """Have the person's templates and basis gone, with a note of it; return whether there were any."""
    gone = connection.execute(sa.delete(templates).where(templates.c.employee == number)).rowcount
    agreed = basis_in(connection, number)
    waited = refuse_withdrawn_in(connection, number, at=at, leaves=leaves)
    drop_near_misses_in(connection, number)
    withdraw_in(connection, number, at=at)
    destroyed = register.template_keys.destroy(number)  # in the transaction: nobody enrols with it in between
    held = bool(gone or agreed or destroyed or waited)
    if held or first:
        note_in(connection, number, at=at, leaves=leaves, templates=gone, key_destroyed=destroyed)
    return held


def _clear_log(register: Register, number: str) -> None:
    if not clear_log(register):
        raise RegisterUnavailable(
            f"employee {number} is withdrawn, but a long reader keeps the register's log; run the command once more"
        )


def _may_enrol(
    connection: sa.Connection, number: str, name: str | None, office: str, *, move: bool, again: bool
) -> sa.Row[Any] | None:
    """Return the employee's row, or None for a new one. Raises PersonRefused where they cannot be enrolled."""
    row = connection.execute(sa.select(employees).where(employees.c.number == number)).one_or_none()
    if row is None:
        if name is None:
            raise PersonRefused(f"employee {number} is new; give their name as well")
        return None
    if row.withdrawn_at is not None and not again:
        raise PersonRefused(
            f"employee {number} was withdrawn on {row.withdrawn_at:%Y-%m-%d}; "
            "enrol with --again if they have come back or agreed anew"
        )
    if row.office != office and not move:
        raise PersonRefused(
            f"employee {number} belongs to office {row.office}; enrol with --move to bring them to {office}"
        )
    return row


def _present(connection: sa.Connection, number: str) -> None:
    if (gone := employee_in(connection, number).withdrawn_at) is not None:
        raise PersonRefused(f"employee {number} was withdrawn on {gone:%Y-%m-%d}; enrol them again first")


def put_template_in(register: Register, connection: sa.Connection, number: str, template: Template) -> None:
    """Have `template` as the person's one of its engine, source and look, inside the caller's transaction."""
    connection.execute(
        sa.delete(templates).where(
            templates.c.employee == number,
            templates.c.engine_id == template.engine_id,
            templates.c.source == template.source,
            templates.c.look == template.look,
        )
    )
    connection.execute(
        sa.insert(templates).values(
            employee=number,
            engine_id=template.engine_id,
            source=template.source,
            look=template.look,
            vector=sealed_vector(
                register,
                employee=number,
                engine_id=template.engine_id,
                source=template.source,
                look=template.look,
                vector=template.vector,
            ),
            sealed=True,
            samples=template.samples,
            made_from=template.made_from,
            made_at=template.made_at,
        )
    )


def put_pin_in(connection: sa.Connection, number: str, pin_hash: str, at: datetime) -> None:
    """Have `pin_hash` as the person's PIN, set `at`, inside the caller's transaction."""
    connection.execute(sa.delete(pins).where(pins.c.employee == number))
    connection.execute(sa.insert(pins).values(employee=number, hash=pin_hash, set_at=at))
