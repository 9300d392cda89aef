"""What approving an enrolment of a kiosk does in the register: all of it in one transaction with the decision.

The rules are the register's own, looked at when nobody else writes: a leaver stays gone, and of two enrolments of one
person the later made wins, whichever is decided about first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sync.register import Register
from sync.register.consents import Basis, Consent, record_in, refuse_taken_back_in
from sync.register.enrolment import TemplatesChanged, put_pin_in, put_template_in
from sync.register.enrolments import KioskEnrolment, State, decide_in, enrolment_in, newest_approved_in
from sync.register.people import Template, employee_in, newest_template_in
from sync.register.people_schema import PersonRefused, employees, pins, templates
from sync.register.withdrawals import withdrawals

KIOSK = "kiosk"
"""The source of the templates that kiosks made: the newest enrolment's stand beside those from photos and cameras."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What was in the box of an enrolment."""

    templates: Sequence[Template]
    pin_hash: str | None
    photo: bool


def decide(
    register: Register,
    id_: str,
    *,
    at: datetime,
    by: str,
    brought: Brought | None,
    newest_compared: int | None = None,
    why: str = "",
) -> KioskEnrolment:
    """Have the enrolment approved with what it `brought`, or refused where that is None, and return it as it is now.

    One that was decided about before stays as it was. One that may not be approved any more is refused, and `why` says
    so. Raises TemplatesChanged where another face was enrolled since the one that `newest_compared` tells of, and
    EnrolmentUnknown; then nothing was changed.
    """
    with register.write() as connection:
        which = enrolment_in(connection, id_)
        if which.state is not State.PENDING:
            return which
        state = State.REFUSED
        if brought is not None:
            if newest_compared is not None and newest_template_in(connection) != newest_compared:
                raise TemplatesChanged("others enrol faces all the time, and this one could not be compared; try again")
            try:
                with connection.begin_nested():
                    _refuse_late(connection, which)
                    _bring(register, connection, which, brought)
                state = State.APPROVED
            except PersonRefused as refused:
                why = str(refused)
        decide_in(connection, which, state, at=at, by=by, why=why)
        return enrolment_in(connection, id_)


def _refuse_late(connection: sa.Connection, which: KioskEnrolment) -> None:
    """Raise PersonRefused where the person has left, moved, or was enrolled later."""
    person = employee_in(connection, which.employee)
    if person.withdrawn_at is not None:
        raise PersonRefused(f"employee {which.employee} was withdrawn on {person.withdrawn_at:%Y-%m-%d}")
    withdrawn = sa.select(withdrawals.c.at, withdrawals.c.leaves).where(withdrawals.c.employee == which.employee)
    for row in connection.execute(withdrawn.order_by(withdrawals.c.id.desc())):
        # Who came back is somebody new: what a kiosk made that had not heard of their leaving yet is not theirs.
        until = max(row.at, person.valid_from) if row.leaves else row.at
        if which.made_at <= until and (row.leaves or which.basis != "no_face"):
            raise PersonRefused(f"employee {which.employee} was withdrawn on {row.at:%Y-%m-%d}; ask them anew")
    if person.office != which.office:
        raise PersonRefused(f"employee {which.employee} belongs to office {person.office}, not to {which.office}")
    newer = newest_approved_in(connection, which.employee)
    if newer is not None and newer.order > which.order:
        raise PersonRefused(f"enrolment {newer.id} of the same person was made later, and was approved")


def _bring(register: Register, connection: sa.Connection, which: KioskEnrolment, brought: Brought) -> None:
    number = which.employee
    if which.basis != "no_face":
        record_in(
            connection,
            Consent(
                employee=number,
                basis=Basis(which.basis),
                text_version=which.text_version,
                given_at=which.made_at,
                desk=f"kiosk {which.terminal}, {which.administrator}",
            ),
        )
        refuse_taken_back_in(connection, number)
    connection.execute(sa.delete(templates).where(templates.c.employee == number, templates.c.source == KIOSK))
    for template in brought.templates:
        put_template_in(register, connection, number, template)
    set_at = connection.scalar(sa.select(pins.c.set_at).where(pins.c.employee == number))
    if brought.pin_hash is not None and (set_at is None or set_at <= which.made_at):
        put_pin_in(connection, number, brought.pin_hash, which.made_at)
    if not brought.photo:
        connection.execute(sa.update(employees).where(employees.c.number == number).values(photo=False))
