"""On what basis a face is kept: none is enrolled without one (UU PDP 27/2022, articles 4 and 20), and how it is said.

A face needs a basis that was recorded before or with it and not taken back since. An office whose legal officer has
named a public duty sets `enroll.basis` once; it is then recorded with each face, for somebody who took a basis back
only with --again, once they were asked anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import config
from enroll import purpose
from sync.register import Register, consents, people
from sync.register.consents import Basis, Consent
from sync.register.people_schema import PersonRefused, checked_number

NONE_SAID = "say on what basis the face is kept: --basis consent|public_duty (docs/enrolment.md)"

_ASK_ANEW = (
    "employee {number} took back on {back:%Y-%m-%d} that their face is kept; "
    "enrol with --again if they have been asked anew"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Whose basis was recorded, and who is left out because they took one back before."""

    numbers: tuple[str, ...]
    took_back: tuple[str, ...]


def basis_for(
    settings: config.Config,
    register: Register,
    number: str,
    *,
    said: Basis | None,
    text_version: str | None = None,
    given_at: datetime | None = None,
    desk: str | None = None,
    again: bool = False,
) -> Consent | None:
    """Return the basis to record with a face of `number`; None where the one in the register is the same or enough.

    With `given_at` it was said at that moment and is recorded as it is. Raises PersonRefused where there is none, and
    where the person took theirs back and neither a later `given_at` nor `again` says that they were asked anew.
    """
    held = consents.basis_of(register, number)
    back = None if held is not None else consents.taken_back_at(register, number)
    if said is None:
        if held is not None:
            return None
        if back is not None and not again:
            raise PersonRefused(_ASK_ANEW.format(number=number, back=back))
        if not settings.enroll.basis:
            raise PersonRefused(NONE_SAID)
        said = Basis(settings.enroll.basis)
    text_version = text_version or purpose.VERSION
    if given_at is None:
        if held is not None and (held.basis, held.text_version) == (said, text_version):
            return None
        if back is not None and not again:
            raise PersonRefused(_ASK_ANEW.format(number=number, back=back))
    elif back is not None and given_at <= back:
        raise PersonRefused(f"employee {number} took back on {back:%Y-%m-%d} what they had agreed to before")
    return Consent(
        employee=number,
        basis=said,
        text_version=text_version,
        given_at=given_at or datetime.now(UTC),
        desk=desk or f"desk of {settings.office.id}",
    )


def record_basis(settings: config.Config, number: str, basis: Basis) -> Consent:
    """Have it in the register that the person was shown today's text at this desk, and on what basis they are enrolled.

    Raises PersonRefused, RegisterError.
    """
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return _record(settings, register, checked_number(number), basis)


def record_all(settings: config.Config, basis: Basis, *, office: str | None = None) -> Recorded:
    """Have `basis` recorded for everybody (of `office`) who has a template and never had a basis; return who that is.

    For registers from before a basis was asked for. Raises PersonRefused, RegisterError.
    """
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        without = [
            person.number
            for person in people.list_people(register, office)
            if person.templates and person.withdrawn_at is None and consents.basis_of(register, person.number) is None
        ]
        took_back = [number for number in without if consents.taken_back_at(register, number) is not None]
        asked = _others(without, took_back)
        for number in asked:
            _record(settings, register, number, basis)
    return Recorded(numbers=asked, took_back=tuple(took_back))


def _others(numbers: Sequence[str], left_out: Sequence[str]) -> tuple[str, ...]:
    return tuple(number for number in numbers if number not in set(left_out))


def _record(settings: config.Config, register: Register, number: str, basis: Basis) -> Consent:
    return consents.record_consent(
        register,
        number,
        basis=basis,
        text_version=purpose.VERSION,
        given_at=datetime.now(UTC),
        desk=f"desk of {settings.office.id}",
    )
