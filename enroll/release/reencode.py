"""Changing engines: encodings of one engine mean nothing to another, so people without one of the new must enrol again.

The pictures people were enrolled with are kept only where they agreed and `enroll.keep_samples` says so: theirs are
encoded anew. Whoever still has the folder imports it once more; all others come to the desk.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import config
from enroll import kept
from enroll.desk import Desk, Done, PersonReport, Wish, open_desk
from enroll.photos import PhotoRefused, decoded
from enroll.rules import WORDS
from enroll.samples import PhotoReport, Study, examine, study_vectors
from sync.register import Register, people
from sync.register.people import Employee
from terminal.faces import Engine, Vector, identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    """Somebody a kiosk of the configured engine would not recognise. `engines` made the templates they have; `samples`
    says whether pictures of them are kept to make one of."""

    person: Employee
    engines: tuple[str, ...]
    samples: bool = False


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
        Unready(person=person, engines=tuple(engines[person.number]), samples=kept.has(settings, person.number))
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


def reencode(
    settings: config.Config,
    office: str | None = None,
    *,
    engine: Engine | None = None,
    report: Callable[[PersonReport], None] = lambda _: None,
) -> list[PersonReport]:
    """Have a template of the configured engine for everybody at `office` without one of whom pictures are kept.

    Each person is done whole or not at all, and what became of them is told and returned; their kept pictures stay.
    Raises RegisterError, ModelUnavailable, KeyRefused.
    """
    again = [each.person for each in engine_report(settings, office).again if each.samples]
    done: list[PersonReport] = []
    with open_desk(settings, engine=engine) as desk:
        for person in again:
            done.append(_reencoded(settings, desk, person))
            report(done[-1])
    return done


def _reencoded(settings: config.Config, desk: Desk, person: Employee) -> PersonReport:
    last = PersonReport(number=person.number, name=person.name, done=Done.REFUSED, why="no picture of them is kept")
    try:
        looks = kept.opened(settings, person.number)
    except kept.SamplesFailed as failed:
        return replace(last, why=str(failed))
    # The usual look first: the others are compared with it.
    for each in sorted(looks, key=lambda samples: samples.look):
        wish = Wish(number=person.number, name=None, office=person.office, source=each.source, look=each.look)
        last = desk.enrol(replace(wish, study=_study(each.photos, desk)))
        if last.why is not None:
            break
    return last


def _study(photos: tuple[bytes, ...], desk: Desk) -> Study:
    taken: list[tuple[str, Vector, str]] = []
    refused: list[PhotoReport] = []
    for place, content in enumerate(photos, 1):
        name = f"kept picture {place}"
        try:
            found = examine(decoded(content), desk.engine, desk.settings)
        except PhotoRefused as flaw:
            refused.append(PhotoReport(photo=name, used=False, why=str(flaw)))
            continue
        if isinstance(found, tuple):
            taken.append((name, *found))
        else:
            refused.append(PhotoReport(photo=name, used=False, why=WORDS[found]))
    study = study_vectors(taken, desk.settings)
    return replace(study, photos=(*study.photos, *refused))
