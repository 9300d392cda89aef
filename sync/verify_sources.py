"""Where entries lie, opened for looking only: a kiosk's card, a register, or a file exported from one.

Nothing is written or migrated, and a kiosk or a collector may be at work on the database meanwhile: what is seen is its
state at one moment.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sync import chain, keys
from sync.chain import Bad
from sync.keyring import Keyring
from sync.look import Looker, Row
from sync.messages import AttendanceEvent, Entry
from sync.outbox.epochs import microseconds
from sync.register.evidence import NAMES, SELECT, columns_of, open_server
from sync.register.recount import known_to, miscounted
from sync.verify import EvidenceUnusable, Source
from sync.walk import Claim, Key

CARD = "card.sqlite"
_SQLITE = b"SQLite format 3\0"
_ROWS = 512
_FIRST_SEEN_AT = NAMES.index("first_seen_at")


@contextmanager
def open_source(where: str, ring: Keyring | None = None) -> Iterator[Source]:
    """Yield what is at `where`: a path or a database URL, with the keys of `ring` or, without, those that lie by it.

    Raises EvidenceUnusable.
    """
    if where.startswith("postgresql"):
        with open_server(where, ring) as source:
            yield source
        return
    path = Path(where.removeprefix("sqlite:///"))
    if path.is_dir():
        path /= CARD
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        raise EvidenceUnusable(f"{path}: cannot be read ({error.strerror}); name a database or an export") from error
    if start != _SQLITE:
        from sync.export import ExportFile

        yield ExportFile(path, ring)
        return
    try:
        with looking_at(path) as connection:
            yield _database(connection, path, ring)
    except sqlite3.Error as error:
        raise EvidenceUnusable(f"{path}: the database cannot be read ({error}); restore a whole copy") from error


@contextmanager
def looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that sees one unchanging state, text as bytes, and leaves no trace, not even a file beside it.

    Where somebody has the database open there is a log beside it, and it is read as SQLite reads it. Otherwise nobody
    changes it while it is read, or EvidenceUnusable is raised afterwards: what was seen may be half of each.
    """
    in_use = path.with_name(f"{path.name}-wal").exists()
    before = _state_of(path)
    name = f"file:{quote(str(path.resolve()))}?" + ("mode=ro" if in_use else "immutable=1")
    with closing(
        sqlite3.connect(name, uri=True, isolation_level=None, timeout=5, check_same_thread=False)
    ) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        # Whatever somebody has written there must be seen, not choked on.
        connection.text_factory = bytes
        yield connection
    if not in_use and _state_of(path) != before:
        raise EvidenceUnusable(f"{path} came into use while it was read; try again")


def _state_of(path: Path) -> tuple[int, ...]:
    found = path.stat()
    log = path.with_name(f"{path.name}-wal").exists()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, log


