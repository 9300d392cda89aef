"""Withdrawals and exports: what was done with what is held about somebody, noted in the transaction that did it.

A withdrawal is done with once each office whose sets held the face has a set without it, and each of its kiosks has
said (sync/register/set_words.py) that it uses that one or a later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.register import Register
from sync.register.people_schema import employees, releases
from sync.register.schema import Id, Instant, metadata

# `leaves` is false where the person goes on with their PIN. `templates` were deleted, and the key that sealed them.
withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("leaves", sa.Boolean, nullable=False),
    sa.Column("templates", sa.Integer, nullable=False),
    sa.Column("key_destroyed", sa.Boolean, nullable=False),
    sa.Index("withdrawals_of_employee", "employee", "id"),
    sqlite_autoincrement=True,
)

# The offices whose sets held the face, and the first set seen to be without it; absent until there is one.
withdrawal_sets = sa.Table(
    "withdrawal_sets",
    metadata,
    sa.Column("withdrawal", Id, sa.ForeignKey("withdrawals.id"), primary_key=True, autoincrement=False),
    sa.Column("office", sa.String(40), primary_key=True),
    sa.Column("version", sa.BigInteger),
    sa.Column("sha256", sa.String(64)),
    sa.Column("released_at", Instant),
)

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("desk", sa.String(80), nullable=False),
    sa.Index("exports_of_employee", "employee", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWithout:
    """An office whose set held the face, and the set that is without it, None while there is none."""

    office: str
    version: int | None = None
    sha256: str | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What was withdrawn, and from which offices' sets."""

    id: int
    employee: str
    at: datetime
    leaves: bool
    templates: int
    key_destroyed: bool
    sets: tuple[SetWithout, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Somebody was given what is held about `employee`, at `desk`."""

    employee: str
    at: datetime
    desk: str


def note_in(
    connection: sa.Connection, number: str, *, at: datetime, leaves: bool, templates: int, key_destroyed: bool
) -> None:
    """Have the withdrawal noted, with the person's office where it has a set, inside the caller's transaction."""
    noted = connection.execute(
        sa.insert(withdrawals).values(
            employee=number, at=at, leaves=leaves, templates=templates, key_destroyed=key_destroyed
        )
    ).inserted_primary_key
    office = connection.scalar(
        sa.select(releases.c.office)
        .join(employees, employees.c.office == releases.c.office)
        .where(employees.c.number == number)
        .limit(1)
    )
    if office is not None:
        connection.execute(sa.insert(withdrawal_sets).values(withdrawal=noted[0] if noted else None, office=office))


def note_offices(register: Register, withdrawal: int, offices: Sequence[str]) -> None:
    """Have it noted that the sets of these offices held the face; what is there stays."""
    with register.write() as connection:
        there = set(
            connection.scalars(sa.select(withdrawal_sets.c.office).where(withdrawal_sets.c.withdrawal == withdrawal))
        )
        for office in offices:
            if office not in there:
                connection.execute(sa.insert(withdrawal_sets).values(withdrawal=withdrawal, office=office))


def note_set(
    register: Register, withdrawal: int, office: str, *, version: int, sha256: str, released_at: datetime
) -> None:
    """Have it noted that this set of the office was opened and is without the face."""
    with register.write() as connection:
        connection.execute(
            sa.update(withdrawal_sets)
            .where(
                withdrawal_sets.c.withdrawal == withdrawal,
                withdrawal_sets.c.office == office,
                withdrawal_sets.c.version.is_(None),
            )
            .values(version=version, sha256=sha256, released_at=released_at)
        )


def withdrawals_of(register: Register, number: str) -> list[Withdrawal]:
    """Return the person's withdrawals, the newest first."""
    with register.read() as connection:
        rows = connection.execute(
            sa.select(withdrawals).where(withdrawals.c.employee == number).order_by(withdrawals.c.id.desc())
        ).all()
        asked = [row.id for row in rows]
        without: dict[int, list[SetWithout]] = {each: [] for each in asked}
        for row in connection.execute(
            sa.select(withdrawal_sets).where(withdrawal_sets.c.withdrawal.in_(asked)).order_by(withdrawal_sets.c.office)
        ):
            without[row.withdrawal].append(
                SetWithout(office=row.office, version=row.version, sha256=row.sha256, released_at=row.released_at)
            )
    return [
        Withdrawal(
            id=row.id,
            employee=row.employee,
            at=row.at,
            leaves=row.leaves,
            templates=row.templates,
            key_destroyed=row.key_destroyed,
            sets=tuple(without[row.id]),
        )
        for row in rows
    ]


def note_export(register: Register, number: str, *, at: datetime, desk: str) -> None:
    """Have it noted that what is held about the person was given out."""
    with register.write() as connection:
        connection.execute(sa.insert(exports).values(employee=number, at=at, desk=desk))


def exports_of(register: Register, number: str) -> list[Export]:
    """Return when what is held about the person was given out, in order."""
    wanted = sa.select(exports).where(exports.c.employee == number).order_by(exports.c.id)
    with register.read() as connection:
        return [Export(employee=row.employee, at=row.at, desk=row.desk) for row in connection.execute(wanted)]
