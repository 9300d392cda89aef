"""Attacks on kiosks' cameras and near misses: noted with their link of the chain, and what reviewers decided of them.

A note and every decision stay. The sealed picture lies beside the note and goes in time (`drop_old`), or with the
decision that it was a living person. No decision changes a punch. Functions named `..._in` work inside a transaction of
the caller.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from sync.messages import UNTIMED, AttackNote, PadVerdict
from sync.register import Register, RegisterError
from sync.register.arrivals import Arrival
from sync.register.enrolments import MAX_BY, MAX_WHY
from sync.register.events import TimedBy
from sync.register.schema import Id, Instant, events, insert_for, metadata

MOST_PICTURES = 50
"""Kept of one kiosk within a day: one that is broken or hostile must not fill the register. Its notes stay."""
_DAY = timedelta(days=1)
_PREFIX = 6  # digits of an id that may stand for it


class Decision(StrEnum):
    """What a reviewer says that it was."""

    ATTACK = "attack"
    PERSON = "person"
    """A living person, wrongly refused."""


attacks = sa.Table(
    "attacks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("employee", sa.String(32)),
    sa.Column("verdict", sa.String(12), nullable=False),
    sa.Column("cues", sa.Text, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("evidence_ref", sa.String(200)),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("picture", sa.LargeBinary),
    sa.Index("attacks_received", "received_at"),
    sa.Index("attacks_of_terminal", "terminal", "received_at"),
)

decisions = sa.Table(
    "attack_decisions",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("attack", sa.String(32), sa.ForeignKey("attacks.id"), nullable=False),
    sa.Column("decision", sa.String(8), nullable=False),
    sa.Column("decided_at", Instant, nullable=False),
    sa.Column("decided_by", sa.String(MAX_BY), nullable=False),
    sa.Column("note", sa.String(MAX_WHY), nullable=False),
    sa.Index("attack_decisions_of_attack", "attack", "id"),
    sqlite_autoincrement=True,
)


class AttackUnknown(RegisterError):
    """No kiosk has sent a note of an attack with this id, or more than one begin with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """An attack, or near miss, as the register has it.

    `at` is when it happened, as well as that is known (`timed_by`), and `received_at` when the centre heard of it; both
    UTC with zone. `has_picture` where its sealed picture is here. `decision` is the newest one, None while it is open.
    """

    id: str
    office: str
    terminal: str
    employee: str | None
    verdict: PadVerdict
    cues: tuple[str, ...]
    score: float | None
    evidence_ref: str | None
    held: bool
    at: datetime
    timed_by: TimedBy
    received_at: datetime
    has_picture: bool
    decision: Decision | None
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


def note_in(connection: sa.Connection, stored: Iterable[Arrival], *, evidence_days: int) -> None:
    """Have each attack among the entries of this transaction noted; one recorded again is there once.

    Its picture is kept beside it, unless it is older than `evidence_days`, or MOST_PICTURES came from its kiosk today.
    """
    rows = []
    taken: Counter[str] = Counter()
    for each in stored:
        entry = each.entry
        if not isinstance(entry, AttackNote):
            continue
        picture = each.box if _is_young(entry, each.received_at, evidence_days) else None
        if picture is not None:
            taken[entry.terminal] += 1
            if taken[entry.terminal] + _of_the_day(connection, entry.terminal, each.received_at) > MOST_PICTURES:
                picture = None
        rows.append(
            {
                "id": entry.id, "office": entry.office, "terminal": entry.terminal, "epoch": entry.epoch,
                "seq": entry.seq, "employee": entry.employee, "verdict": entry.verdict.value,
                "cues": msgspec.json.encode(entry.cues).decode(), "score": entry.score,
                "evidence_ref": entry.evidence_ref, "held": entry.held, "received_at": each.received_at,
                "picture": picture,
            }
        )  # fmt: skip
    if rows:
        connection.execute(insert_for(connection, attacks).on_conflict_do_nothing(index_elements=["id"]), rows)


def _is_young(note: AttackNote, now: datetime, evidence_days: int) -> bool:
    """Return whether a picture of then may still be kept; where nobody vouched for the kiosk's clock, it may."""
    return note.clock in UNTIMED or note.made_at >= now - evidence_days * _DAY


def _of_the_day(connection: sa.Connection, terminal: str, now: datetime) -> int:
    wanted = sa.select(sa.func.count()).where(
        attacks.c.terminal == terminal, attacks.c.received_at > now - _DAY, attacks.c.picture.is_not(None)
    )
    return int(connection.scalar(wanted) or 0)


def list_attacks(
    register: Register,
    since: datetime | None,
    *,
    office: str | None = None,
    terminal: str | None = None,
    employee: str | None = None,
    only_open: bool = False,
) -> list[Attack]:
    """Return the attacks and near misses at `since` or later, by when they happened. Raises RegisterUnavailable."""
    wanted = _selected() if since is None else _selected().where(_since(since))
    for column, value in ((attacks.c.office, office), (attacks.c.terminal, terminal), (attacks.c.employee, employee)):
        if value is not None:
            wanted = wanted.where(column == value)
    if only_open:
        wanted = wanted.where(decisions.c.id.is_(None))
    with register.read() as connection:
        return [_attack(row) for row in connection.execute(wanted.order_by(events.c.counted_at, events.c.id))]


def count_attacks(register: Register, since: datetime) -> Mapping[tuple[str, str], int]:
    """Return how many attacks, near misses apart, happened at each (office, terminal) at `since` or later.

    What a reviewer says was a living person is none. Raises RegisterUnavailable.
    """
    wanted = (
        _selected(sa.func.count().label("times"), attacks.c.office, attacks.c.terminal)
        .where(_since(since), attacks.c.verdict == PadVerdict.ATTACK.value)
        .where(sa.func.coalesce(decisions.c.decision, "") != Decision.PERSON.value)
        .group_by(attacks.c.office, attacks.c.terminal)
    )
    with register.read() as connection:
        return {(row.office, row.terminal): row.times for row in connection.execute(wanted)}


