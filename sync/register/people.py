"""Employees, their templates and PIN hashes, and the encoding sets released from them.

Each function is one transaction: all of it is durable on return, or none. Names live here and in signed sets only.
"""

import hashlib
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa

from sync.messages import EmployeeNumber, Identifier
from sync.register import Register, RegisterError, RegisterUnavailable
from sync.register.schema import Id, Instant, metadata
from sync.releases import EncodingSet, Person

MAX_NAME = 120
# Marks that turn the direction of writing, and could make one name look like another.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# A number stays after withdrawal, so that old punches keep their person and nobody else gets it.
employees = sa.Table(
    "employees",
    metadata,
    sa.Column("number", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("valid_from", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),
    sa.Index("employees_of_office", "office", "number"),
)

# One template for each engine and source (photos, camera). `made_from` tells whether the same photos came again.
templates = sa.Table(
    "templates",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
    sa.Column("engine_id", sa.String(200), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("made_from", sa.String(64)),
    sa.Column("made_at", Instant, nullable=False),
    sa.UniqueConstraint("employee", "engine_id", "source", name="templates_key"),
    sqlite_autoincrement=True,
)

pins = sa.Table(
    "pins",
    metadata,
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), primary_key=True),
    sa.Column("hash", sa.String(300), nullable=False),
    sa.Column("set_at", Instant, nullable=False),
)

