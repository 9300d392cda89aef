"""A copy of the register that can stand in for it, taken while it is in use.

To restore one: stop whatever uses the register, move `register.sqlite` away together with its `-wal` and `-shm`, and
copy the backup to its place. What came in since then the kiosks send again, as they keep what was acknowledged for
30 days; people enrolled or withdrawn since then must be enrolled or withdrawn once more.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.durable import make_folder
from sync.register import Register, RegisterError, RegisterUnavailable
from sync.register.failures import translated

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A whole copy of the register: how large it is, how many punches are in it, and the id of the newest."""

    path: Path
    size_bytes: int
    events: int
    last_id: int


def back_up(register: Register, path: Path) -> Backup:
    """Have `path` hold the register as it was at one moment of this call, checked, through any power cut from now on.

    Until then `path` is what it was, an older backup perhaps; writers are not held up meanwhile. It is one file, for
    its owner only: names and templates are in it. Raises RegisterError where that cannot be, and for PostgreSQL, whose
    own tool does this.
    """
    if register.file is None:
        raise RegisterError(
            "a register on PostgreSQL is backed up with pg_dump --format=custom, restored by pg_restore"
        )
    _refuse_databases_in_use(register.file, path)
    try:
        make_folder(path.parent)
        with _unfinished(path) as copy:
            _copy(register, copy)
            events, last_id = _checked(copy)
            _flush(copy)
            size_bytes = copy.stat().st_size
            copy.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise RegisterError(
            f"{path}: the backup cannot be written ({error.strerror}); free some space or name another file"
        ) from error
    except sqlite3.DatabaseError as error:
        raise RegisterError(f"{path}: the backup failed ({error}); nothing was written there") from error
    return Backup(path=path, size_bytes=size_bytes, events=events, last_id=last_id)


def _refuse_databases_in_use(source: Path, path: Path) -> None:
    """A file that somebody has open as a database, and its log that would then belong to another, is not replaced."""
    if path.exists() and path.samefile(source):
        raise RegisterError(f"{path} is the register itself; name another file")
    if path.is_dir():
        raise RegisterError(f"{path} is a folder; name a file in it")
    if any(path.with_name(path.name + ending).exists() for ending in _BESIDE):
        raise RegisterError(f"{path} is a database in use; name another file")


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """Yield a new file beside `path`; it is gone afterwards unless it was moved."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for ending in ("", *_BESIDE):
            Path(name + ending).unlink(missing_ok=True)


def _copy(register: Register, copy: Path) -> None:
    with translated():
        source = register._engine.raw_connection()
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            # It is flushed once, when it is whole.
            target.execute("PRAGMA synchronous = OFF")
            # In one step: a step that follows a commit would begin anew, and under load never end.
            source.driver_connection.backup(target, pages=-1)  # type: ignore[union-attr]
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise RegisterUnavailable(f"the register cannot be copied now ({error}); try again") from error
    finally:
        source.close()


def _checked(copy: Path) -> tuple[int, int]:
    """Return how many punches are in it and the newest one's id. Raises RegisterError for one that is not whole."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise RegisterError("the register is damaged, so that its copy was not kept; restore an older backup")
        events, last_id = connection.execute("SELECT count(*), coalesce(max(id), 0) FROM events").fetchone()
    return events, last_id


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
