"""What somebody with the file and too much time may do to a card or a register, one edit at a time (acceptance E4)."""
# ruff: noqa: S608 - the names in the statements are written here

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sync import chain, keys
from sync.keys import Signer
from sync.messages import AttendanceEvent, ClockNote, Entry, encode
from sync.outbox.epochs import microseconds
from sync.register.arrivals import row_of
from sync.register.corrections import settled
from tests.sync.samples import SIGNER

THIEF = keys.signer(keys.PrivateKey.from_private_bytes(b"\7" * 32))


class Place(NamedTuple):
    """Where an entry lies."""

    terminal: str
    epoch: str
    seq: int


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What was done, and the first entry that is not as it was made. `seen_by_heads_only`: the chain alone is whole."""

    kind: str
    first: Place
    seen_by_heads_only: bool = False


class Store:
    """A database somebody edits. Whoever edits it keeps everything else in line, as well as the edit allows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.db = connection

    def places(self) -> list[Place]:
        raise NotImplementedError

    def where(self, place: Place) -> tuple[str, tuple[Any, ...]]:
        """Return a condition for the row at `place`, and its values."""
        raise NotImplementedError

    table: str
    columns: tuple[str, ...]

    def columns_for(self, entry: Entry, payload: bytes) -> dict[str, Any]:
        """Return every column that a payload decides."""
        raise NotImplementedError

    def set_head(self, place: Place, hash_: str) -> None:
        """Have the chain end at `place`."""
        raise NotImplementedError

    def recount(self, place: Place) -> None:
        """Have the punches of the chain of `place` count as the corrections that are left say."""

    # --- common ---------------------------------------------------------------------------------------------------

    def chain_of(self, place: Place) -> list[Place]:
        return [each for each in self.places() if each[:2] == place[:2]]

    def payload(self, place: Place) -> bytes:
        condition, values = self.where(place)
        found = self.db.execute(f"SELECT payload FROM {self.table} WHERE {condition}", values).fetchone()[0]
        assert isinstance(found, bytes)
        return found

    def update(self, place: Place, **changed: Any) -> None:
        condition, values = self.where(place)
        names = ", ".join(f"{name} = ?" for name in changed)
        done = self.db.execute(
            f"UPDATE {self.table} SET {names} WHERE {condition}", (*changed.values(), *values)
        ).rowcount
        assert done == 1

    def delete(self, place: Place) -> None:
        condition, values = self.where(place)
        assert self.db.execute(f"DELETE FROM {self.table} WHERE {condition}", values).rowcount == 1

    def copy_to(self, place: Place, seq: int) -> Place:
        """Have another row like that at `place`, under `seq`."""
        condition, values = self.where(place)
        names = [row[1] for row in self.db.execute(f"PRAGMA table_info ({self.table})") if row[1] not in ("id", "seq")]
        listed = ", ".join(names)
        self.db.execute(
            f"INSERT INTO {self.table} (seq, {listed}) SELECT ?, {listed} FROM {self.table} WHERE {condition}",
            (seq, *values),
        )
        return place._replace(seq=seq)

    def put(self, place: Place, payload: bytes) -> None:
        """Have `payload` lie at `place`, and its columns as it says."""
        self.update(place, payload=payload, **self.columns_for(chain.read_entry(payload)[0], payload))

    def sign_anew(self, places: list[Place], signer: Signer, change: Callable[[Entry], Entry]) -> None:
        """Have the entries at `places` follow each other again, the first of them changed, the head as well."""
        before: str | None = None
        for number, place in enumerate(places):
            entry, _ = chain.read_entry(self.payload(place))
            entry = change(entry) if number == 0 else msgspec.structs.replace(entry, prev_hash=before)
            payload = chain.seal(encode(entry), signer.sign)
            before = chain.digest(payload).hex()
            self.put(place, payload)
        self.set_head(places[-1], before or "")


