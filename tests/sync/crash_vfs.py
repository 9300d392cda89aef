"""A disk in memory whose power can be cut, under a real SQLite (apsw), and the few methods of sqlite3 the outbox uses.

Every file is kept twice: as programs see it and as the medium has it. What was written since the last sync is a list;
a cut keeps or loses each of its 512-byte sectors by itself, with even chances, so that writes are torn, come in any
order and are lost under later ones that stay. A name is on the medium once its file was synced (SQLite's unix VFS syncs
the folder then), and before that, or after a deletion nobody synced, only by chance.
"""

import random
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import apsw

from terminal import store

SECTOR = 512
NAME = "cut"
_POWERSAFE_OVERWRITE = 0x1000  # what SQLite's unix VFS says of every disk
CARD = "/card/" + store.FILE
"""The database's name on every Disk."""


class PowerCut(apsw.IOError):
    """There is no power: nothing more is written, read or synced."""

    extendedresult = 10  # SQLITE_IOERR


class _NotThere(apsw.IOError):
    extendedresult = 5898  # SQLITE_IOERR_DELETE_NOENT


class SyncFailed(apsw.IOError):
    """The disk answered a sync with EIO, and what was to be synced is lost though it can still be read."""

    extendedresult = 1034  # SQLITE_IOERR_FSYNC


@dataclass(slots=True)
class _File:
    name: str
    seen: bytearray
    durable: bytearray
    named: bool  # whether the medium has its name
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut off at that length


