"""No face without a basis: whichever way somebody comes, it is recorded with their template or they are refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click.testing
import pytest

import config
from enroll.basis import NONE_SAID, record_all, record_basis
from enroll.bulk.importer import import_folder
from enroll.command import enroll
from enroll.desk import Done, PersonReport, Wish, add_person, open_desk
from enroll.purpose import VERSION
from enroll.release.publish import PublishRefused, publish
from enroll.samples import Study
from sync.register import Register, consents, enrolment, people
from sync.register.consents import Basis, Consent
from sync.register.people_schema import PersonRefused
from terminal.faces import Engine, Identity
from tests.enroll.leaving import withdraw

NOW = datetime.now(UTC)
Add = Callable[..., PersonReport]


@pytest.fixture
def settings(settings: config.Config) -> config.Config:
    """An office that has set no basis for everybody."""
    return config.replace(settings, enroll={"basis": ""})


@pytest.fixture
def add(settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path) -> Add:
    """Enrol with a photo, by default 1001's."""

    def add(
        number: str = "1001", name: str | None = "Siti", *, of: config.Config = settings, **how: object
    ) -> PersonReport:
        photo = tmp_path / f"{number}.png"
        photo.write_bytes(painted(int(number) % 200))
        return add_person(of, number, name, photos=[photo], engine=engine, **how)  # type: ignore[arg-type]

    return add


def kept(settings: config.Config, number: str = "1001") -> Consent | None:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return consents.consent_of(register, number)


def faces(settings: config.Config, number: str = "1001") -> int:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        found = people.find_employee(register, number)
    return found.templates if found else 0


def take_back(settings: config.Config, number: str = "1001") -> None:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        consents.withdraw_consent(register, number, at=datetime.now(UTC))


@pytest.mark.parametrize("basis", Basis)
def test_i4_the_basis_is_recorded_with_the_face(settings: config.Config, add: Add, basis: Basis) -> None:
    assert add(basis=basis).done is Done.ADDED
    found = kept(settings)
    assert found is not None
    assert (found.basis, found.text_version, found.desk) == (basis, VERSION, f"desk of {settings.office.id}")
    assert faces(settings) == 1


def test_i4_a_face_without_a_basis_is_refused_and_leaves_nothing(settings: config.Config, add: Add) -> None:
    report = add()
    assert (report.done, report.why) == (Done.REFUSED, NONE_SAID)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        assert people.find_employee(register, "1001") is None


def test_i4_a_pin_needs_none(settings: config.Config) -> None:
    assert add_person(settings, "1001", "Siti", pin="274913").done is Done.ADDED
    assert kept(settings) is None


def test_i4_a_basis_of_before_is_enough_until_it_is_taken_back(settings: config.Config, add: Add) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    first = record_basis(settings, "1001", Basis.CONSENT)
    assert add().done is Done.CHANGED
    assert kept(settings) == first
    take_back(settings)
    report = add(look="glasses")
    assert (report.done, "took back on" in (report.why or "")) == (Done.REFUSED, True)
    assert add(look="glasses", basis=Basis.CONSENT).done is Done.CHANGED, "asked at this desk, and agreed anew"


def test_i4_an_office_says_once_for_all_that_it_is_its_duty(settings: config.Config, add: Add) -> None:
    duty = config.replace(settings, enroll={"basis": "public_duty"})
    assert add(of=duty).done is Done.ADDED
    found = kept(settings)
    assert found is not None
    assert found.basis is Basis.PUBLIC_DUTY
    take_back(settings)
    assert add(of=duty, look="mask").done is Done.REFUSED, "who took it back is not enrolled by a setting"