# Every version ever released; only an office's newest keeps its bytes, as older ones hold people who have left.
releases = sa.Table(
    "releases",
    metadata,
    sa.Column("office", sa.String(40), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("engine_id", sa.String(200), nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("blob", sa.LargeBinary),
    sa.Column("created_at", Instant, nullable=False),
)


class PersonRefused(RegisterError):
    """This cannot be done to this employee; the text says why and what to do."""


class VersionTaken(RegisterError):
    """Somebody else released in the meantime; build the set again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """A person in the register. `samples` counts the pictures all their templates were made from."""

    number: str
    name: str
    office: str
    valid_from: datetime
    withdrawn_at: datetime | None
    templates: int
    samples: int
    has_pin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A person's normalised mean encoding. `vector` is float32 little-endian; `source` is "photos" or "camera".

    `made_from` is a SHA-256 in hex of what it was made from, absent where that is not kept.
    """

    engine_id: str
    vector: bytes
    samples: int
    source: str
    made_at: datetime
    made_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of an office's set as it was released."""

    office: str
    version: int
    engine_id: str
    people: int
    sha256: str
    created_at: datetime


def upsert_employee(
    register: Register,
    *,
    number: str,
    name: str,
    office: str,
    at: datetime,
    template: Template | None = None,
    pin_hash: str | None = None,
    move: bool = False,
    again: bool = False,
) -> Employee:
    """Have the employee, with this template and PIN if given, in the register, and return what is there now.

    A template replaces the one of the same engine and source. A number of another office is taken only with `move`, a
    withdrawn one only with `again`. Raises PersonRefused, and then nothing was changed.
    """
    number, office, name = checked_number(number), _checked_office(office), cleaned_name(name)
    with register.write() as connection:
        row = connection.execute(sa.select(employees).where(employees.c.number == number)).one_or_none()
        if row is None:
            connection.execute(sa.insert(employees).values(number=number, name=name, office=office, valid_from=at))
        else:
            if row.withdrawn_at is not None and not again:
                raise PersonRefused(
                    f"employee {number} was withdrawn on {row.withdrawn_at:%Y-%m-%d}; "
                    "enrol with --again if they have come back or agreed anew"
                )
            if row.office != office and not move:
                raise PersonRefused(
                    f"employee {number} belongs to office {row.office}; enrol with --move to bring them to {office}"
                )
            values: dict[str, object] = {"name": name, "office": office, "withdrawn_at": None}
            if row.withdrawn_at is not None:
                values["valid_from"] = at
            connection.execute(sa.update(employees).where(employees.c.number == number).values(values))
        if template is not None:
            _put_template(connection, number, template)
        if pin_hash is not None:
            _put_pin(connection, number, pin_hash, at)
        return _employee(connection, number)


def add_template(register: Register, number: str, template: Template) -> None:
    """Have `template` as the person's one of its engine and source. Raises PersonRefused."""
    with register.write() as connection:
        _present(connection, number)
        _put_template(connection, number, template)


def set_pin(register: Register, number: str, pin_hash: str, *, at: datetime) -> None:
    """Have `pin_hash` (argon2id, as terminal.pin makes it) as the person's PIN. Raises PersonRefused."""
    with register.write() as connection:
        _present(connection, number)
        _put_pin(connection, number, pin_hash, at)


def withdraw(register: Register, number: str, *, at: datetime) -> Employee:
    """Have no template and no PIN of the person left, in the database file or its log; the number stays, marked.

    A second withdrawal changes nothing. Sets released before still hold the person until the next is published.
    Raises PersonRefused; RegisterUnavailable where the log is still held by a reader: the call can be repeated.
    """
    with register.write() as connection:
        if _employee(connection, number).withdrawn_at is None:
            connection.execute(sa.update(employees).where(employees.c.number == number).values(withdrawn_at=at))
        connection.execute(sa.delete(templates).where(templates.c.employee == number))
        connection.execute(sa.delete(pins).where(pins.c.employee == number))
        left = _employee(connection, number)
    if not _clear_log(register):
        raise RegisterUnavailable(
            f"employee {number} is withdrawn, but a long reader keeps the register's log; run the command once more"
        )
    return left


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


def templates_of(register: Register, engine_id: str) -> list[tuple[str, Template]]:
    """Return (employee number, template) of everybody in every office, for the engine."""
    wanted = (
        sa.select(templates).where(templates.c.engine_id == engine_id).order_by(templates.c.employee, templates.c.id)
    )
    with register.read() as connection:
        return [
            (
                row.employee,
                Template(
                    engine_id=row.engine_id,
                    vector=row.vector,
                    samples=row.samples,
                    source=row.source,
                    made_at=row.made_at,
                    made_from=row.made_from,
                ),
            )
            for row in connection.execute(wanted)
        ]


def build_set(
    register: Register, *, office: str, engine_id: str, dimension: int, at: datetime, newer_than: int = 0
) -> EncodingSet:
    """Return the office's people as they are at `at`, under the version after the last released and `newer_than`.

    In it are those with a template of the engine or a PIN who are valid and not withdrawn. Raises PersonRefused for an
    office that cannot be.
    """
    office = _checked_office(office)
    wanted = (
        sa.select(employees.c.number, employees.c.name, pins.c.hash)
        .outerjoin(pins, pins.c.employee == employees.c.number)
        .where(employees.c.office == office, employees.c.withdrawn_at.is_(None), employees.c.valid_from <= at)
        .order_by(employees.c.number)
    )
    vectors = (
        sa.select(templates.c.employee, templates.c.vector)
        .join(employees, employees.c.number == templates.c.employee)
        .where(employees.c.office == office, templates.c.engine_id == engine_id)
        .order_by(templates.c.id)
    )
    with register.read() as connection:
        last = _last_version(connection, office)
        owned: dict[str, list[bytes]] = {}
        for row in connection.execute(vectors):
            owned.setdefault(row.employee, []).append(row.vector)
        people = tuple(
            Person(employee=row.number, name=row.name, templates=tuple(owned.get(row.number, ())), pin=row.hash)
            for row in connection.execute(wanted)
            if row.number in owned or row.hash is not None
        )
    return EncodingSet(
        office=office,
        version=max(last, newer_than) + 1,
        engine_id=engine_id,
        dimension=dimension,
        created_at=at,
        people=people,
    )


def record_release(register: Register, content: EncodingSet, blob: bytes) -> None:
    """Have `blob`, the signed `content`, as the office's current release; the bytes of older ones are gone.

    Raises VersionTaken unless its version is above every recorded one.
    """
    with register.write() as connection:
        if content.version <= _last_version(connection, content.office):
            raise VersionTaken(f"version {content.version} of {content.office} is taken; publish again")
        connection.execute(sa.update(releases).where(releases.c.office == content.office).values(blob=None))
        connection.execute(
            sa.insert(releases).values(
                office=content.office,
                version=content.version,
                engine_id=content.engine_id,
                people=len(content.people),
                sha256=hashlib.sha256(blob).hexdigest(),
                blob=blob,
                created_at=content.created_at,
            )
        )
    _clear_log(register)


def current_releases(register: Register) -> list[tuple[str, bytes]]:
    """Return (office, signed set) of every office's newest release: what lies on the retained topics."""
    wanted = sa.select(releases.c.office, releases.c.blob).where(releases.c.blob.is_not(None))
    with register.read() as connection:
        return [(row.office, row.blob) for row in connection.execute(wanted.order_by(releases.c.office))]


def list_releases(register: Register, office: str) -> list[Release]:
    """Return every release of `office`, newest first."""
    shown = [column for column in releases.c if column.name != "blob"]
    wanted = sa.select(*shown).where(releases.c.office == office).order_by(releases.c.version.desc())
    with register.read() as connection:
        return [Release(**row._mapping) for row in connection.execute(wanted)]


def checked_number(number: str) -> str:
    """Return `number` if it can be an employee number. Raises PersonRefused."""
    try:
        return msgspec.convert(number, EmployeeNumber)
    except msgspec.ValidationError as error:
        raise PersonRefused(
            f"{number[:40]!r} is not an employee number: 1 to 32 letters, digits, dots or hyphens, no sign first"
        ) from error


def cleaned_name(name: str) -> str:
    """Return `name` in one Unicode form (NFC) with single blanks. Raises PersonRefused for one nobody could read."""
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(clean) <= MAX_NAME:
        raise PersonRefused(f"a name has 1 to {MAX_NAME} characters; this one has {len(clean)}")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Cn", "Co") or sign in _DIRECTION_MARKS for sign in clean):
        raise PersonRefused("the name holds characters that cannot be shown; type it anew")
    return clean


def _checked_office(office: str) -> str:
    try:
        return msgspec.convert(office, Identifier)
    except msgspec.ValidationError as error:
        raise PersonRefused(
            f"{office[:60]!r} is not an office id: 2 to 40 lower-case letters, digits and hyphens"
        ) from error


def _overview() -> sa.Select[tuple[object, ...]]:
    owned = templates.c.employee == employees.c.number
    return sa.select(
        employees.c.number,
        employees.c.name,
        employees.c.office,
        employees.c.valid_from,
        employees.c.withdrawn_at,
        sa.select(sa.func.count()).where(owned).scalar_subquery().label("templates"),
        sa.select(sa.func.coalesce(sa.func.sum(templates.c.samples), 0))
        .where(owned)
        .scalar_subquery()
        .label("samples"),
        sa.exists().where(pins.c.employee == employees.c.number).label("has_pin"),
    )


def _employee(connection: sa.Connection, number: str) -> Employee:
    row = connection.execute(_overview().where(employees.c.number == number)).one_or_none()
    if row is None:
        raise PersonRefused(f"there is no employee {number}; see ./hadir enroll list")
    return Employee(**row._mapping)


def _present(connection: sa.Connection, number: str) -> None:
    if (gone := _employee(connection, number).withdrawn_at) is not None:
        raise PersonRefused(f"employee {number} was withdrawn on {gone:%Y-%m-%d}; enrol them again first")


def _put_template(connection: sa.Connection, number: str, template: Template) -> None:
    connection.execute(
        sa.delete(templates).where(
            templates.c.employee == number,
            templates.c.engine_id == template.engine_id,
            templates.c.source == template.source,
        )
    )
    connection.execute(
        sa.insert(templates).values(
            employee=number,
            engine_id=template.engine_id,
            source=template.source,
            vector=template.vector,
            samples=template.samples,
            made_from=template.made_from,
            made_at=template.made_at,
        )
    )


def _put_pin(connection: sa.Connection, number: str, pin_hash: str, at: datetime) -> None:
    connection.execute(sa.delete(pins).where(pins.c.employee == number))
    connection.execute(sa.insert(pins).values(employee=number, hash=pin_hash, set_at=at))


def _last_version(connection: sa.Connection, office: str) -> int:
    last = connection.scalar(sa.select(sa.func.max(releases.c.version)).where(releases.c.office == office))
    return int(last or 0)


def _clear_log(register: Register) -> bool:
    """Return whether SQLite's write-ahead log is empty now; deleted bytes would lie in it until it is written over."""
    if register.dialect != "sqlite":
        return True
    connection = register._engine.raw_connection()
    try:
        busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return not busy
