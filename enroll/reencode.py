"""Changing engines: encodings of one engine mean nothing to another, so people without one of the new must enrol again.

The pictures people were enrolled with are not kept. Whoever still has the folder imports it once more; all others come
to the desk.
"""

from dataclasses import dataclass

import config
from sync.register import Register, people
from sync.register.people import Employee
from terminal.faces import identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    """Somebody a kiosk of the configured engine would not recognise. `engines` made the templates they have."""

    person: Employee
    engines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReport:
    """How far an office is with the configured engine.

    `ready` counts those with a template of it, `pin_only` those without any template. `again` have templates of other
    engines only, and must be enrolled again before their office is published.
    """

    office: str
    engine_id: str
    ready: int
    pin_only: int
    again: tuple[Unready, ...]


def engine_report(settings: config.Config, office: str | None = None) -> EngineReport:
    """Return who at `office` (default: config office.id) must be enrolled again for the configured engine.

    Those withdrawn are left out. Raises RegisterError, ModelUnavailable.
    """
    office, wanted = office or settings.office.id, identity_of(settings.engine).engine_id
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        present = [person for person in people.list_people(register, office) if person.withdrawn_at is None]
        engines = people.engines_of(register, office)
    again = [
        Unready(person=person, engines=tuple(engines[person.number]))
        for person in present
        if person.number in engines and wanted not in engines[person.number]
    ]
    pin_only = sum(person.number not in engines for person in present)
    return EngineReport(
        office=office,
        engine_id=wanted,
        ready=len(present) - pin_only - len(again),
        pin_only=pin_only,
        again=tuple(again),
    )
