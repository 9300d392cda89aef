"""Entries on their way into the central register: each is added exactly once, and the heads move past it.

`add_in` works inside a transaction of the caller (sync/register/intake.py); `add_events` is one of its own. Signatures
were checked before (sync/admission.py); what is checked here is that an entry follows the one before it in its chain.
There is one writer at a time, so what was looked up in the transaction stays true until its end.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from errors import HadirError
from sync import chain
from sync.chain import Sealed
from sync.messages import AttendanceEvent, Correction, Entry
from sync.register import Register
from sync.register.corrections import Punched, punch_of, settle_in
from sync.register.rows import row_of
from sync.register.schema import as_listed, events, heads, insert_for, insert_many, listed, quarantine

Key = tuple[str, str]
"""(terminal, epoch): one life of one terminal's database."""

# SQLite takes 32,766 values in one statement at most.
_KEYS_A_QUERY = 1000


class Outcome(StrEnum):
    """What became of one entry of a batch."""

    STORED = "stored"
    KNOWN = "known"
    CONFLICT = "conflict"
    ELSEWHERE = "elsewhere"
    """The same punch is there under another place: its card was put back after it had recorded it again."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it came: decoded, its exact bytes and their SHA-256, and when the centre had it.

    `box` is the sealed picture that came with it, the very one it names.
    """

    entry: Entry
    sealed: Sealed
    payload: bytes
    digest: bytes
    received_at: datetime
    box: bytes | None = None

    @property
    def key(self) -> Key:
        return self.entry.terminal, self.entry.epoch

    @property
    def who(self) -> tuple[str, str]:
        """(office, terminal), which keys are approved for."""
        return self.entry.office, self.entry.terminal


