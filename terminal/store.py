"""The kiosk's card: one SQLite file that keeps what it was thanked for, whatever is cut, filled or killed.

`open_card` gives each thread its own connection, set up so that a commit is on the medium when it returns (WAL and
synchronous=FULL, read back). The first opening in a process checks the whole file; one that is damaged is moved aside,
never repaired in place and never deleted, and a fresh one begins: the outbox gives it a new epoch, so that the centre
sees the break, and the alarm `card_damaged` stays on the card. What can still be read of the punches that the centre
lacks is brought over (sync/outbox/salvage.py).
"""

import errno
import fcntl
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self

from sqlite_utils import Database, Migrations

from errors import HadirError
from sync import keys
from sync.durable import flush_folder
from sync.outbox import MIGRATIONS as OUTBOX_MIGRATIONS
from sync.outbox.salvage import salvage
from terminal.provisional_card import MIGRATION as PROVISIONAL_MIGRATION

FILE = "card.sqlite"
CARD_DAMAGED = "card_damaged"
_SET = "card"
_log = logging.getLogger("hadir.terminal.store")
_OWN_MIGRATIONS = (
    (
        "store_1_tables",
        """
        CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE alarms (code TEXT PRIMARY KEY, since TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
        """,
    ),
    (
        "store_2_pins",
        """
        CREATE TABLE pin_failures (
            number TEXT PRIMARY KEY, count INTEGER NOT NULL, today INTEGER NOT NULL, failed_at TEXT NOT NULL
        ) STRICT;
        CREATE TABLE pin_day (
            only INTEGER PRIMARY KEY CHECK (only = 1), day TEXT NOT NULL, right INTEGER NOT NULL, wrong INTEGER NOT NULL
        ) STRICT;
        """,
    ),
    PROVISIONAL_MIGRATION,
)
# Acceptance section 4 has the reason for each; synchronous is per connection, and 2 is FULL.
_PRAGMAS = (
    ("busy_timeout", "5000", 5000),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("wal_autocheckpoint", "200", 200),
    ("journal_size_limit", "4194304", 4_194_304),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("mmap_size", "0", 0),
    ("secure_delete", "ON", 1),
)
# SQLite's primary result codes (sqlite.org/rescode.html) that mean the file itself is wrong.
_DAMAGE = (11, 26)  # CORRUPT, NOTADB

_IOERR, _IOERR_NOMEM = 10, 3082
_FULL, _IOERR_SHMSIZE = 13, 4874  # a full disk has no room for the file of shared memory either
# errno(3) of a disk that is full, failing, read-only or busy: nothing that a setting could be wrong about.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE})

_opening = threading.Lock()
_checked: set[Path] = set()
_broken: dict[Path, str] = {}


class CardFailed(HadirError):
    """The card cannot be used; the text says why and what to do."""


class CardFailing(CardFailed):
    """The card does not answer as it should, and may later: it is worth trying again."""


class CardDamaged(CardFailed):
    """The card's database is damaged."""


def claim(folder: Path) -> IO[bytes]:
    """Return an open file that keeps every other kiosk off this folder until it is closed. Raises CardFailed."""
    with _failing_clearly(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "kiosk.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CardFailed(
            f"{folder}: another kiosk runs from this folder; stop it, or set terminal.state to another folder"
        ) from error
    return lock


def open_card(folder: Path) -> sqlite3.Connection:
    """Return a connection to `folder`/card.sqlite for the calling thread, migrated and safe; the caller closes it.

    It is in autocommit mode: transactions are begun and ended by hand. Raises CardFailed.
    """
    path = folder / FILE
    with _opening, _failing_clearly(folder):
        if path.resolve() not in _checked or not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _prepare(path)
            _checked.add(path.resolve())
    with _failing_clearly(folder):
        connection = _connect(path)
        connection.watched = path.resolve()
        return connection


def broken(folder: Path) -> str | None:
    """Return what a disk or SQLite said that ends this process's use of the card; None while all is well.

    After an I/O error nobody knows what the disk has (a second fsync says yes to what the first one lost), and a
    damaged file only gets worse: no connection of this process does anything more, and the next process looks first.
    """
    return _broken.get((folder / FILE).resolve())