def _database(connection: sqlite3.Connection, path: Path, ring: Keyring | None) -> Source:
    tables = {name.decode("utf-8", "replace") for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if {"outbox", "outbox_epochs"} <= tables:
        return CardFile(connection, ring or _card_keys(path))
    if {"events", "heads", "device_keys"} <= tables:
        return RegisterFile(connection, ring)
    if "events" in tables:
        raise EvidenceUnusable(f"{path} is a register of an older Hadir, without signatures; start its collector once")
    raise EvidenceUnusable(f"{path} is neither a kiosk's card nor a register")


def _card_keys(path: Path) -> Keyring:
    public = path.with_name(f"{keys.DEVICE}.pub")
    try:
        return Keyring([(None, None, keys.raw(keys.load_public(public)))])
    except keys.KeyRefused:
        raise EvidenceUnusable(
            f"{public}: the kiosk's public key is not beside its card; copy it there, or name it with --keys"
        ) from None


def _instant(moment: datetime) -> bytes:
    """Return `moment` as the register writes it into SQLite."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:26].encode()


def _as_it_is(value: Any) -> Any:
    return value


_STORED: dict[type, Callable[[Any], Any]] = {
    str: str.encode,
    datetime: _instant,
    int: _as_it_is,
    bytes: _as_it_is,
    type(None): _as_it_is,
}
"""From a value to what SQLite gives back for it, with text as bytes; a million rows feel each step of this."""


def _words(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


class CardFile:
    """The card of a kiosk. What was acknowledged a month ago is not on it any more, and not looked for."""

    partial = True
    _NAMES = ("terminal", "epoch", "seq", "office", "employee", "occurred_us", "repeat_of", "receipt")

    def __init__(self, connection: sqlite3.Connection, ring: Keyring) -> None:
        self._connection = connection
        self.looker = Looker(names=self._NAMES, columns_of=_card_columns, ring=ring)
        columns = {_words(row[1]) for row in connection.execute("PRAGMA table_info (outbox_epochs)")}
        if "head_hash" not in columns:
            raise EvidenceUnusable("the card is of an older Hadir, without signatures; start its kiosk once")
        self.claims: Mapping[Key, Claim] = {
            (_words(terminal), _words(epoch)): Claim(
                first=_number(forgotten_to) + 1,
                before=_words(forgotten_hash) if forgotten_to else chain.GENESIS,
                upto=_number(last_seq),
                upto_hash=_words(head_hash),
                highest=_number(last_seq),
                signed=key_id is not None or head_hash is not None,
            )
            for terminal, epoch, last_seq, head_hash, forgotten_to, forgotten_hash, key_id in connection.execute(
                "SELECT terminal, epoch, last_seq, head_hash, forgotten_to, forgotten_hash, key_id FROM outbox_epochs "
                "ORDER BY number"
            )
        }

    def rows(self) -> Iterator[Sequence[Row]]:
        return _batches(
            self._connection,
            "SELECT outbox.payload, outbox_epochs.terminal, outbox_epochs.epoch, outbox.seq, outbox_epochs.office, "
            "employee, occurred_us, repeat_of, receipt FROM outbox LEFT JOIN outbox_epochs ON number = outbox.epoch "
            "ORDER BY outbox.epoch, outbox.seq",
        )

    def miscounted(self) -> Sequence[Bad]:
        """What a card says of its punches counts nowhere else: the centre goes by the entries."""
        return ()


class RegisterFile:
    """A register in an SQLite file."""

    partial = False

    def __init__(self, connection: sqlite3.Connection, ring: Keyring | None) -> None:
        self._connection = connection
        self.claims: Mapping[Key, Claim] = {
            (_words(terminal), _words(epoch)): Claim(
                upto=_number(upto),
                upto_hash=_words(upto_hash),
                highest=_number(highest),
                signed=bool(upto_hash) or not upto,
            )
            for terminal, epoch, upto, upto_hash, highest in connection.execute(
                "SELECT terminal, epoch, upto, upto_hash, highest FROM heads ORDER BY terminal, epoch"
            )
        }
        self.looker = Looker(names=NAMES, columns_of=_register_columns, ring=ring or self._own_keys())

    def _own_keys(self) -> Keyring:
        rows = self._connection.execute(
            "SELECT office, terminal, public_key FROM device_keys WHERE state IN ('approved', 'revoked')"
        )
        return Keyring((_words(office), _words(terminal), key) for office, terminal, key in rows)

    def rows(self) -> Iterator[Sequence[Row]]:
        return _batches(self._connection, SELECT)

    def miscounted(self) -> Sequence[Bad]:
        columns = self._connection.execute("PRAGMA table_info (events)").fetchall()
        return miscounted(self._connection.execute) if known_to(_words(row[1]) for row in columns) else ()


def _card_columns(entry: Entry, digest: bytes) -> Row:
    event = entry if isinstance(entry, AttendanceEvent) else None
    return (
        entry.terminal.encode(),
        entry.epoch.encode(),
        entry.seq,
        entry.office.encode(),
        event.punch.employee.encode() if event else b"",
        microseconds(event.punch.occurred_at if event else entry.recorded_at),
        event.repeat_of if event else None,
        event.receipt.encode() if event else None,
    )


def _register_columns(entry: Entry, digest: bytes) -> Row:
    *said, first_seen_at = columns_of(entry, digest)
    stored = [_STORED[type(value)](value) for value in said]
    stored.append(stored[_FIRST_SEEN_AT] if first_seen_at is not None else None)
    return tuple(stored)


def _batches(connection: sqlite3.Connection, sql: str) -> Iterator[Sequence[Row]]:
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(_ROWS):
        yield rows
