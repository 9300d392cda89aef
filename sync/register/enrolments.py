"""Enrolments that kiosks made: noted with their link of the chain, waiting for a decision, and what was decided.

Nothing here is deleted: who decided what, when and why stays. The box with templates and PIN goes from its row when it
was decided about. Functions named `..._in` work inside a transaction of the caller.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from sync.messages import UNTIMED, ClockQuality, EnrolmentNote, PadVerdict
from sync.register import Register, RegisterError
from sync.register.arrivals import Arrival
from sync.register.events import TimedBy
from sync.register.people_schema import employees
from sync.register.schema import Instant, events, insert_for, metadata
from sync.register.withdrawals import withdrawals
from sync.releases import MOST_DECIDED

TOLD = timedelta(days=120)
"""For so long after its decision an enrolment is named in the sets of its office (`EncodingSet.decided`); a kiosk uses
none for longer after it was made (terminal/provisional.py), so that no one of them outlives its decision anywhere."""
MAX_WHY = 300
MAX_BY = 80


class State(StrEnum):
    """What became of an enrolment."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


enrolments = sa.Table(
    "enrolments",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("administrator", sa.String(32), nullable=False),
    sa.Column("employee", sa.String(32), nullable=False),
    sa.Column("basis", sa.String(16), nullable=False),
    sa.Column("text_version", sa.String(40), nullable=False),
    sa.Column("engine_id", sa.String(200), nullable=False),
    sa.Column("sealed", sa.Text),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("made_at", Instant),
    sa.Column("decided_on", Instant),
    sa.Column("decided_by", sa.String(MAX_BY)),
    sa.Column("why", sa.String(MAX_WHY)),
    sa.Column("pad", sa.String(12), nullable=False, server_default=PadVerdict.NOT_CHECKED.value),
    sa.Index("enrolments_of_employee", "employee"),
    sa.Index("enrolments_decided", "office", "state", "decided_on"),
)


