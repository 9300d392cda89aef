"""Everybody's templates as one desk knows them: whose face a new one is, and whether another desk has added since."""

from collections.abc import Callable

import numpy as np

import config
from enroll.rules import Known, knowing, nearest_other
from sync.register import Register, people
from sync.register.people import Template
from terminal.faces import Engine, Vector


class KnownFaces:
    """The register's templates of one engine: read once, and kept up with what this desk does."""

    def __init__(self, register: Register, engine: Callable[[], Engine]) -> None:
        self._register, self._engine = register, engine
        self._newest = 0
        self._templates: dict[tuple[str, str], Template] | None = None
        self._known: Known | None = None
        self._offices: dict[str, set[str]] = {}

    @property
    def newest(self) -> int:
        """The id of the newest template that was compared with; for `enrolment.upsert_employee`."""
        self._all()
        return self._newest

    def forget(self) -> None:
        """Have everything read again when it is next asked for: another desk has enrolled somebody."""
        self._templates, self._known, self._offices = None, None, {}

    def template(self, number: str, source: str) -> Template | None:
        """Return the person's template of that source, or None."""
        return self._all().get((number, source))

    def put(self, number: str, office: str, template: Template | None, newest: int | None) -> None:
        """Note that the person is at `office` now, with this template if given, which the register has as `newest`."""
        self._numbers_of(office).add(number)
        if template is not None:
            self._all()[number, template.source] = template
            self._known = None
            self._newest = self._newest if newest is None else newest

    def compare(
        self, vector: Vector, *, number: str, source: str, office: str, settings: config.Config
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return why the face cannot be that person's, if so, and what the admin should know."""
        warnings: list[str] = []
        everybody = self._everybody()
        other = nearest_other(vector, everybody, employee=number)
        if other is not None and other.score >= settings.enroll.duplicate_score:
            return (
                f"the same face is enrolled as {other.employee} (score {other.score:.2f}) and cannot be {number} "
                f"too; withdraw {other.employee} first if that is the wrong one (twins: enrol one with PIN only)"
            ), ()
        # Only a kiosk that knows both can confuse them; in a whole city everybody resembles somebody.
        other = nearest_other(vector, everybody, employee=number, among=self._numbers_of(office))
        if other is not None and other.score >= settings.match.threshold:
            warnings.append(
                f"{number} resembles {other.employee} (score {other.score:.2f}): withdraw one if they are one "
                "person, else give both a PIN, which the kiosk may ask for"
            )
        for (owner, from_), kept in self._all().items():
            if owner != number:
                continue
            score = float(_vector(kept) @ vector)
            if score >= settings.enroll.same_person_score:
                continue
            if from_ != source:
                return (
                    f"the pictures do not resemble those enrolled from the {from_} for {number} (score {score:.2f}); "
                    "withdraw first and enrol with --again if those were wrong"
                ), ()
            warnings.append(f"the pictures do not resemble those they replace (score {score:.2f}): is it {number}?")
        return None, tuple(warnings)

    def _all(self) -> dict[tuple[str, str], Template]:
        if self._templates is None:
            self._newest = people.newest_template(self._register)  # first: what comes in between is then seen as newer
            kept = people.templates_of(self._register, self._engine().engine_id)
            self._templates = {(number, template.source): template for number, template in kept}
        return self._templates

    def _numbers_of(self, office: str) -> set[str]:
        if office not in self._offices:
            self._offices[office] = {person.number for person in people.list_people(self._register, office)}
        return self._offices[office]

    def _everybody(self) -> Known:
        if self._known is None:
            entries = [(number, _vector(kept)) for (number, _), kept in self._all().items()]
            self._known = knowing(entries, dimension=self._engine().dimension)
        return self._known


def _vector(template: Template) -> Vector:
    return np.frombuffer(template.vector, "<f4").astype(np.float32)
