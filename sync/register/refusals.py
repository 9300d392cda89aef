"""What the collector did not take: messages that were none, and other bytes under a key that is taken."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.register import Register
from sync.register.schema import insert_for, quarantine, rejected

KEPT_PAYLOAD_BYTES = 4096
KEPT_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that was refused, and why."""

    topic: str
    reason: str
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A refused message in the register. `payload` is its first 4 KiB, `payload_bytes` its whole length."""

    id: int
    topic: str
    reason: str
    payload: bytes
    payload_bytes: int
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """Bytes that came under a key that other bytes had: a copied card, a restored backup, or a forgery."""

    id: int
    terminal: str
    epoch: str
    seq: int
    office: str
    payload: bytes
    received_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCounts:
    """How many different messages were refused, and how many conflicting events wait for a human."""

    rejected: int
    quarantined: int


def refusal_counts(register: Register) -> RefusalCounts:
    """Return how much was refused so far. Raises RegisterUnavailable."""
    with register.read() as connection:
        return RefusalCounts(
            rejected=connection.scalar(sa.select(sa.func.count()).select_from(rejected)) or 0,
            quarantined=connection.scalar(sa.select(sa.func.count()).select_from(quarantine)) or 0,
        )


def latest_rejected(register: Register, limit: int = 100) -> list[RejectedRow]:
    """Return the refused messages seen last, newest first. Raises RegisterUnavailable."""
    shown = [column for column in rejected.c if column.name != "payload_sha256"]
    with register.read() as connection:
        rows = connection.execute(
            sa.select(*shown).order_by(rejected.c.last_at.desc(), rejected.c.id.desc()).limit(limit)
        )
        return [RejectedRow(**row._mapping) for row in rows]


def latest_quarantined(register: Register, limit: int = 100) -> list[QuarantinedRow]:
    """Return the events put into quarantine last, newest first. Raises RegisterUnavailable."""
    shown = [column for column in quarantine.c if column.name != "payload_sha256"]
    with register.read() as connection:
        rows = connection.execute(sa.select(*shown).order_by(quarantine.c.id.desc()).limit(limit))
        return [QuarantinedRow(**row._mapping) for row in rows]


def note_in(connection: sa.Connection, refused: Iterable[Rejected]) -> None:
    """Have each refused message in the register, a repeated one as a count, inside the caller's transaction.

    The oldest beyond 10,000 go: a stranger must not be able to fill the disk.
    """
    noted = False
    for each in refused:
        noted = True
        connection.execute(
            insert_for(connection, rejected)
            .values(
                topic=_printable(each.topic)[:200],
                reason=_printable(each.reason)[:300],
                payload=each.payload[:KEPT_PAYLOAD_BYTES],
                payload_bytes=len(each.payload),
                payload_sha256=hashlib.sha256(each.payload).digest(),
                times=1,
                first_at=each.received_at,
                last_at=each.received_at,
            )
            .on_conflict_do_update(
                index_elements=["topic", "payload_sha256"],
                set_={"times": rejected.c.times + 1, "last_at": each.received_at},
            )
        )
    if noted:
        beyond = sa.select(rejected.c.id).order_by(rejected.c.id.desc()).limit(1).offset(KEPT_ROWS).scalar_subquery()
        connection.execute(sa.delete(rejected).where(rejected.c.id <= beyond))


def _printable(text: str) -> str:
    """Return `text` without what a database or a log would choke on."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
