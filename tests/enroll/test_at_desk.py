"""What an enrolment at a desk asks of the register: every office searched, all of it stored at once, once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import config
from enroll.desk import Done, Wish, open_desk
from enroll.samples import PhotoReport, Study
from enroll.sitting.at_desk import DeskPlace, everybody
from enroll.sitting.likeness import entries_of
from enroll.wizard.signals import Enrol, EnrolFailed, Enrolled, Found, Recognise, Search
from enroll.wizard.values import Decision, Ground, Sample
from sync.register import Register, people
from sync.register.consents import Basis, basis_of
from terminal.faces import Engine

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
VectorOf = Callable[..., np.ndarray]


@pytest.fixture
def enrolled(settings: config.Config, engine: Engine, vector_of: VectorOf) -> config.Config:
    """Somebody at the office, somebody at another, and a newcomer."""
    study = {
        who: Study(photos=(PhotoReport(photo="p", used=True),), template=vector_of(who).astype(np.float32))
        for who in (1, 2)
    }
    with open_desk(settings, engine=engine) as desk:
        for number, office, face in (("1001", "demo", 1), ("2001", "north", 2), ("1005", "demo", None)):
            wish = Wish(number=number, name=f"Name {number}", office=office, study=study.get(face or 0))
            assert desk.enrol(wish).done is Done.ADDED
    return settings


@pytest.fixture
def place(enrolled: config.Config, engine: Engine) -> DeskPlace:
    return DeskPlace(enrolled, engine, everybody(enrolled, engine))


def samples(vector_of: VectorOf, who: int, look: str = "") -> tuple[Sample, ...]:
    return tuple(Sample(vector=vector_of(who, each), look=look) for each in (1, 2, 3))


def wish(vector_of: VectorOf, who: int = 5, **changes: Any) -> Enrol:
    asked = Enrol(
        save=1,
        attempt=1,
        administrator="9",
        employee="1005",
        decision=Decision(ground=Ground.CONSENT, text_version="2026-11-24", language="jv", at=AT),
        samples=samples(vector_of, who),
        looks=MappingProxyType({"glasses": samples(vector_of, who, "glasses")}),
        pin="482915",
        photo=False,
        look_alikes=(),
    )
    return replace(asked, **changes)


def held(settings: config.Config, engine: Engine) -> tuple[people.Employee, list[tuple[str, int]], Basis | None]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        person = people.find_employee(register, "1005")
        assert person is not None
        mine = [
            (t.look, t.samples) for number, t in people.templates_of(register, engine.engine_id) if number == "1005"
        ]
        basis = basis_of(register, "1005")
        return person, sorted(mine), basis.basis if basis is not None else None


def test_the_list_has_everybody_of_the_office_and_says_whose_face_is_known(
    enrolled: config.Config, engine: Engine
) -> None:
    found = [(entry.number, entry.enrolled) for entry in entries_of(everybody(enrolled, engine).here)]
    assert found == [("1001", True), ("1005", False)]


@pytest.mark.parametrize(
    ("who", "found", "other"), [(1, "same_face", "1001"), (2, "same_face", "2001"), (7, "nobody", None)]
)
def test_the_same_face_is_found_in_every_office(
    place: DeskPlace, vector_of: VectorOf, who: int, found: str, other: str | None
) -> None:
    said = place.search(Search(check=4, employee="1005", samples=samples(vector_of, who)))
    assert (said.check, said.found, said.other) == (4, Found(found), other)


def test_the_self_test_is_that_of_the_offices_kiosks(place: DeskPlace, vector_of: VectorOf) -> None:
    asked = Recognise(check=3, employee="1005", probe=vector_of(5, 9), samples=samples(vector_of, 5))
    assert place.recognise(asked).employee == "1005"
    assert place.recognise(replace(asked, probe=vector_of(1, 9))).employee == "1001"
    assert place.recognise(replace(asked, probe=vector_of(2, 9))).employee is None, "who works elsewhere"


def test_looks_pin_basis_and_pictures_are_stored_together_and_once(
    place: DeskPlace, enrolled: config.Config, engine: Engine, vector_of: VectorOf
) -> None:
    for _ in range(2):
        assert place.save(wish(vector_of), "a" * 32) == Enrolled(save=1)
    person, templates, basis = held(enrolled, engine)
    assert templates == [("", 3), ("glasses", 3)]
    assert (person.has_pin, person.photo, basis) == (True, False, Basis.CONSENT)


def test_a_look_that_is_somebody_elses_refuses_all_of_it(
    place: DeskPlace, enrolled: config.Config, engine: Engine, vector_of: VectorOf
) -> None:
    strange = wish(vector_of, looks=MappingProxyType({"glasses": samples(vector_of, 1, "glasses")}))
    assert place.save(strange, "a" * 32) == EnrolFailed(save=1, attempt=1)
    person, templates, basis = held(enrolled, engine)
    assert (person.has_pin, templates, basis) == (False, [], None)


def test_who_keeps_no_face_has_a_pin_and_nothing_else(
    place: DeskPlace, enrolled: config.Config, engine: Engine, vector_of: VectorOf
) -> None:
    decision = Decision(ground=Ground.NO_FACE, text_version="2026-11-24", language="id", at=AT)
    bare = wish(vector_of, samples=(), looks=MappingProxyType({}), decision=decision)
    assert place.save(bare, "b" * 32) == Enrolled(save=1)
    person, templates, basis = held(enrolled, engine)
    assert (person.has_pin, person.photo, templates, basis) == (True, False, [], None)


def test_somebody_enrolled_elsewhere_meanwhile_is_compared_with_when_it_is_stored(
    place: DeskPlace, enrolled: config.Config, engine: Engine, vector_of: VectorOf
) -> None:
    study = Study(photos=(PhotoReport(photo="p", used=True),), template=vector_of(5).astype(np.float32))
    with open_desk(enrolled, engine=engine) as other:
        assert other.enrol(Wish(number="2005", name="Quick", office="north", study=study)).done is Done.ADDED
    assert place.save(wish(vector_of), "c" * 32) == EnrolFailed(save=1, attempt=1)
    assert held(enrolled, engine)[1] == []
