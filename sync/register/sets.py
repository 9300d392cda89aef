"""Encoding sets released from the register's people: built, recorded, and handed to whoever lays them on the topics."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.register import Register, RegisterError
from sync.register.enrolments import decided_in, recently_withdrawn_in
from sync.register.people_schema import checked_office, clear_log, employees, pins, releases, templates
from sync.register.sealed_templates import OPENED, opener
from sync.releases import EncodingSet, Person


class VersionTaken(RegisterError):
    """Somebody else released in the meantime; build the set again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of an office's set as it was released."""

    office: str
    version: int
    engine_id: str
    people: int
    sha256: str
    created_at: datetime


def build_set(
    register: Register, *, office: str, engine_id: str, dimension: int, at: datetime, newer_than: int = 0
) -> EncodingSet:
    """Return the office's people as they are at `at`, under the version after the last released and `newer_than`.

    In it is everybody who is valid and not withdrawn; those with neither a template of the engine nor a PIN as well: a
    kiosk lets nobody pass for them, and its desk finds them by number or name to enrol them. Raises PersonRefused for
    an office that cannot be, TemplatesSealed and TemplateKeysFailed for templates that cannot be opened.
    """
    office = checked_office(office)
    wanted = (
        sa.select(employees.c.number, employees.c.name, employees.c.administrator, employees.c.photo, pins.c.hash)
        .outerjoin(pins, pins.c.employee == employees.c.number)
        .where(employees.c.office == office, employees.c.withdrawn_at.is_(None), _valid(at))
        .order_by(employees.c.number)
    )
    vectors = (
        sa.select(*OPENED)
        .join(employees, employees.c.number == templates.c.employee)
        .where(employees.c.office == office, templates.c.engine_id == engine_id)
        .order_by(templates.c.id)
    )
    with register.read() as connection:
        last = _last_version(connection, office)
        decided = decided_in(connection, office, at)  # first: what became of each is in what is read after it
        withdrawn = recently_withdrawn_in(connection, office, at)
        opened = opener(register)
        owned: dict[str, list[bytes]] = {}
        for row in connection.execute(vectors):
            owned.setdefault(row.employee, []).append(opened(row))
        people = tuple(
            Person(
                employee=row.number,
                name=row.name,
                templates=tuple(owned.get(row.number, ())),
                pin=row.hash,
                administrator=row.administrator,
                photo=row.photo,
                withdrawn_at=withdrawn.get(row.number),
            )
            for row in connection.execute(wanted)
        )
    return EncodingSet(
        office=office,
        version=max(last, newer_than) + 1,
        engine_id=engine_id,
        dimension=dimension,
        created_at=at,
        decided=decided,
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
    clear_log(register)


def current_releases(register: Register) -> list[tuple[str, bytes]]:
    """Return (office, signed set) of every office's newest release: what lies on the retained topics."""
    wanted = sa.select(releases.c.office, releases.c.blob).where(releases.c.blob.is_not(None))
    with register.read() as connection:
        return [(row.office, row.blob) for row in connection.execute(wanted.order_by(releases.c.office))]


def current_digests(register: Register) -> dict[str, str]:
    """Return the SHA-256, in hex, of every office's newest signed set; reads none of the sets."""
    wanted = sa.select(releases.c.office, releases.c.sha256).where(releases.c.blob.is_not(None))
    with register.read() as connection:
        return {row.office: row.sha256 for row in connection.execute(wanted.order_by(releases.c.office))}


def current_release(register: Register, office: str) -> tuple[str, bytes] | None:
    """Return (SHA-256 in hex, signed set) of the newest release of `office`, or None."""
    wanted = sa.select(releases.c.sha256, releases.c.blob).where(
        releases.c.office == office, releases.c.blob.is_not(None)
    )
    with register.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else (row.sha256, row.blob)


def list_releases(register: Register, office: str) -> list[Release]:
    """Return every release of `office`, newest first."""
    shown = [column for column in releases.c if column.name != "blob"]
    wanted = sa.select(*shown).where(releases.c.office == office).order_by(releases.c.version.desc())
    with register.read() as connection:
        return [Release(**row._mapping) for row in connection.execute(wanted)]


def _valid(at: datetime) -> sa.ColumnElement[bool]:
    until = employees.c.valid_until
    return sa.and_(employees.c.valid_from <= at, sa.or_(until.is_(None), until > at))


def _last_version(connection: sa.Connection, office: str) -> int:
    last = connection.scalar(sa.select(sa.func.max(releases.c.version)).where(releases.c.office == office))
    return int(last or 0)