def arrival(payload: bytes, received_at: datetime) -> Arrival:
    """Return the entry in `payload` as it came. Raises MessageRefused for what is none."""
    entry, sealed = chain.read_entry(payload)
    return Arrival(entry=entry, sealed=sealed, payload=payload, digest=chain.digest(payload), received_at=received_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a (terminal, epoch) is whole, and the hash, in hexadecimal, of the entry there ("" for 0)."""

    upto: int
    upto_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of each entry of a batch, in its order, and how far each (terminal, epoch) in it is now."""

    outcomes: tuple[Outcome, ...]
    reached: Mapping[Key, Reached]


def add_events(register: Register, batch: Sequence[Arrival]) -> Added:
    """Have every entry of `batch` in the register exactly once, committed, and say what became of each.

    The same key with other bytes, an entry that does not follow the one before it, or a punch that is there under
    another place goes to quarantine; what was there first stays as it was. Raises RegisterUnavailable, and then nothing
    of the batch was stored.
    """
    with register.write() as connection:
        return add_in(connection, batch)


def add_in(connection: sa.Connection, batch: Sequence[Arrival]) -> Added:
    """Do what `add_events` says inside the caller's transaction."""
    groups: dict[Key, list[int]] = defaultdict(list)
    for position, each in enumerate(batch):
        groups[each.key].append(position)
    before = _heads(connection, groups)
    places = _places(connection, batch)
    outcomes: list[Outcome | None] = [None] * len(batch)
    stored: list[Arrival] = []
    refused: list[tuple[Arrival, str]] = []
    reached: dict[Key, Reached] = {}
    moved: list[dict[str, object]] = []
    for key, positions in groups.items():
        group = _Group(connection, before.get(key), [(position, batch[position]) for position in positions], places)
        for position, outcome in group.outcomes.items():
            outcomes[position] = outcome
        stored += group.stored.values()
        refused += group.refused
        head = group.head_after()
        reached[key] = Reached(upto=head.upto, upto_hash=head.upto_hash)
        if head != group.head:
            moved.append(_head_row(batch[positions[-1]], head))
    if stored:
        insert_many(connection, events, [_row(each) for each in stored])
        punches = filter(None, (punch_of(each.entry) for each in stored))
        settle_in(connection, places.corrected.intersection(punches))
    for each, reason in refused:
        _isolate(connection, each, reason)
    if moved:
        statement = insert_for(connection, heads)
        changing = {name: statement.excluded[name] for name in ("upto", "upto_hash", "highest", "forked", "changed_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["terminal", "epoch"], set_=changing), moved)
    return Added(outcomes=tuple(outcome for outcome in outcomes if outcome is not None), reached=reached)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    upto: int = 0
    upto_hash: str = ""
    highest: int = 0
    forked: bool = False


class _Group:
    """The entries of a batch that belong to one (terminal, epoch)."""

    def __init__(
        self, connection: sa.Connection, head: _Head | None, arrivals: list[tuple[int, Arrival]], places: "_Places"
    ) -> None:
        self.head = head or _Head()
        self.outcomes: dict[int, Outcome] = {}
        self.stored: dict[int, Arrival] = {}
        self.refused: list[tuple[Arrival, str]] = []
        self._connection, self._places = connection, places
        self._key = arrivals[0][1].key
        arrivals = sorted(arrivals, key=lambda each: (each[1].entry.seq, each[0]))
        self._there = self._look_up({each.entry.seq for _, each in arrivals})
        for position, each in arrivals:
            self.outcomes[position] = self._judge(each)

    def head_after(self) -> _Head:
        """Return the head past everything that is stored now."""
        upto, upto_hash = self.head.upto, self.head.upto_hash
        while (following := self._digest(upto + 1)) is not None:
            upto, upto_hash = upto + 1, following.hex()
            if self._digest(upto + 1) is None and upto < self.head.highest:
                upto, upto_hash = self._end_of_run(upto, upto_hash)
        return _Head(
            upto=upto,
            upto_hash=upto_hash,
            highest=max([self.head.highest, *self.stored]),
            forked=self.head.forked or bool(self.refused),
        )

    def _judge(self, each: Arrival) -> Outcome:
        seq = each.entry.seq
        present = self._digest(seq)
        if present is not None:
            if present == each.digest:
                return Outcome.KNOWN
            return self._refuse(each, "other bytes under a key that is taken")
        if self._places.elsewhere(each):
            return self._refuse(each, "is there under another place")
        if not self._follows(each):
            return self._refuse(each, "does not follow the entry before it")
        self.stored[seq] = each
        self._places.add(each)
        return Outcome.STORED

    def _follows(self, each: Arrival) -> bool:
        """Return whether it names the hash of the entry before it, and the one after it, if there is one, names its."""
        seq = each.entry.seq
        if seq == 1:
            fits = each.entry.prev_hash == chain.GENESIS
        else:
            left = self._digest(seq - 1)
            # Out of order is no fault, but in a chain that is known to fork nothing is taken on trust.
            fits = each.entry.prev_hash == left.hex() if left is not None else not (self.head.forked or self.refused)
        right = self._there.get(seq + 1)
        return fits and (right is None or right[1] == each.digest.hex())

    def _refuse(self, each: Arrival, why: str) -> Outcome:
        self.refused.append((each, why))
        return Outcome.ELSEWHERE if self._places.elsewhere(each) else Outcome.CONFLICT

    def _digest(self, seq: int) -> bytes | None:
        """Return the hash of the entry that is stored under `seq`, None where none is known to be."""
        if seq in self.stored:
            return self.stored[seq].digest
        if seq == self.head.upto and self.head.upto:
            return bytes.fromhex(self.head.upto_hash)
        found = self._there.get(seq)
        return found[0] if found else None

    def _look_up(self, seqs: set[int]) -> dict[int, tuple[bytes, str]]:
        """Return hash and prev_hash of what the register holds under `seqs` and beside them.

        Nothing needs to be asked of what is above the highest: that is how nearly all arrive.
        """
        beside = {seq + step for seq in seqs for step in (-1, 0, 1)}
        wanted = sorted(
            seq for seq in beside if 1 <= seq <= self.head.highest and (seq != self.head.upto or seq in seqs)
        )
        if not wanted:
            return {}
        found = {}
        for start in range(0, len(wanted), _KEYS_A_QUERY):
            rows = self._connection.execute(
                sa.select(events.c.seq, events.c.payload_sha256, events.c.payload).where(
                    self._ours(), events.c.seq.in_(wanted[start : start + _KEYS_A_QUERY])
                )
            )
            found.update({row.seq: (row.payload_sha256, _prev_hash(row.payload)) for row in rows})
        return found

    def _end_of_run(self, upto: int, upto_hash: str) -> tuple[int, str]:
        """Return the last seq before the first gap above `upto`, and its hash; reads no more rows than the run has."""
        following = events.alias()
        terminal, epoch = self._key
        if not self._connection.scalar(sa.select(sa.exists().where(self._ours(), events.c.seq == upto + 1))):
            return upto, upto_hash
        row = self._connection.execute(
            sa.select(events.c.seq, events.c.payload_sha256)
            .where(
                self._ours(),
                events.c.seq > upto,
                ~sa.exists().where(
                    following.c.terminal == terminal, following.c.epoch == epoch, following.c.seq == events.c.seq + 1
                ),
            )
            .order_by(events.c.seq)
            .limit(1)
        ).one()
        return row.seq, row.payload_sha256.hex()

    def _ours(self) -> sa.ColumnElement[bool]:
        return sa.and_(events.c.terminal == self._key[0], events.c.epoch == self._key[1])


class _Places:
    """Where the punches of a batch are in the register already, by what stays the same: terminal, receipt, employee.

    `corrected` are those of which there is a correction, here or in the register.
    """

    def __init__(self) -> None:
        self._found: dict[Punched, set[tuple[str, int]]] = defaultdict(set)
        self.corrected: set[Punched] = set()

    def add(self, each: Arrival) -> None:
        punch = punch_of(each.entry)
        if punch is None:
            return
        if isinstance(each.entry, Correction):
            self.corrected.add(punch)
        else:
            self.put(punch, each.entry.epoch, each.entry.seq)

    def put(self, punch: Punched, epoch: str, seq: int) -> None:
        self._found[punch].add((epoch, seq))

    def elsewhere(self, each: Arrival) -> bool:
        entry = each.entry
        if not isinstance(entry, AttendanceEvent):
            return False
        found = self._found.get((entry.terminal, entry.receipt, entry.punch.employee), set())
        return bool(found - {(entry.epoch, entry.seq)})


def _places(connection: sa.Connection, batch: Sequence[Arrival]) -> _Places:
    places = _Places()
    punches = filter(None, (punch_of(each.entry) for each in batch))
    receipts = sorted({receipt for _, receipt, _ in punches})
    for start in range(0, len(receipts), _KEYS_A_QUERY):
        for row in connection.execute(
            sa.select(*_PLACED).where(events.c.receipt.in_(receipts[start : start + _KEYS_A_QUERY]))
        ):
            punch = row.terminal, row.receipt, row.employee
            if row.method is None:
                places.corrected.add(punch)
            else:
                places.put(punch, row.epoch, row.seq)
    return places


_PLACED = [events.c[name] for name in ("terminal", "receipt", "employee", "epoch", "seq", "method")]


def _heads(connection: sa.Connection, keys: Iterable[Key]) -> dict[Key, _Head]:
    rows = connection.execute(_heads_listed(connection.dialect.name), as_listed(keys))
    return {
        (row.terminal, row.epoch): _Head(upto=row.upto, upto_hash=row.upto_hash, highest=row.highest, forked=row.forked)
        for row in rows
    }


@cache
def _heads_listed(dialect: str) -> sa.Select[Any]:
    here = listed(dialect, (heads.c.terminal, heads.c.epoch))
    return sa.select(heads).join(here, sa.and_(heads.c.terminal == here.c.terminal, heads.c.epoch == here.c.epoch))


def _head_row(last: Arrival, head: _Head) -> dict[str, object]:
    return {
        "terminal": last.entry.terminal,
        "epoch": last.entry.epoch,
        "office": last.entry.office,
        "upto": head.upto,
        "upto_hash": head.upto_hash,
        "highest": head.highest,
        "forked": head.forked,
        "changed_at": last.received_at,
    }


def _row(each: Arrival) -> dict[str, object]:
    row = row_of(each.entry)
    row.update(
        counted_at=row["first_seen_at"],
        received_at=each.received_at,
        payload=each.payload,
        payload_sha256=each.digest,
    )
    return row


def _prev_hash(payload: bytes) -> str:
    try:
        return chain.read_entry(payload)[0].prev_hash
    except HadirError:
        return ""  # somebody changed the row by hand: what follows it is refused, and verify-chain names it


def _isolate(connection: sa.Connection, each: Arrival, reason: str) -> None:
    entry = each.entry
    connection.execute(
        insert_for(connection, quarantine)
        .values(
            terminal=entry.terminal,
            epoch=entry.epoch,
            seq=entry.seq,
            office=entry.office,
            payload=each.payload,
            payload_sha256=each.digest,
            received_at=each.received_at,
            reason=reason,
        )
        .on_conflict_do_nothing()
    )