def first_open(register: Register, since: datetime, *, most: int) -> tuple[list[Attack], int]:
    """Return what happened at `since` or later and is not decided, `most` of it at most, and how much that is in all.

    Attacks come first, those with a face that was taken for an employee's before others, and then the newest. Raises
    RegisterUnavailable.
    """
    is_open = sa.and_(_since(since), decisions.c.id.is_(None))
    attacked = attacks.c.verdict == PadVerdict.ATTACK.value
    order = sa.case((sa.and_(attacked, attacks.c.employee.is_not(None)), 0), (attacked, 1), else_=2)
    wanted = _selected().where(is_open).order_by(order, events.c.counted_at.desc(), events.c.id.desc()).limit(most)
    with register.read() as connection:
        found = [_attack(row) for row in connection.execute(wanted)]
        every = len(found) if len(found) < most else connection.scalar(_selected(sa.func.count()).where(is_open))
    return found, int(every or 0)


def picture_of(register: Register, id_: str) -> bytes | None:
    """Return the sealed picture of the attack of that id, None where there is none. Raises RegisterUnavailable."""
    with register.read() as connection:
        picture: bytes | None = connection.scalar(sa.select(attacks.c.picture).where(attacks.c.id == id_))
    return picture


def decide(register: Register, id_: str, decision: Decision, *, at: datetime, by: str, note: str) -> Attack:
    """Have it decided what the attack was whose id is `id_`, or alone begins with it; by whom, when and why stays.

    An earlier decision stays as well, and the newest counts. The picture of a living person is gone afterwards. Raises
    AttackUnknown, RegisterUnavailable.
    """
    with register.write() as connection:
        whole = _whole(connection, id_)
        connection.execute(
            sa.insert(decisions).values(
                attack=whole, decision=decision.value, decided_at=at, decided_by=by[:MAX_BY], note=note[:MAX_WHY]
            )
        )
        if decision is Decision.PERSON:
            connection.execute(sa.update(attacks).where(attacks.c.id == whole).values(picture=None))
        return _attack(connection.execute(_selected().where(attacks.c.id == whole)).one())


def drop_old(register: Register, before: datetime) -> int:
    """Have no picture here that came before that moment; return how many went. Raises RegisterUnavailable."""
    old = sa.and_(attacks.c.received_at < before, attacks.c.picture.is_not(None))
    with register.read() as connection:
        if connection.scalar(sa.select(attacks.c.id).where(old).limit(1)) is None:
            return 0  # nobody waits for a writer without need
    with register.write() as connection:
        gone = connection.execute(sa.update(attacks).where(old).values(picture=None)).rowcount
    register.rewrite(attacks.name)
    return gone


def drop_near_misses_in(connection: sa.Connection, number: str) -> None:
    """Have no picture here of a near miss that was taken for this person, who is most likely the one to be seen."""
    theirs = sa.and_(attacks.c.employee == number, attacks.c.verdict == PadVerdict.UNDECIDED.value)
    connection.execute(sa.update(attacks).where(theirs, attacks.c.picture.is_not(None)).values(picture=None))


def _whole(connection: sa.Connection, id_: str) -> str:
    if len(id_) < _PREFIX or not set(id_) <= set("0123456789abcdef"):
        raise AttackUnknown("an id is 32 of 0-9 and a-f, or as many of the first as tell it apart, six at least")
    found = list(connection.scalars(sa.select(attacks.c.id).where(attacks.c.id.startswith(id_)).limit(2)))
    if len(found) != 1:
        why = (
            f"more than one attack has an id that begins with {id_}" if found else f"no kiosk has sent an attack {id_}"
        )
        raise AttackUnknown(f"{why}; see ./hadir events review")
    return str(found[0])


_SHOWN = (
    *(column for column in attacks.c if column.name not in ("epoch", "seq", "picture")),
    attacks.c.picture.is_not(None).label("has_picture"),
    events.c.counted_at.label("at"),
    events.c.timed_by,
    decisions.c.decision,
    decisions.c.decided_at,
    decisions.c.decided_by,
    decisions.c.note,
)


def _selected(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return a statement for `columns`, by default those of an Attack, of attacks with their newest decision."""
    every = decisions.alias()
    newest = sa.select(sa.func.max(every.c.id)).where(every.c.attack == attacks.c.id).correlate(attacks)
    same = sa.and_(
        events.c.terminal == attacks.c.terminal, events.c.epoch == attacks.c.epoch, events.c.seq == attacks.c.seq
    )
    return (
        sa.select(*(columns or _SHOWN))
        .select_from(attacks)
        .join(events, same)
        .outerjoin(decisions, decisions.c.id == newest.scalar_subquery())
    )


def _since(moment: datetime) -> sa.ColumnElement[bool]:
    """Nothing is heard of before it happened, but for a kiosk's clock that is ahead: by this few rows are looked at."""
    return sa.and_(attacks.c.received_at >= moment - _DAY, events.c.counted_at >= moment)


def _attack(row: Any) -> Attack:
    kept = dict(row._mapping)
    kept["verdict"] = PadVerdict(kept["verdict"])
    kept["cues"] = tuple(msgspec.json.decode(kept["cues"]))
    kept["timed_by"] = TimedBy(kept["timed_by"])
    kept["decision"] = None if kept["decision"] is None else Decision(kept["decision"])
    return Attack(**kept)
