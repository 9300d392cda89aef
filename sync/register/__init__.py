"""The central database: opened, migrated and handed out as short transactions. SQLite by default, PostgreSQL by URL.

The tables are read and written by plain functions that take a Register: punches come in through `arrivals` and are read
in `events`, what was not taken lies in `refusals`, what each terminal says of itself in `statuses`; employees and their
templates change through `enrolment` and are read in `people`, what is released from them is in `sets`. Each uses
`register.read()` or `register.write()` and lets no SQLAlchemy error out: what callers see is RegisterUnavailable (try
again) or another RegisterError.

A Register may be used from several threads; every call takes its own connection.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import alembic.command
import alembic.config
import alembic.util
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sync.register import postgres
from sync.register.failures import (
    RegisterError,
    RegisterNewer,
    RegisterReplaced,
    RegisterUnavailable,
    translated,
)
from sync.template_keys import TemplateKeys

__all__ = ["Register", "RegisterError", "RegisterNewer", "RegisterReplaced", "RegisterUnavailable"]

_MIGRATIONS = Path(__file__).with_name("migrations")
# Acceptance section 4. WAL with synchronous=FULL lost nothing in real power cuts; NORMAL did.
_SQLITE_PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA cache_size = -8000",
    "PRAGMA journal_size_limit = 4194304",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
    "PRAGMA secure_delete = ON",
)


class Register:
    """An open central database whose schema is the one this code was written for."""

    def __init__(self, engine: sa.Engine, template_keys: TemplateKeys | None = None) -> None:
        self._engine, self._template_keys = engine, template_keys
        self._file = _identity(engine)

    @classmethod
    def open(cls, url: str, template_keys: Path | None = None) -> Self:
        """Return the register at `url`, created if absent, every migration applied.

        `url` is `sqlite:///PATH` or `postgresql+psycopg://...`. Templates are read and written only where
        `template_keys` is given, the folder their keys lie in (centre.keys); those from before templates were sealed
        are sealed then. Raises RegisterNewer for a schema this code does not know, RegisterUnavailable when it cannot
        be reached, TemplateKeysFailed, RegisterError otherwise.
        """
        engine = _engine(url)
        try:
            with translated():
                _migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        if template_keys is None:
            return cls(engine)
        from sync.register.sealed_templates import seal_older

        opened = cls(engine, TemplateKeys(template_keys))
        try:
            seal_older(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    @property
    def file(self) -> Path | None:
        """Where the SQLite register is; None for PostgreSQL."""
        return Path(self._engine.url.database or "") if self.dialect == "sqlite" else None

    @property
    def template_keys(self) -> TemplateKeys:
        """The keys that its templates are sealed with. Raises RegisterError where it was opened without."""
        if self._template_keys is None:
            raise RegisterError("this register was opened without the keys of its templates; see centre.keys")
        return self._template_keys

    def rewrite(self, table: str) -> None:
        """Nothing that was written over in `table` is left in PostgreSQL's files; SQLite keeps nothing anyway."""
        if self.dialect == "postgresql":
            with translated(), self._engine.connect() as connection:
                alone = connection.execution_options(isolation_level="AUTOCOMMIT")
                alone.execute(sa.text("SET statement_timeout = 0"))
                alone.exec_driver_sql(f"VACUUM (FULL) {table}")
                alone.execute(sa.text("RESET statement_timeout"))

    def close(self) -> None:
        """Close every connection; the register cannot be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection that sees one unchanging state. Raises RegisterUnavailable."""
        with translated(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = postgres.for_reading(connection)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that is durable on leaving, or undone by an exception.

        There is one writer at a time, on PostgreSQL too, so that event ids are given in the order of their commits and
        a reader that asks "what is newer than id N" misses nothing. Raises RegisterUnavailable, and RegisterReplaced
        when somebody removed or exchanged the file under us; then nothing of it is there, except that a server may have
        gone away, or its line, between its commit and its answer: what is written must bear to be written again.
        """
        if _identity(self._engine) != self._file:
            raise RegisterReplaced("the register's file was removed or replaced while in use; start this program again")
        with translated(), _writing(self._engine) as connection:
            yield connection


@contextmanager
def _writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(hadir_write=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            postgres.begin_write(connection)
        yield connection


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        match parsed.get_backend_name():
            case "sqlite":
                _prepare_file(parsed.database)
                engine = sa.create_engine(parsed, hide_parameters=True)
                sa.event.listen(engine, "connect", _prepare_sqlite)
                sa.event.listen(engine, "begin", _begin_sqlite)
                return engine
            case "postgresql":
                return postgres.engine(parsed)
    except (sa.exc.ArgumentError, ValueError):
        # Not chained: what they say may hold a piece of the password.
        raise RegisterError("centre.register is not a database URL") from None
    except ModuleNotFoundError as error:
        raise RegisterError(
            f"the register's driver {error.name} is not installed; install it with pip or use sqlite:///PATH"
        ) from error
    raise RegisterError("centre.register must start with sqlite:/// or postgresql+psycopg://")


def _prepare_file(path: str | None) -> None:
    """Make the file, readable by its owner only: it knows who came when."""
    if not path or path == ":memory:":
        raise RegisterError("centre.register must name a file: sqlite:///PATH")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise RegisterUnavailable(f"{path}: cannot be written ({error.strerror}); set centre.register") from error


def _identity(engine: sa.Engine) -> tuple[int, int] | None:
    """Return which file the database is, None where it is none or is gone."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    try:
        found = Path(engine.url.database).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: it would leave reads and DDL outside of them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    journal = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if (journal, synchronous) != ("wal", 2):
        raise RegisterError(
            f"the register's disk gives journal_mode={journal}, synchronous={synchronous} instead of WAL and FULL; "
            "put it on a local disk"
        )


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("hadir_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _migrate(engine: sa.Engine) -> None:
    settings = alembic.config.Config()
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(settings)
    with engine.begin() as connection:
        if _revision(connection, script) == script.get_current_head():
            return
    with _writing(engine) as connection:
        _revision(connection, script)  # another process may have been faster, with newer code
        settings.attributes["connection"] = connection
        with postgres.unhurried(connection) if engine.dialect.name == "postgresql" else nullcontext():
            alembic.command.upgrade(settings, "head")


def _revision(connection: sa.Connection, script: ScriptDirectory) -> str | None:
    """Return the register's schema revision, None when it is new. Raises RegisterNewer for one we do not know."""
    current = MigrationContext.configure(connection).get_current_revision()
    try:
        if current is not None:
            script.get_revision(current)
    except alembic.util.CommandError as error:
        raise RegisterNewer(
            f"the register has schema {current}, made by a newer Hadir; update this machine, or name another register"
        ) from error
    return current
