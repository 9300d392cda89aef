"""One person at the desk: what is held about them, and their move to another office."""

from dataclasses import dataclass
from datetime import UTC, datetime

import config
from sync import peppers
from sync.register import Register, consents, enrolment, people, rosters
from sync.register.consents import Consent
from sync.register.people import Employee, TemplateNote
from sync.register.people_schema import PersonRefused, checked_number, checked_office
from terminal.pin import pepper_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the register holds about somebody, no template's values among it. `consent` is the newest, if any."""

    employee: Employee
    templates: tuple[TemplateNote, ...]
    consent: Consent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Somebody's move. `pin_again` says that their PIN is of no use in the new office and has to be set again."""

    employee: Employee
    left: str
    pin_again: bool


def held_about(settings: config.Config, number: str) -> Held:
    """Return what is held about the employee `number`. Raises PersonRefused, RegisterError."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        employee = _known(register, number)
        return Held(
            employee=employee,
            templates=tuple(people.template_notes(register, employee.number)),
            consent=consents.consent_of(register, employee.number),
        )


def transfer(settings: config.Config, number: str, office: str) -> Transfer:
    """Have the employee at `office` from now on, with their templates, and return what that means for them.

    The kiosks of both offices know of it from their next published sets on. Raises PersonRefused for somebody unknown,
    withdrawn or there already, RegisterError, KeyRefused; then nothing was changed.
    """
    office = checked_office(office)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        before = _known(register, number)
        if before.withdrawn_at is not None:
            raise PersonRefused(
                f"employee {before.number} was withdrawn on {before.withdrawn_at:%Y-%m-%d}; enrol them again first"
            )
        if before.office == office:
            raise PersonRefused(f"employee {before.number} is at {office} already; nothing was changed")
        pin_again = pin_is_foreign(settings, people.pin_hash_of(register, before.number), office)
        moved = enrolment.upsert_employee(
            register, number=before.number, name=None, office=office, at=datetime.now(UTC), move=True
        )
    return Transfer(employee=moved, left=before.office, pin_again=pin_again)


def set_photo(settings: config.Config, number: str, allowed: bool) -> tuple[Employee, bool]:
    """Have kiosks keep sealed pictures of the person as evidence, or none; return them, and whether that is new.

    Raises PersonRefused, RegisterError.
    """
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return rosters.set_photo(register, checked_number(number), allowed)


def pin_is_foreign(settings: config.Config, pin_hash: str | None, office: str) -> bool:
    """Return whether publishing `office` would leave this PIN out, as publish.without_foreign_pins does."""
    needed = None if pin_hash is None else pepper_id_of(pin_hash)
    if needed is None:
        return False
    path = peppers.path_in(settings.centre.keys, office)
    return not path.exists() or needed not in peppers.load_peppers(path)


def _known(register: Register, number: str) -> Employee:
    number = checked_number(number)
    if (employee := people.find_employee(register, number)) is None:
        raise PersonRefused(f"there is no employee {number}; see ./hadir enroll list")
    return employee
