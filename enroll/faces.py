"""Everybody's templates as one desk knows them: whose face a new one is, and whether another desk has added since."""

from collections.abc import Callable

import numpy as np

import config
from enroll.rules import Known, knowing, nearest_other
from sync.register import Register, people
from sync.register.people import Template
from terminal.calibration import suspect_score
from terminal.faces import Engine, Identity, Vector

SAME_FACE = "the same face is enrolled as"
RESEMBLES = "resembles"
"""In what is said of somebody whose face is near another's; a contact sheet marks it."""

_Key = tuple[str, str, str]
"""Employee number, source and look."""


class KnownFaces:
    """The register's templates of one engine: read once, and kept up with what this desk does."""

    def __init__(self, register: Register, engine: Callable[[], Engine | Identity]) -> None:
        self._register, self._engine = register, engine
        self._newest = 0
        self._templates: dict[_Key, Template] | None = None
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

    def template(self, number: str, source: str, look: str = "") -> Template | None:
        """Return the person's template of that source and look, or None."""
        return self._all().get((number, source, look))

    def put(self, number: str, office: str, template: Template | None, newest: int | None) -> None:
        """Note that the person is at `office` now, with this template if given, which the register has as `newest`."""
        self._numbers_of(office).add(number)
        if template is not None:
            self._all()[number, template.source, template.look] = template
            self._known = None
            self._newest = self._newest if newest is None else newest

    def compare(
        self, vector: Vector, *, number: str, source: str, office: str, settings: config.Config, look: str = ""
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return why the face cannot be that person's, if so, and what the admin should know."""
        warnings: list[str] = []
        everybody = self._everybody()
        other = nearest_other(vector, everybody, employee=number)
        if other is not None and other.score >= settings.enroll.duplicate_score:
            return (
                f"{SAME_FACE} {other.employee} (score {other.score:.2f}) and cannot be {number} "
                f"too; withdraw {other.employee} first if that is the wrong one (twins: enrol one with PIN only)"
            ), ()
        # Only a kiosk that knows both can confuse them; in a whole city everybody resembles somebody.
        other = nearest_other(vector, everybody, employee=number, among=self._numbers_of(office))
        if other is not None and other.score >= self._suspect(office, settings):
            warnings.append(
                f"{number} {RESEMBLES} {other.employee} (score {other.score:.2f}): withdraw one if they are one "
                "person, else give both a PIN, which the kiosk may ask for"
            )
        why, unlike = self._unlike(vector, number=number, source=source, look=look, settings=settings)
        return (why, ()) if why is not None else (None, (*warnings, *unlike))

    def _unlike(
        self, vector: Vector, *, number: str, source: str, look: str, settings: config.Config
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return what the person's other templates say against this one: a reason to refuse it, or what to look at."""
        warnings: list[str] = []
        others: list[float] = []
        for (owner, from_, called), kept in self._all().items():
            if owner != number:
                continue
            score = float(_vector(kept) @ vector)
            if called != look:
                others.append(score)
            elif score >= settings.enroll.same_person_score:
                continue
            elif from_ != source:
                return (
                    f"the pictures do not resemble those enrolled from the {from_} for {number} (score {score:.2f}); "
                    "withdraw first and enrol with --again if those were wrong"
                ), ()
            else:
                warnings.append(f"the pictures do not resemble those they replace (score {score:.2f}): is it {number}?")
        # A mask or a jilbab may hide much of a face; somebody else's hides all of it.
        if others and max(others) < settings.enroll.same_person_score:
            warnings.append(
                f"this look does not resemble the others of {number} (score {max(others):.2f}): a kiosk will take "
                "whoever looks like it for them; withdraw them if it is somebody else"
            )
        return None, tuple(warnings)

    def _suspect(self, office: str, settings: config.Config) -> float:
        """Return from which score on a colleague is pointed out."""
        here = self._numbers_of(office)
        templates = sum(number in here for number, _, _ in self._all())
        return suspect_score(self._engine().engine_id, settings.match, templates)

    def _all(self) -> dict["_Key", Template]:
        if self._templates is None:
            self._newest = people.newest_template(self._register)  # first: what comes in between is then seen as newer
            kept = people.templates_of(self._register, self._engine().engine_id)
            self._templates = {(number, template.source, template.look): template for number, template in kept}
        return self._templates

    def _numbers_of(self, office: str) -> set[str]:
        if office not in self._offices:
            self._offices[office] = {person.number for person in people.list_people(self._register, office)}
        return self._offices[office]

    def _everybody(self) -> Known:
        if self._known is None:
            entries = [(number, _vector(kept)) for (number, _, _), kept in self._all().items()]
            self._known = knowing(entries, dimension=self._engine().dimension)
        return self._known


def _vector(template: Template) -> Vector:
    return np.frombuffer(template.vector, "<f4").astype(np.float32)