class Disk:
    """The files of one disk. `operations` counts what changed them; the power goes at number `cut_at`.

    `cut_checkpoint` sets that: to so many operations after the next write to the database's own file. After
    `syncs_until_failure` more syncs (of the file `failing`, if given) one fails; a disk that lies says nothing of it.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self._files = {
            name: _File(name=name, seen=bytearray(content), durable=bytearray(content), named=True)
            for name, content in (files or {}).items()
        }
        self._deleted: dict[str, _File] = {}
        self.operations = 0
        self.cut_at: int | None = None
        self.cut_checkpoint: int | None = None
        self.syncs_until_failure: int | None = None
        self.failing: str | None = None
        self.lies = False
        self.dead = False

    def after_cut(self, chance: random.Random) -> "Disk":
        """Return the disk as it is when the power is back."""
        return Disk(
            {
                name: _left(file, chance)
                for name, file in (*self._deleted.items(), *self._files.items())
                if file.named or chance.random() < 0.5
            }
        )

    def count(self) -> None:
        """One more operation. Raises PowerCut from the last one on, which may still be half done."""
        self.operations += 1
        if self.operations == self.cut_at:
            self.dead = True
        self.powered()

    def powered(self) -> None:
        """Raises PowerCut when it is not."""
        if self.dead:
            raise PowerCut("the power is off")

    def open(self, name: str, *, create: bool) -> _File:
        self.powered()
        if name not in self._files:
            if not create:
                raise apsw.CantOpenError(name)
            self._files[name] = _File(name=name, seen=bytearray(), durable=bytearray(), named=False)
        return self._files[name]

    def has(self, name: str) -> bool:
        self.powered()
        return name in self._files

    def write(self, file: _File, content: bytes, offset: int) -> None:
        self.powered()
        if file.name == CARD and self.cut_checkpoint is not None and self.cut_at is None:
            self.cut_at = self.operations + self.cut_checkpoint
        if offset > len(file.seen):
            file.seen.extend(bytes(offset - len(file.seen)))
        file.seen[offset : offset + len(content)] = content
        file.unsynced.append((offset, content))
        self.count()

    def truncate(self, file: _File, size: int) -> None:
        self.powered()
        del file.seen[size:]
        file.unsynced.append((size, None))
        self.count()

    def sync(self, file: _File) -> None:
        self.count()
        if self.syncs_until_failure is not None and self.failing in (None, file.name):
            self.syncs_until_failure -= 1
            if self.syncs_until_failure == 0:
                # As Linux does: the pages are clean now, and nobody writes them again.
                file.unsynced.clear()
                if self.lies:
                    return
                raise SyncFailed("disk I/O error")
        for offset, content in file.unsynced:
            _apply(file.durable, offset, content)
        file.unsynced.clear()
        file.named = True

    def delete(self, name: str, *, synced: bool) -> None:
        self.powered()
        file = self._files.pop(name, None)
        if file is None:
            raise _NotThere(name)
        file.named = False  # by chance still there after a cut now
        if not synced:
            self._deleted[name] = file
        self.count()


def _apply(durable: bytearray, offset: int, content: bytes | None) -> None:
    if content is None:
        del durable[offset:]
        return
    if offset > len(durable):
        durable.extend(bytes(offset - len(durable)))
    durable[offset : offset + len(content)] = content


def _left(file: _File, chance: random.Random) -> bytes:
    left = bytearray(file.durable)
    for offset, content in file.unsynced:
        if content is None:
            if chance.random() < 0.5:
                _apply(left, offset, None)
            continue
        end = offset + len(content)
        at = offset
        while at < end:
            border = min(end, at - at % SECTOR + SECTOR)
            if chance.random() < 0.5:
                _apply(left, at, content[at - offset : border - offset])
            at = border
    return bytes(left)


class _OpenFile:
    """What SQLite asks of a file."""

    def __init__(self, disk: Disk, file: _File) -> None:
        self._disk, self._file = disk, file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names
        self._disk.powered()
        return bytes(self._file.seen[offset : offset + amount])

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802
        self._disk.write(self._file, bytes(content), offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.truncate(self._file, size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.sync(self._file)

    def xFileSize(self) -> int:  # noqa: N802
        self._disk.powered()
        return len(self._file.seen)

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return _POWERSAFE_OVERWRITE

    def xFileControl(self, operation: int, pointer: int) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None: ...  # noqa: N802

    def xUnlock(self, level: int) -> None: ...  # noqa: N802

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xClose(self) -> None: ...  # noqa: N802

    def excepthook(self, kind: type, error: BaseException, trace: Any) -> None:
        _unless_made(kind, error, trace)


class CutVfs(apsw.VFS):
    """SQLite's way to whatever Disk is in it; registered as long as this object lives."""

    def __init__(self) -> None:
        self.disk = Disk()
        super().__init__(NAME, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        flags[1] = flags[0]
        return _OpenFile(self.disk, self.disk.open(path, create=bool(flags[0] & apsw.SQLITE_OPEN_CREATE)))

    def xDelete(self, path: str, sync_folder: int) -> None:  # noqa: N802
        self.disk.delete(path, synced=bool(sync_folder))

    def xAccess(self, path: str, flags: int) -> bool:  # noqa: N802
        return self.disk.has(path)

    def xFullPathname(self, path: str) -> str:  # noqa: N802
        return path

    def excepthook(self, kind: type, error: BaseException, trace: Any) -> None:
        _unless_made(kind, error, trace)


def _unless_made(kind: type, error: BaseException, trace: Any) -> None:
    """apsw asks here about an error that SQLite swallowed: a failure made on purpose is no news."""
    if not isinstance(error, PowerCut | SyncFailed | _NotThere):
        sys.__excepthook__(kind, error, trace)


class Connection:
    """An apsw connection that answers as sqlite3's in autocommit mode does, as far as the card's code asks."""

    def __init__(self) -> None:
        """It is set up as terminal/store.py sets one up, but alone: shared memory is what this disk has not."""
        with _as_sqlite3():
            self._own = apsw.Connection(CARD, vfs=NAME)
        try:
            self.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
            for name, value, _ in store._PRAGMAS:
                self.execute(f"PRAGMA {name}={value}").fetchall()
        except sqlite3.Error:
            self.drop()
            raise

    @property
    def in_transaction(self) -> bool:
        return bool(self._own.in_transaction)

    def execute(self, sql: str, parameters: Any = ()) -> "_Cursor":
        with _as_sqlite3():
            before = self._own.total_changes()
            cursor = self._own.execute(sql, parameters)
            return _Cursor(cursor, self._own.total_changes() - before, self._own.last_insert_rowid())

    def executemany(self, sql: str, parameters: Iterable[Any]) -> "_Cursor":
        with _as_sqlite3():
            before = self._own.total_changes()
            cursor = self._own.executemany(sql, parameters)
            for _ in cursor:
                pass
            return _Cursor(cursor, self._own.total_changes() - before, self._own.last_insert_rowid())

    def drop(self) -> None:
        """It is gone as with its process; nothing more is said."""
        with suppress(apsw.Error):
            self._own.close(True)

    def close(self) -> None:
        with _as_sqlite3():
            self._own.close(True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Cursor:
    def __init__(self, own: apsw.Cursor, rowcount: int, lastrowid: int) -> None:
        self._own, self.rowcount, self.lastrowid = own, rowcount, lastrowid

    def fetchone(self) -> Any:
        with _as_sqlite3():
            return self._own.fetchone()

    def fetchall(self) -> list[Any]:
        with _as_sqlite3():
            return list(self._own.fetchall())

    def __iter__(self) -> Iterator[Any]:
        with _as_sqlite3():
            yield from self._own


class _as_sqlite3:  # noqa: N801 - reads as a verb; a generator would cost as much as the statement in it
    """An error of apsw's is the one of sqlite3's that the same code of SQLite's would have been."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, apsw.Error):
            code = getattr(error, "extendedresult", 1)
            kinds = {11: sqlite3.DatabaseError, 26: sqlite3.DatabaseError, 19: sqlite3.IntegrityError}
            said = kinds.get(code & 0xFF, sqlite3.OperationalError)(str(error))
            said.sqlite_errorcode = code
            raise said from error
