"""On what basis the centre keeps a person's face: which text was shown to them, when and where, and when it ended.

Nothing here is ever deleted: that somebody agreed, and that they took it back, are what an office has to be able to
show. Each function is one transaction; those named `..._in` are part of the caller's.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from sync.register import Register
from sync.register.people import employee_in
from sync.register.people_schema import PersonRefused, consents, employees

MAX_DESK = 80
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")


class Basis(StrEnum):
    """Why a face may be kept: the person agreed, or a public duty of the office asks for it (UU PDP 27/2022, 20)."""

    CONSENT = "consent"
    PUBLIC_DUTY = "public_duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One basis of one person. `text_version` is that of the text on the screen; `desk` is the terminal or the desk
    where it was shown."""

    employee: str
    basis: Basis
    text_version: str
    given_at: datetime
    desk: str
    withdrawn_at: datetime | None = None


def record_consent(
    register: Register, number: str, *, basis: Basis, text_version: str, given_at: datetime, desk: str
) -> Consent:
    """Have this basis in the register, beside those of before, and return it; written again it is there once.

    Raises PersonRefused for somebody unknown or withdrawn, for a version or desk that cannot be one, where another
    basis of the same moment is there, and for one that they took back later; then nothing was changed.
    """
    wanted = Consent(employee=number, basis=Basis(basis), text_version=text_version, given_at=given_at, desk=desk)
    with register.write() as connection:
        return record_in(connection, wanted)


def withdraw_consent(register: Register, number: str, *, at: datetime) -> Consent | None:
    """Have every basis of the person marked as taken back, and return the newest, None where there was none.

    What was taken back before keeps its moment. The templates stay: `enrolment.withdraw` deletes them, and marks this
    too. Raises PersonRefused where there is no such person.
    """
    with register.write() as connection:
        employee_in(connection, number)
        withdraw_in(connection, number, at=at)
        return _newest(connection, number)


def consent_of(register: Register, number: str) -> Consent | None:
    """Return the person's newest basis, taken back or not, or None."""
    with register.read() as connection:
        return _newest(connection, number)


def basis_of(register: Register, number: str) -> Consent | None:
    """Return the person's newest basis that was not taken back, or None: then no face of theirs may be kept."""
    with register.read() as connection:
        return basis_in(connection, number)


def basis_in(connection: sa.Connection, number: str) -> Consent | None:
    """Return what `basis_of` does inside the caller's transaction."""
    return _newest(connection, number, consents.c.withdrawn_at.is_(None))


def every_consent_in(connection: sa.Connection, number: str) -> list[Consent]:
    """Return every basis of the person, taken back or not, in order, inside the caller's transaction."""
    wanted = sa.select(consents).where(consents.c.employee == number).order_by(consents.c.given_at, consents.c.id)
    return [_consent(row) for row in connection.execute(wanted)]


def taken_back_at(register: Register, number: str) -> datetime | None:
    """Return when the person last took back that their face is kept, or None where they never did."""
    with register.read() as connection:
        return _taken_back_in(connection, number)


def with_basis(register: Register, office: str) -> frozenset[str]:
    """Return the numbers of those at `office` whose face may be kept."""
    wanted = (
        sa.select(consents.c.employee)
        .join(employees, employees.c.number == consents.c.employee)
        .where(employees.c.office == office, consents.c.withdrawn_at.is_(None))
        .distinct()
    )
    with register.read() as connection:
        return frozenset(connection.scalars(wanted))


def record_in(connection: sa.Connection, wanted: Consent) -> Consent:
    """Have `wanted` recorded as `record_consent` does, inside the caller's transaction. Raises PersonRefused."""
    number = wanted.employee
    if not _VERSION.fullmatch(wanted.text_version):
        raise PersonRefused("the version of a consent text is 1 to 40 letters, digits, dots or hyphens, as 2026-03-02")
    if not (1 <= len(wanted.desk) <= MAX_DESK and wanted.desk.isprintable()):
        raise PersonRefused(f"the desk of a consent has 1 to {MAX_DESK} characters that can be shown")
    if (gone := employee_in(connection, number).withdrawn_at) is not None:
        raise PersonRefused(f"employee {number} was withdrawn on {gone:%Y-%m-%d}; enrol them again first")
    present = connection.execute(
        sa.select(consents).where(consents.c.employee == number, consents.c.given_at == wanted.given_at)
    ).one_or_none()
    if present is not None:
        kept = _consent(present)
        if (kept.basis, kept.text_version, kept.desk) != (wanted.basis, wanted.text_version, wanted.desk):
            raise PersonRefused(f"employee {number} has another basis of that very moment; record it with its own time")
        return kept
    if (back := _taken_back_in(connection, number)) is not None and wanted.given_at <= back:
        raise PersonRefused(f"employee {number} took that back on {back:%Y-%m-%d}; ask them anew")
    connection.execute(
        sa.insert(consents).values(
            employee=number,
            basis=wanted.basis.value,
            text_version=wanted.text_version,
            given_at=wanted.given_at,
            desk=wanted.desk,
        )
    )
    return wanted


def refuse_taken_back_in(connection: sa.Connection, number: str) -> None:
    """Raise PersonRefused where the person took back that their face is kept and has said nothing else since."""
    if basis_in(connection, number) is not None:
        return
    if (back := _taken_back_in(connection, number)) is not None:
        raise PersonRefused(f"employee {number} took back on {back:%Y-%m-%d} that their face is kept; ask them anew")


def withdraw_in(connection: sa.Connection, number: str, *, at: datetime) -> None:
    """Have every basis of the person marked as taken back inside the caller's transaction."""
    connection.execute(
        sa.update(consents)
        .where(consents.c.employee == number, consents.c.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )


def _newest(connection: sa.Connection, number: str, *where: sa.ColumnElement[bool]) -> Consent | None:
    row = connection.execute(
        sa.select(consents)
        .where(consents.c.employee == number, *where)
        .order_by(consents.c.given_at.desc(), consents.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _consent(row)


def _taken_back_in(connection: sa.Connection, number: str) -> datetime | None:
    back: datetime | None = connection.scalar(
        sa.select(consents.c.withdrawn_at)
        .where(consents.c.employee == number, consents.c.withdrawn_at.is_not(None))
        .order_by(consents.c.withdrawn_at.desc())
        .limit(1)
    )
    return back


def _consent(row: sa.Row[tuple[object, ...]]) -> Consent:
    kept = row._mapping
    return Consent(
        employee=kept["employee"],
        basis=Basis(kept["basis"]),
        text_version=kept["text_version"],
        given_at=kept["given_at"],
        desk=kept["desk"],
        withdrawn_at=kept["withdrawn_at"],
    )