def alarms(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the codes of what is wrong with this card, oldest first. Raises CardFailed."""
    try:
        return tuple(code for (code,) in connection.execute("SELECT code FROM alarms ORDER BY since, code"))
    except sqlite3.Error as error:
        raise CardFailed(f"the card cannot be read: {error}") from error


def _prepare(path: Path) -> None:
    """The file at `path` is whole and has every table; a damaged one lies beside it under another name."""
    damage = None
    try:
        _check(path)
    except CardDamaged as error:
        damage = str(error)
        _set_aside(path)
    with closing(_connect(path)) as connection:
        _migrate(connection)
        for old in sorted(path.parent.glob(f"damaged-*-{FILE}")):
            _salvage(connection, old)
        if damage is not None:
            _note_damage(connection, damage)


def _note_damage(connection: sqlite3.Connection, damage: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute("INSERT OR REPLACE INTO alarms VALUES (?, ?, ?)", (CARD_DAMAGED, since, damage))


def own_key(connection: sqlite3.Connection, folder: Path, *, secrets: Path | None = None) -> keys.PrivateKey:
    """Return the kiosk's own key, made if there was none. One that is damaged lies beside it under another name.

    It lies in `secrets`, or on the card in `folder` without: one that lies there is moved.

    Then the alarm `card_damaged` stands on the card, the new key waits for approval at the centre, and what is recorded
    meanwhile waits with it. Raises KeyRefused, CardFailed.
    """
    place = secrets or folder
    damage = keys.device_key_damage(place, card=folder)
    if damage is not None:
        try:
            _note_damage(connection, damage)  # first: a power cut in between must not make this a silent fresh start
        except sqlite3.Error as error:
            raise CardFailed(f"the card cannot be written: {error}") from error
        for each in dict.fromkeys((place, folder)):
            keys.set_device_key_aside(each, stamp=_stamp())
        _log.error("alarm %s: %s; a new key was made, approve it at the centre", CARD_DAMAGED, damage)
    return keys.own_key(place, card=folder)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _salvage(connection: sqlite3.Connection, old: Path) -> None:
    """What the centre lacks of a card that was set aside waits on this one; done once, through any power cut."""
    done = f"salvaged {old.name}"
    if connection.execute("SELECT 1 FROM settings WHERE key = ?", (done,)).fetchone() is not None:
        return
    saved = salvage(connection, old, verify=_own_signature(old.parent))
    if saved is not None:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (done, str(saved)))


def _own_signature(folder: Path) -> Callable[[bytes, bytes], bool] | None:
    """Return what tells the kiosk's own signatures, None where its key cannot be read now."""
    try:
        return keys.verifier([keys.raw(keys.load_public(folder / f"{keys.DEVICE}.pub"))])
    except keys.KeyRefused:
        return None


def _check(path: Path) -> None:
    """Return when SQLite finds nothing wrong with the file. Raises CardDamaged."""
    if not path.exists():
        return
    try:
        with closing(_connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check(5)").fetchall()
    except sqlite3.DatabaseError as error:
        if _primary_code(error) not in _DAMAGE:
            raise
        raise CardDamaged(str(error)) from error
    if found != [("ok",)]:
        raise CardDamaged("; ".join(str(line) for (line,) in found)[:500])


def _set_aside(path: Path) -> None:
    stamp = _stamp()
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"damaged-{stamp}-{part.name}"))
    flush_folder(path.parent)


class _Connection(sqlite3.Connection):
    """A connection that knows of which file it is to tell that it is broken: none while it is being opened."""

    watched: Path | None = None

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    # sqlite3's own shortcuts make their cursors without asking for one.
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor()
        return cursor.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor()
        return cursor.executemany(sql, parameters)


class _Cursor(sqlite3.Cursor):
    """Everything asked of the card goes through here."""

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        with _noting(self.connection, sql):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        with _noting(self.connection, sql):
            return super().executemany(sql, parameters)

    def fetchone(self) -> Any:
        with _noting(self.connection):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _noting(self.connection):
            return super().fetchall()


@contextmanager
def _noting(connection: sqlite3.Connection, sql: str = "") -> Iterator[None]:
    path = getattr(connection, "watched", None)
    if path is None:
        yield
        return
    if path in _broken and sql != "ROLLBACK":
        raise sqlite3.OperationalError(f"{_broken[path]} before; it is used no more until the kiosk starts again")
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) or 0
        if _primary_code(error) in (_IOERR, *_DAMAGE) and code != _IOERR_NOMEM:
            _broken.setdefault(path, str(error))
        raise


def _connect(path: Path) -> _Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, factory=_Connection)
    try:
        for name, value, expected in _PRAGMAS:
            connection.execute(f"PRAGMA {name}={value}").fetchall()
            found = connection.execute(f"PRAGMA {name}").fetchone()
            # A build without memory mapping has no mmap_size to read, and needs none.
            if found is not None and found[0] != expected:
                raise CardFailed(f"{path}: {name} stays {found[0]}; put the card on a local disk (ext4)")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    migrations = Migrations(_SET)
    for name, script in (*OUTBOX_MIGRATIONS, *_OWN_MIGRATIONS):
        _register(migrations, name, script)
    database = Database(connection, execute_plugins=False, recursive_triggers=False)
    known = {name for name, _ in (*OUTBOX_MIGRATIONS, *_OWN_MIGRATIONS)}
    newer = {applied.name for applied in migrations.applied(database)} - known
    if newer:
        raise CardFailed("the card was written by a newer Hadir; install that version again, or a later one")
    migrations.apply(database)


def _register(migrations: Migrations, name: str, script: str) -> None:
    @migrations(name=name)
    def apply(database: Database) -> None:
        for statement in _statements(script):
            database.conn.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of `script` one by one: executescript would commit half a migration."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


def _primary_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


@contextmanager
def _failing_clearly(folder: Path) -> Iterator[None]:
    """Turn what disks and SQLite say into one sentence."""
    try:
        yield
    except PermissionError as error:
        raise CardFailed(
            f"{folder}: not allowed to write here; give the folder to the user of the kiosk, or set terminal.state"
        ) from error
    except OSError as error:
        kind = CardFailing if error.errno in _PASSING else CardFailed
        why = error.strerror or str(error)
        raise kind(f"{folder}: the card cannot be used ({why}); free space on it or set terminal.state") from error
    except sqlite3.Error as error:
        kind = CardFailing
        match _FULL if getattr(error, "sqlite_errorcode", 0) == _IOERR_SHMSIZE else _primary_code(error):
            case 13:
                advice = "the disk is full; free some space on it"
            case 8 | 14:
                kind = CardFailed
                advice = "not allowed to write here; give the folder to the user of the kiosk, or set terminal.state"
            case 5 | 6:
                advice = "another program holds it; stop that program"
            case _:
                advice = f"{error}; if it stays so, replace the card"
        raise kind(f"{folder / FILE}: {advice}") from error
