"""The keys that templates in the register are sealed with: one a person, kept apart from the register and its backups.

They lie in `templates.sqlite` in centre.keys. Who has the register, a backup of it or its disk has no template without
them; and when somebody's key is destroyed, every copy of the register there ever was holds nothing of their face any
more. That is why a backup of this file must be replaced, not added to: an old copy brings destroyed keys back.

Beside them lies, for each office, the key of its newest encoding set: publishing compares the next one with it. That of
the set before goes when it is replaced, so no set of yesterday can be opened at the centre.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from errors import HadirError
from sync import sealing
from sync.durable import flush_folder, make_folder

FILE = "templates.sqlite"

_TABLES = (
    "CREATE TABLE IF NOT EXISTS people (employee TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sets (office TEXT PRIMARY KEY, version INTEGER NOT NULL, key BLOB NOT NULL)"
    " WITHOUT ROWID",
)
# What is deleted is overwritten in the file, and no journal with it in stays behind.
_PRAGMAS = (
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


class TemplateKeysFailed(HadirError):
    """The keys of the templates cannot be read or written; the text says where and what to do."""


class TemplateKeys:
    """The keys in one folder. Each call is a transaction of its own, durable on return, from any thread.

    Every call raises TemplateKeysFailed.
    """

    def __init__(self, folder: Path) -> None:
        """The file is made when the first key is."""
        self.path = folder / FILE

    def known(self) -> Mapping[str, bytes]:
        """Return the key of everybody who has one, 32 bytes, by employee number."""
        if not self.path.exists():
            return {}
        with self._open() as connection:
            return dict(connection.execute("SELECT employee, key FROM people").fetchall())

    def of(self, employee: str) -> bytes | None:
        """Return the person's key, or None."""
        if not self.path.exists():
            return None
        with self._open() as connection:
            row = connection.execute("SELECT key FROM people WHERE employee = ?", (employee,)).fetchone()
        return None if row is None else bytes(row[0])

    def made_for(self, employee: str) -> bytes:
        """Return the person's key, made now if they had none."""
        if (known := self.of(employee)) is not None:
            return known
        self._prepare()
        with self._open() as connection:
            connection.execute("INSERT OR IGNORE INTO people VALUES (?, ?)", (employee, sealing.new_key()))
            row = connection.execute("SELECT key FROM people WHERE employee = ?", (employee,)).fetchone()
        return bytes(row[0])

    def destroy(self, employee: str) -> bool:
        """Return whether the person had a key; it is gone, and nothing sealed with it can be opened ever again."""
        if not self.path.exists():
            return False
        with self._open() as connection:
            return connection.execute("DELETE FROM people WHERE employee = ?", (employee,)).rowcount > 0

    def set_key(self, office: str, version: int) -> bytes | None:
        """Return the key of that version of the office's set, None where it is not kept (any more)."""
        if not self.path.exists():
            return None
        asked = (office, version)
        with self._open() as connection:
            row = connection.execute("SELECT key FROM sets WHERE office = ? AND version = ?", asked).fetchone()
        return None if row is None else bytes(row[0])

    def keep_set_key(self, office: str, version: int, key: bytes) -> None:
        """Have `key` as that of the office's newest set; the one before is gone."""
        self._prepare()
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO sets VALUES (?, ?, ?)", (office, version, key))

    def _prepare(self) -> None:
        if self.path.exists():
            return
        try:
            make_folder(self.path.parent)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            flush_folder(self.path.parent)
        except OSError as error:
            raise TemplateKeysFailed(f"{self.path} cannot be made ({error.strerror}); see centre.keys") from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if self.path.stat().st_mode & 0o077:
                raise TemplateKeysFailed(
                    f"{self.path} can be read by others than its owner; run: chmod 600 '{self.path}'"
                )
            with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
                for pragma in _PRAGMAS:
                    connection.execute(pragma)
                connection.execute("BEGIN IMMEDIATE")
                for table in _TABLES:
                    connection.execute(table)
                yield connection
                connection.execute("COMMIT")
        except OSError as error:
            raise TemplateKeysFailed(f"{self.path} cannot be used ({error.strerror}); see centre.keys") from error
        except sqlite3.Error as error:
            raise TemplateKeysFailed(
                f"{self.path}: the keys of the templates cannot be used ({error}); put its copy back"
            ) from error