class RegisterStore(Store):
    table = "events"
    columns = (
        "office", "employee", "method", "direction", "occurred_at", "first_seen_at", "clock", "repeat_of", "receipt",
        "boot_id", "boottime_ns", "recorded_at", "clock_jump_ms", "payload_sha256", "counted_at",
    )  # fmt: skip

    def places(self) -> list[Place]:
        # What lies beyond a gap may go without anybody missing it: it is not counted as here yet.
        rows = self.db.execute(
            "SELECT events.terminal, events.epoch, seq FROM events JOIN heads USING (terminal, epoch) "
            "WHERE seq <= upto ORDER BY 1, 2, 3"
        )
        return [Place(*row) for row in rows]

    def where(self, place: Place) -> tuple[str, tuple[Any, ...]]:
        return "terminal = ? AND epoch = ? AND seq = ?", tuple(place)

    def columns_for(self, entry: Entry, payload: bytes) -> dict[str, Any]:
        said = row_of(entry)
        said = {key: f"{v.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(v, datetime) else v
                for key, v in said.items()}  # fmt: skip
        return {**said, "counted_at": said["first_seen_at"], "payload_sha256": chain.digest(payload)}

    def set_head(self, place: Place, hash_: str) -> None:
        self.db.execute(
            "UPDATE heads SET upto = ?, highest = max(?, coalesce((SELECT max(seq) FROM events WHERE "
            "events.terminal = heads.terminal AND events.epoch = heads.epoch), 0)), upto_hash = ? "
            "WHERE terminal = ? AND epoch = ?",
            (place.seq, place.seq, hash_, place.terminal, place.epoch),
        )

    def recount(self, place: Place) -> None:
        of_punch = "terminal = :terminal AND receipt = :receipt AND employee = :employee"
        punches = self.db.execute(
            "SELECT receipt, employee FROM events WHERE terminal = ? AND corrected_at IS NOT NULL", (place.terminal,)
        ).fetchall()
        for receipt, employee in punches:
            whose = {"terminal": place.terminal, "receipt": receipt, "employee": employee}
            left = self.db.execute(
                f"SELECT epoch, seq, direction, recorded_at FROM events WHERE method IS NULL AND {of_punch}", whose
            ).fetchall()
            self.db.execute(
                "UPDATE events SET voided = :new_voided, direction_now = :new_direction, corrected_at = :new_at "
                f"WHERE method IS NOT NULL AND {of_punch}",
                settled([_Left(*row) for row in left]) | whose,
            )


class _Left(NamedTuple):
    """A correction that was not cut off."""

    epoch: str
    seq: int
    direction: str | None
    recorded_at: str


