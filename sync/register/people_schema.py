"""The tables of people and of what is released from them, and what may stand in their columns."""

import re
import sqlite3
import unicodedata

import msgspec
import sqlalchemy as sa

from sync.messages import EmployeeNumber, Identifier
from sync.register import Register, RegisterError
from sync.register.schema import Id, Instant, metadata

MAX_NAME = 120
MAX_LOOK = 40
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
    sa.Column("administrator", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("valid_until", Instant),
    sa.Column("photo", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index("employees_of_office", "office", "number"),
)

# One template for each engine, source (photos, camera) and look ("" for the usual one, glasses, jilbab). `made_from`
# tells whether the same photos came again. `vector` is sealed with the person's key (sync/register/sealed_templates.py)
# but in rows from before there were any.
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
    sa.Column("look", sa.String(MAX_LOOK), nullable=False, server_default=""),
    sa.Column("sealed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("templates_sealed", "sealed"),
    sa.UniqueConstraint("employee", "engine_id", "source", "look", name="templates_key"),
    sqlite_autoincrement=True,
)

pins = sa.Table(
    "pins",
    metadata,
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), primary_key=True),
    sa.Column("hash", sa.String(300), nullable=False),
    sa.Column("set_at", Instant, nullable=False),
)

# On what basis a face is kept. A row is never deleted or changed but for the moment at which it was taken back.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
    sa.Column("basis", sa.String(16), nullable=False),
    sa.Column("text_version", sa.String(40), nullable=False),
    sa.Column("given_at", Instant, nullable=False),
    sa.Column("desk", sa.String(80), nullable=False),
    sa.Column("withdrawn_at", Instant),
    sa.UniqueConstraint("employee", "given_at", name="consents_key"),
    sqlite_autoincrement=True,
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


def cleaned_look(look: str) -> str:
    """Return how a look is called: lower-case letters, digits and hyphens; "" stays. Raises PersonRefused."""
    clean = re.sub(r"[\s_-]+", "-", unicodedata.normalize("NFC", look).strip()).lower()
    if clean and (len(clean) > MAX_LOOK or not re.fullmatch(r"[^\W_]+(-[^\W_]+)*", clean)):
        raise PersonRefused(
            f"{look[:MAX_LOOK]!r} cannot be the name of a look: up to {MAX_LOOK} letters, digits and hyphens"
        )
    return clean


def checked_office(office: str) -> str:
    """Return `office` if it can be an office's id. Raises PersonRefused."""
    try:
        return msgspec.convert(office, Identifier)
    except msgspec.ValidationError as error:
        raise PersonRefused(
            f"{office[:60]!r} is not an office id: 2 to 40 lower-case letters, digits and hyphens"
        ) from error


def clear_log(register: Register) -> bool:
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