class EnrolmentUnknown(RegisterError):
    """No kiosk has sent an enrolment of this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskEnrolment:
    """An enrolment as the register has it. `sealed` is the box, None once it was decided about.

    `made_at` is when it was made, as well as that is known, and never after the centre had it: by the kiosk's clock, by
    what the register made of that, or else `received_at`. `pad` is what its kiosk says of whether the person was there.
    """

    id: str
    office: str
    terminal: str
    administrator: str
    employee: str
    basis: str
    text_version: str
    engine_id: str
    sealed: str | None
    received_at: datetime
    made_at: datetime
    state: State
    decided_on: datetime | None
    decided_by: str | None
    why: str | None
    pad: PadVerdict

    @property
    def order(self) -> tuple[datetime, str]:
        """By which the later of two of one person wins, the same way at whatever order they are decided about."""
        return self.made_at, self.id


def note_in(connection: sa.Connection, stored: Iterable[Arrival]) -> None:
    """Have each enrolment among the entries of this transaction waiting; one recorded again is there once."""
    rows = [
        {
            "id": entry.id, "office": entry.office, "terminal": entry.terminal, "epoch": entry.epoch, "seq": entry.seq,
            "administrator": entry.administrator, "employee": entry.employee, "basis": entry.basis.value,
            "text_version": entry.text_version, "engine_id": entry.engine_id, "sealed": entry.sealed,
            "received_at": each.received_at, "state": State.PENDING.value, "pad": entry.pad.value,
        }
        for each in stored
        if isinstance(entry := each.entry, EnrolmentNote)
    ]  # fmt: skip
    if rows:
        connection.execute(insert_for(connection, enrolments).on_conflict_do_nothing(index_elements=["id"]), rows)


def list_enrolments(
    register: Register, *, office: str | None = None, state: State | None = None, employee: str | None = None
) -> list[KioskEnrolment]:
    """Return the enrolments of kiosks (of `office`, in `state`, of `employee`), by when they were made."""
    wanted = _selected()
    for column, value in (
        (enrolments.c.office, office),
        (enrolments.c.state, state),
        (enrolments.c.employee, employee),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    with register.read() as connection:
        found = [_enrolment(row) for row in connection.execute(wanted)]
    return sorted(found, key=lambda each: each.order)


def enrolment_in(connection: sa.Connection, id_: str) -> KioskEnrolment:
    """Return the enrolment of that id. Raises EnrolmentUnknown."""
    row = connection.execute(_selected().where(enrolments.c.id == id_)).one_or_none()
    if row is None:
        raise EnrolmentUnknown(f"no kiosk has sent an enrolment {id_}; see ./hadir enroll pending")
    return _enrolment(row)


def decide_in(
    connection: sa.Connection, which: KioskEnrolment, state: State, *, at: datetime, by: str, why: str
) -> None:
    """Have `which` approved or refused, by whom, when and why, and its box gone from here."""
    connection.execute(
        sa.update(enrolments)
        .where(enrolments.c.id == which.id, enrolments.c.state == State.PENDING.value)
        .values(
            state=state.value,
            sealed=None,
            made_at=which.made_at,
            decided_on=at,
            decided_by=by[:MAX_BY],
            why=why[:MAX_WHY],
        )
    )


def refuse_withdrawn_in(connection: sa.Connection, number: str, *, at: datetime, leaves: bool) -> int:
    """Have every enrolment of the person that waits refused, for they were withdrawn: all of them where the person
    `leaves`, else those with a face. Return how many those were."""
    wanted = _selected().where(enrolments.c.employee == number, enrolments.c.state == State.PENDING.value)
    waiting = [_enrolment(row) for row in connection.execute(wanted).all()]
    void = [each for each in waiting if leaves or each.basis != "no_face"]
    for each in void:
        decide_in(connection, each, State.REFUSED, at=at, by="withdrawal", why=f"employee {number} was withdrawn")
    return len(void)


def newest_approved_in(connection: sa.Connection, employee: str) -> KioskEnrolment | None:
    """Return which approved enrolment of the person is the latest made, or None."""
    rows = connection.execute(
        _selected().where(enrolments.c.employee == employee, enrolments.c.state == State.APPROVED.value)
    )
    return max((_enrolment(row) for row in rows), key=lambda each: each.order, default=None)


def decided_in(connection: sa.Connection, office: str, at: datetime) -> tuple[str, ...]:
    """Return the ids that a set of `office` made `at` names: those decided about lately, the newest first."""
    return tuple(
        connection.scalars(
            sa.select(enrolments.c.id)
            .where(
                enrolments.c.office == office,
                enrolments.c.state != State.PENDING.value,
                enrolments.c.decided_on >= at - TOLD,
            )
            .order_by(enrolments.c.decided_on.desc(), enrolments.c.id)
            .limit(MOST_DECIDED)
        )
    )


def recently_withdrawn_in(connection: sa.Connection, office: str, at: datetime) -> dict[str, datetime]:
    """Return until when what kiosks enrolled of the faces of these people at `office` is void, as `decide` has it."""
    rows = connection.execute(
        sa.select(withdrawals.c.employee, withdrawals.c.at, withdrawals.c.leaves, employees.c.valid_from)
        .join(employees, employees.c.number == withdrawals.c.employee)
        .where(employees.c.office == office, withdrawals.c.at >= at - 2 * TOLD)
        .order_by(withdrawals.c.id)
    )
    return {row.employee: max(row.at, row.valid_from) if row.leaves else row.at for row in rows}


def _selected() -> sa.Select[Any]:
    same = sa.and_(
        events.c.terminal == enrolments.c.terminal,
        events.c.epoch == enrolments.c.epoch,
        events.c.seq == enrolments.c.seq,
    )
    return sa.select(enrolments, events.c.counted_at, events.c.clock, events.c.timed_by).outerjoin(events, same)


def _enrolment(row: Any) -> KioskEnrolment:
    kept = dict(row._mapping)
    counted, clock, timed_by = kept.pop("counted_at"), kept.pop("clock"), kept.pop("timed_by")
    for place in ("epoch", "seq"):
        kept.pop(place)
    if kept["made_at"] is None:
        known = counted is not None and (ClockQuality(clock) not in UNTIMED or timed_by == TimedBy.BOOT.value)
        kept["made_at"] = min(counted, kept["received_at"]) if known else kept["received_at"]
    kept["state"], kept["pad"] = State(kept["state"]), PadVerdict(kept["pad"])
    return KioskEnrolment(**kept)
