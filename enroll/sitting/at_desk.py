"""Enrolling at a desk with a webcam, with what the centre has: everybody's templates, and the register to store in."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

import config
from enroll.desk import CAMERA, Done, Wish, open_desk
from enroll.rules import Known
from enroll.samples import PhotoReport, Study
from enroll.sitting.likeness import recognised, search, templates_of
from enroll.wizard.signals import Enrol, EnrolFailed, Enrolled, Found, Recognise, Recognised, Search, Searched
from enroll.wizard.values import Ground, Sample
from sync.register import Register, people, sets
from sync.register.consents import Basis
from terminal.calibration import calibrated, policy_for, suspect_score
from terminal.faces import Engine
from terminal.gallery import Gallery

_log = logging.getLogger("hadir.enroll.at_desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """Who is in the register now: the gallery of the desk's office, as its kiosks would have it, and all templates."""

    here: Gallery
    all: Known


def everybody(settings: config.Config, engine: Engine) -> Everybody:
    """Return who is in the register, each office as a set published now would have it. Raises RegisterError."""
    own = settings.office.id
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        contents = {
            office: sets.build_set(
                register,
                office=office,
                engine_id=engine.engine_id,
                dimension=engine.dimension,
                at=datetime.now(UTC),
            )
            for office in {own, *people.offices(register)}
        }
    galleries = {office: Gallery.from_set(content) for office, content in contents.items()}
    known = [gallery for gallery in galleries.values() if gallery.rows]
    return Everybody(
        here=galleries[own],
        all=Known(
            owners=tuple(owner for gallery in known for owner in gallery.owners),
            matrix=_stacked(known, engine.dimension),
        ),
    )


class DeskPlace:
    """What an enrolment at a desk asks; on the worker's thread. Each enrolment has its own, with the register as it
    is then."""

    def __init__(self, settings: config.Config, engine: Engine, known: Everybody) -> None:
        """Raises NotCalibrated."""
        self._settings = calibrated(settings, engine.engine_id)
        self._engine, self._known = engine, known
        self._policy = policy_for(engine.engine_id, settings.match)
        self._stored: set[str] = set()

    def search(self, asked: Search) -> Searched:
        """Return whose face this is in any office, or whom of the own office it resembles. Raises NotCalibrated."""
        vectors = [*templates_of(asked.samples).values()]
        same = self._settings.enroll.duplicate_score
        found, who = search(vectors, self._known.all, employee=asked.employee, same_face=same, alike=same)
        if found is Found.NOBODY:  # only a kiosk that knows both can confuse them
            here = self._known.here
            alike = suspect_score(self._engine.engine_id, self._settings.match, here.rows + len(vectors))
            own = Known(owners=here.owners, matrix=here.matrix)
            found, who = search(vectors, own, employee=asked.employee, same_face=same, alike=alike)
        return Searched(check=asked.check, found=found, other=who.employee if who is not None else None)

    def recognise(self, asked: Recognise) -> Recognised:
        """Return who this is at the office's kiosks with the new templates. Raises HadirError."""
        return recognised(asked, self._known.here, self._policy)

    def save(self, asked: Enrol, id_: str) -> Enrolled | EnrolFailed:
        """Have it in the register. Raises HadirError where it cannot be reached."""
        if id_ not in self._stored:
            with open_desk(self._settings, engine=self._engine) as desk:
                report = desk.enrol(wish_of(asked, office=self._settings.office.id))
            if report.done is Done.REFUSED:
                _log.warning("employee %s was not enrolled: %s", asked.employee, report.why)
                return EnrolFailed(save=asked.save, attempt=asked.attempt)
            self._stored.add(id_)
        return Enrolled(save=asked.save)


def wish_of(asked: Enrol, *, office: str) -> Wish:
    """Return what the register's desk is asked for: every look, the PIN and the basis, in one transaction."""
    decision = asked.decision
    basis = None if decision.ground is Ground.NO_FACE else Basis(decision.ground.value)
    return Wish(
        number=asked.employee,
        name=None,
        office=office,
        study=_studied(asked.samples) if asked.samples else None,
        looks=tuple((look, _studied(samples)) for look, samples in asked.looks.items()),
        source=CAMERA,
        pin=asked.pin,
        basis=basis,
        text_version=decision.text_version if basis is not None else None,
        given_at=decision.at if basis is not None else None,
        desk=f"{office} desk, {asked.administrator}" if basis is not None else None,
        photo=None if asked.photo else False,
    )


def _studied(samples: Iterable[Sample]) -> Study:
    taken = tuple(samples)
    (template,) = templates_of(taken).values()
    photos = tuple(PhotoReport(photo=f"picture {place}", used=True) for place, _ in enumerate(taken, 1))
    return Study(photos=photos, template=template)


def _stacked(galleries: Iterable[Gallery], dimension: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    matrices = [gallery.matrix for gallery in galleries]
    return np.concatenate(matrices) if matrices else np.zeros((0, dimension), np.float32)
