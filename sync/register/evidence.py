"""The register as evidence: what stands beside each entry, read as it lies there, and the chains as they are exported.

Nothing is migrated and nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sync.chain import Bad
from sync.keyring import Keyring
from sync.look import Looker, Row
from sync.messages import UNTIMED, Entry
from sync.register import Register, RegisterError, postgres
from sync.register.devices import KeyState
from sync.register.failures import translated
from sync.register.recount import known_to, miscounted
from sync.register.rows import row_of
from sync.register.schema import device_keys, events, heads
from sync.verify import EvidenceUnusable, Source
from sync.walk import Claim, Key

_SAID = (
    "terminal",
    "epoch",
    "seq",
    "office",
    "employee",
    "method",
    "direction",
    "occurred_at",
    "first_seen_at",
    "clock",
    "repeat_of",
    "receipt",
    "boot_id",
    "boottime_ns",
    "recorded_at",
    "clock_jump_ms",
)  # fmt: skip - as row_of says them, and in its order
NAMES = (*_SAID, "payload_sha256", "counted_at")
"""The columns that the signed bytes decide. `counted_at` is one of them as long as the kiosk knew the time: then it is
the first look at the face or, where the clock was set in between, the recording. Otherwise it is the centre's word."""
_UNTIMED = ", ".join(f"'{clock.value}'" for clock in UNTIMED)
_COUNTED = (
    "CASE WHEN timed_by = 'clock' THEN counted_at "
    f"WHEN clock IN ({_UNTIMED}) OR (timed_by = 'boot' AND counted_at = recorded_at) THEN first_seen_at "
    "ELSE counted_at END"
)
SELECT = (
    f"SELECT payload, {', '.join(_SAID)}, payload_sha256, {_COUNTED} "  # noqa: S608 - names written above
    "FROM events ORDER BY terminal, epoch, seq"
)
_ROWS = 256


def columns_of(entry: Entry, digest: bytes) -> Row:
    """Return what the columns of NAMES must be for `entry`."""
    said = row_of(entry)
    return (*said.values(), digest, said["first_seen_at"])


@contextmanager
def open_server(url: str, ring: Keyring | None) -> Iterator[Source]:
    """Yield the register on the PostgreSQL server at `url`. Raises EvidenceUnusable."""
    try:
        with translated():
            parsed = sa.make_url(url)
            engine = postgres.engine(parsed)
        with Register(engine) as register, register.read() as connection:
            yield _Server(connection, ring)
    except (RegisterError, ModuleNotFoundError) as error:
        raise EvidenceUnusable(f"the register cannot be verified: {error}") from None


class _Server:
    """A register on PostgreSQL."""

    partial = False

    def __init__(self, connection: sa.Connection, ring: Keyring | None) -> None:
        self._connection = connection
        rows = connection.execute(sa.select(heads).order_by(heads.c.terminal, heads.c.epoch))
        self.claims: Mapping[Key, Claim] = {
            (row.terminal, row.epoch): Claim(
                upto=row.upto, upto_hash=row.upto_hash, highest=row.highest, signed=_is_signed(row)
            )
            for row in rows
        }
        self.looker = Looker(names=NAMES, columns_of=columns_of, ring=ring or _known_keys(connection))

    def rows(self) -> Iterator[Sequence[Row]]:
        streaming = self._connection.execution_options(stream_results=True, max_row_buffer=_ROWS)
        found = streaming.exec_driver_sql(SELECT)
        for rows in found.partitions(_ROWS):
            yield [tuple(row) for row in rows]

    def miscounted(self) -> Sequence[Bad]:
        known = self._connection.exec_driver_sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' "
            "AND table_schema = current_schema()"
        )
        if not known_to(row[0] for row in known):
            return ()
        return miscounted(lambda sql: [tuple(row) for row in self._connection.exec_driver_sql(sql)])


def _is_signed(head: Any) -> bool:
    """Return whether a chain is signed: one from before kiosks did that has no hash of its head, and gets no more."""
    return bool(head.upto_hash) or not head.upto


def _known_keys(connection: sa.Connection) -> Keyring:
    states = (KeyState.APPROVED.value, KeyState.REVOKED.value)
    known = sa.select(device_keys.c.office, device_keys.c.terminal, device_keys.c.public_key)
    rows = connection.execute(known.where(device_keys.c.state.in_(states)))
    return Keyring((row.office, row.terminal, row.public_key) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPart:
    """A chain as it is exported: from seq `first` on, whole up to `upto`, and nothing above `highest`."""

    office: str
    terminal: str
    epoch: str
    first: int
    upto: int
    upto_hash: str
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that a kiosk signed with, 32 bytes, and whether it is trusted still."""

    office: str
    terminal: str
    key: bytes
    state: KeyState


@contextmanager
def exporting(
    register: Register, *, office: str | None = None, terminal: str | None = None, since: datetime | None = None
) -> Iterator[tuple[list[ChainPart], list[PublicKey], Iterator[bytes]]]:
    """Yield the chains of that office and terminal, the keys they may be signed with, and every entry's exact bytes.

    Of each chain all from the first entry made or counted at `since` or later: what follows belongs to it. None is
    from before punches were signed. Everything is of one moment. Raises RegisterUnavailable.
    """
    with register.read() as connection:
        parts = [
            part
            for part in _parts(connection, since)
            if office in (None, part.office) and terminal in (None, part.terminal)
        ]
        owners = {(part.office, part.terminal) for part in parts}
        rows = connection.execute(sa.select(device_keys).order_by(device_keys.c.terminal, device_keys.c.offered_at))
        known = [
            PublicKey(office=row.office, terminal=row.terminal, key=row.public_key, state=KeyState(row.state))
            for row in rows
            if (row.office, row.terminal) in owners and row.state != KeyState.OFFERED
        ]
        yield parts, known, _payloads(connection, parts)


def _parts(connection: sa.Connection, since: datetime | None) -> list[ChainPart]:
    found = list(connection.execute(sa.select(heads).order_by(heads.c.terminal, heads.c.epoch)))
    begins: dict[Key, int] = {}
    if since is not None:
        late = sa.or_(events.c.recorded_at >= since, events.c.counted_at >= since)
        firsts = sa.select(events.c.terminal, events.c.epoch, sa.func.min(events.c.seq).label("first")).where(late)
        for row in connection.execute(firsts.group_by(events.c.terminal, events.c.epoch)):
            begins[row.terminal, row.epoch] = row.first
    return [
        ChainPart(
            office=head.office,
            terminal=head.terminal,
            epoch=head.epoch,
            first=1 if since is None else begins[head.terminal, head.epoch],
            upto=head.upto,
            upto_hash=head.upto_hash,
            highest=head.highest,
        )
        for head in found
        if head.highest and _is_signed(head) and (since is None or (head.terminal, head.epoch) in begins)
    ]


def _payloads(connection: sa.Connection, parts: Sequence[ChainPart]) -> Iterator[bytes]:
    for part in parts:
        wanted = sa.select(events.c.payload).where(
            events.c.terminal == part.terminal, events.c.epoch == part.epoch, events.c.seq >= part.first
        )
        yield from connection.execute(wanted.order_by(events.c.seq).execution_options(yield_per=_ROWS)).scalars()


def receipt_at(register: Register, terminal: str, epoch: str, seq: int) -> str | None:
    """Return the receipt code of the punch at that place, None where there is none. Raises RegisterUnavailable."""
    here = sa.and_(events.c.terminal == terminal, events.c.epoch == epoch, events.c.seq == seq)
    with register.read() as connection:
        code: str | None = connection.scalar(sa.select(events.c.receipt).where(here))
        return code