class CardStore(Store):
    table = "outbox"
    columns = ("employee", "occurred_us", "repeat_of", "receipt")

    def places(self) -> list[Place]:
        rows = self.db.execute(
            "SELECT terminal, outbox_epochs.epoch, seq FROM outbox JOIN outbox_epochs ON number = outbox.epoch "
            "ORDER BY number, seq"
        )
        return [Place(*row) for row in rows]

    def where(self, place: Place) -> tuple[str, tuple[Any, ...]]:
        number = "(SELECT number FROM outbox_epochs WHERE terminal = ? AND outbox_epochs.epoch = ?)"
        return f"outbox.epoch = {number} AND seq = ?", tuple(place)

    def columns_for(self, entry: Entry, payload: bytes) -> dict[str, Any]:
        assert isinstance(entry, AttendanceEvent)
        return {
            "employee": entry.punch.employee,
            "occurred_us": microseconds(entry.punch.occurred_at),
            "repeat_of": entry.repeat_of,
            "receipt": entry.receipt,
        }

    def set_head(self, place: Place, hash_: str) -> None:
        self.db.execute(
            "UPDATE outbox_epochs SET last_seq = ?, head_hash = ? WHERE terminal = ? AND epoch = ?",
            (place.seq, hash_, place.terminal, place.epoch),
        )


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Yield the store at `path`; what was done to it is in the file afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        yield RegisterStore(connection) if "events" in tables else CardStore(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# --- the edits: each takes a store and its dice, does one thing and says what -----------------------------------------


def field_in_payload(store: Store, rng: random.Random) -> Edit:
    """One sign of the signed body is another, and everything beside it agrees with the new bytes."""
    place = rng.choice(store.places())
    payload = bytearray(store.payload(place))
    at = rng.randrange(payload.index(b"\n"))
    payload[at] = rng.choice([sign for sign in b"0123456789abcdef" if sign != payload[at]])
    more = {"payload_sha256": chain.digest(bytes(payload))} if store.table == "events" else {}
    store.update(place, payload=bytes(payload), **more)
    return Edit(kind="field in payload", first=place)


def another_employee(store: Store, rng: random.Random) -> Edit:
    """A whole, readable entry of somebody else with the old signature, its columns in line."""
    places = [each for each in store.places() if b'"employee"' in store.payload(each)]
    place = rng.choice(places)
    entry, sealed = chain.read_entry(store.payload(place))
    assert not isinstance(entry, ClockNote)
    somebody = str(rng.randrange(10**9, 10**10))
    if isinstance(entry, AttendanceEvent):
        body = encode(msgspec.structs.replace(entry, punch=msgspec.structs.replace(entry.punch, employee=somebody)))
    else:
        body = encode(msgspec.structs.replace(entry, employee=somebody))
    store.put(place, chain.seal(body, lambda _: sealed.signature))
    return Edit(kind="another employee", first=place)


def field_in_column(store: Store, rng: random.Random) -> Edit:
    place = rng.choice(store.places())
    name = rng.choice(store.columns)
    condition, values = store.where(place)
    (old,) = store.db.execute(f"SELECT {name} FROM {store.table} WHERE {condition}", values).fetchone()
    new: Any
    match old:
        case int():
            new = old + rng.choice((-1, 1))
        case bytes():
            new = bytes([old[0] ^ 1]) + old[1:]
        case str() if name.endswith("_at"):
            new = old[:-1] + str((int(old[-1]) + 1) % 10)
        case _:
            new = 1 if name in ("repeat_of", "clock_jump_ms") else f"x{old}"[:10]
    store.update(place, **{name: new})
    return Edit(kind=f"field in column {name}", first=place)


def delete(store: Store, rng: random.Random) -> Edit:
    place = rng.choice(store.places())
    store.delete(place)
    return Edit(kind="delete", first=place)


def insert(store: Store, rng: random.Random) -> Edit:
    """A copy of an entry after the last, or between two others, which then make room for it."""
    place = rng.choice(store.places())
    last = store.chain_of(place)[-1]
    if rng.random() < 0.5:
        return Edit(kind="insert at the end", first=store.copy_to(place, last.seq + 1))
    for each in reversed(store.chain_of(place)[place.seq - store.chain_of(place)[0].seq + 1 :]):
        store.update(each, seq=each.seq + 1)
    return Edit(kind="insert", first=store.copy_to(place, place.seq + 1))


def insert_own(store: Store, rng: random.Random) -> Edit:
    """An entry that follows the last, names its hash, is whole and in line with the head, and is signed by a thief."""
    place = rng.choice(store.places())
    last = store.chain_of(place)[-1]
    entry, _ = chain.read_entry(store.payload(last))
    entry = msgspec.structs.replace(entry, seq=last.seq + 1, prev_hash=chain.digest(store.payload(last)).hex())
    new = store.copy_to(last, last.seq + 1)
    payload = chain.seal(encode(entry), THIEF.sign)
    store.put(new, payload)
    store.set_head(new, chain.digest(payload).hex())
    return Edit(kind="insert own", first=new)


def swap(store: Store, rng: random.Random) -> Edit:
    """Two entries have changed places, everything beside them as well but their places."""
    place = rng.choice(store.places())
    one, other = sorted(rng.sample(store.chain_of(place), 2))
    first, second = store.payload(one), store.payload(other)
    for to, payload in ((one, second), (other, first)):
        columns = store.columns_for(chain.read_entry(payload)[0], payload)
        kept = {name: value for name, value in columns.items() if name in store.columns}
        store.update(to, payload=payload, **kept)
    return Edit(kind="swap", first=one)


def truncate(store: Store, rng: random.Random) -> Edit:
    place = rng.choice(store.places())
    for each in store.chain_of(place)[place.seq - store.chain_of(place)[0].seq :]:
        store.delete(each)
    return Edit(kind="truncate", first=place)


def truncate_in_line(store: Store, rng: random.Random) -> Edit:
    """The tail is gone and the head says so: only who kept the head elsewhere can tell."""
    place = rng.choice([each for each in store.places() if each != store.chain_of(each)[0]])
    before = next(each for each in store.chain_of(place) if each.seq == place.seq - 1)
    for each in store.chain_of(place)[place.seq - store.chain_of(place)[0].seq :]:
        store.delete(each)
    store.set_head(before, chain.digest(store.payload(before)).hex())
    store.recount(place)
    return Edit(kind="truncate in line", first=place, seen_by_heads_only=True)


def head(store: Store, rng: random.Random) -> Edit:
    """The head says another hash."""
    last = store.chain_of(rng.choice(store.places()))[-1]
    store.set_head(last, "".join(rng.choices("0123456789abcdef", k=64)))
    return Edit(kind="head", first=last)


def resign_with_another_key(store: Store, rng: random.Random) -> Edit:
    """One entry, or a whole tail, changed and signed by a thief; everything beside it is in line."""
    place = rng.choice(store.places())
    tail = [each for each in store.chain_of(place) if each.seq >= place.seq]
    if rng.random() < 0.5:
        store.sign_anew(tail, THIEF, _later)
        return Edit(kind="re-sign the tail with another key", first=place)
    payload = chain.seal(chain.unseal(store.payload(place)).body, THIEF.sign)
    store.put(place, payload)
    return Edit(kind="re-sign with another key", first=place)


def rechain_with_the_right_key(store: Store, rng: random.Random) -> Edit:
    """Whoever has the kiosk's own key changes an entry and signs it and all that follow anew."""
    place = rng.choice(store.places())
    store.sign_anew([each for each in store.chain_of(place) if each.seq >= place.seq], SIGNER, _later)
    return Edit(kind="re-chain with the right key", first=place, seen_by_heads_only=True)


def _later(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, boottime_ns=entry.boottime_ns + 1)


EDITS = (
    field_in_payload,
    another_employee,
    field_in_column,
    delete,
    insert,
    insert_own,
    swap,
    truncate,
    truncate_in_line,
    head,
    resign_with_another_key,
    rechain_with_the_right_key,
)