def test_i4_an_import_is_refused_without_and_enrols_with_it(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    for number in ("1001", "1002"):
        (tmp_path / "people" / f"{number}-Siti").mkdir(parents=True)
        (tmp_path / "people" / f"{number}-Siti" / "a.png").write_bytes(painted(int(number) % 200))
    (tmp_path / "people" / "people.csv").write_text("number,name,basis\n1001,Siti,consent\n1002,Budi,\n")
    first = import_folder(settings, tmp_path / "people", engine=engine)
    assert [person.done for person in first.people] == [Done.ADDED, Done.REFUSED]
    assert first.people[1].why == NONE_SAID
    second = import_folder(settings, tmp_path / "people", basis=Basis.PUBLIC_DUTY, engine=engine)
    assert [person.done for person in second.people] == [Done.UNCHANGED, Done.ADDED]
    assert [getattr(kept(settings, number), "basis", None) for number in ("1001", "1002")] == list(Basis)
    (tmp_path / "people" / "people.csv").write_text("number,name,basis\n1001,Siti,because\n")
    assert "is no basis" in (import_folder(settings, tmp_path / "people", engine=engine).people[0].why or "")


def test_i4_b7_an_agreement_from_before_it_was_taken_back_brings_nobody_back(
    settings: config.Config, add: Add, engine: Engine, vector_of: Callable[..., object]
) -> None:
    add(basis=Basis.CONSENT)
    take_back(settings)
    study = Study(template=vector_of(1), photos=())  # type: ignore[arg-type]
    wish = Wish(number="1001", name=None, office="demo", study=study, source="camera", basis=Basis.CONSENT)
    with open_desk(settings, engine=engine) as desk:

        def agreed(at: datetime) -> PersonReport:
            return desk.enrol(replace(wish, given_at=at))

        late = agreed(NOW - timedelta(days=1))
        assert (late.done, "agreed to before" in (late.why or "")) == (Done.REFUSED, True)
        assert agreed(datetime.now(UTC)).done is Done.CHANGED


def test_i4_the_register_itself_takes_no_face_of_who_took_it_back(settings: config.Config, add: Add) -> None:
    add(basis=Basis.CONSENT)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        _, template = people.templates_of(register, "painted")[0]
        consents.withdraw_consent(register, "1001", at=NOW + timedelta(hours=1))
        with pytest.raises(PersonRefused, match="took back"):
            enrolment.upsert_employee(register, number="1001", name=None, office="demo", at=NOW, template=template)


def test_i4_faces_of_before_stay_out_of_the_sets_until_a_basis_is_recorded(
    settings: config.Config, add: Add, approve: Callable[..., object]
) -> None:
    approve(settings)
    away = config.replace(settings, mqtt={"port": 1})
    engine = Identity(engine_id="painted", dimension=64)

    def faces_in_set() -> tuple[int, int]:
        report = publish(away, "demo", engine=engine, broker_wait_s=0.1)
        return report.faces, report.no_basis

    for number in ("1001", "1002", "1003"):
        add(number, basis=Basis.CONSENT)
    with Register.open(settings.centre.register, settings.centre.keys) as register, register.write() as connection:
        connection.exec_driver_sql("DELETE FROM consents WHERE employee != '1001'")
    assert faces_in_set() == (1, 2)
    take_back(settings, "1001")
    with pytest.raises(PublishRefused, match="nothing says on what basis the 3 faces"):
        faces_in_set()
    done = record_all(settings, Basis.PUBLIC_DUTY)
    assert (done.numbers, done.took_back) == (("1002", "1003"), ("1001",))
    assert faces_in_set() == (2, 1)


def test_the_command_says_what_is_missing_and_records_what_is_said(settings: config.Config, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"never read")

    def typed(*words: str) -> click.testing.Result:
        return click.testing.CliRunner().invoke(enroll, words, obj=lambda: settings)

    said = typed("add", "1001", "Siti", "--photo", str(photo))
    assert (said.exit_code, NONE_SAID in said.output) == (1, True)
    assert typed("add", "1001", "--photo", str(photo), "--basis", "because").exit_code == 2
    add_person(settings, "1001", "Siti", pin="274913")
    said = typed("basis", "1001", "--basis", "consent")
    assert said.output == f"Recorded: consent, text of {VERSION}.\n"
    assert "Recorded for 0" in typed("basis", "--all", "--basis", "public_duty").output
    assert (
        typed("basis", "--basis", "consent").exit_code == typed("basis", "1", "--all", "--basis", "consent").exit_code
    )
    withdraw(settings, "1001")
    after = kept(settings)
    assert after is not None
    assert after.withdrawn_at is not None
    with pytest.raises(PersonRefused, match="no employee 1002"):
        record_basis(settings, "1002", Basis.CONSENT)
