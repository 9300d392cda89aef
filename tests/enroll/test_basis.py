"""The basis of an enrolment at the command line: recorded with the text's version, taken back with the person."""

from pathlib import Path

import click.testing
import pytest

import config
from enroll import desk
from enroll.command import enroll
from enroll.desk import Done, PersonReport, add_person, record_basis, withdraw
from enroll.purpose import VERSION
from sync.register import Register
from sync.register.consents import Basis, Consent, consent_of
from sync.register.people_schema import PersonRefused


def kept(settings: config.Config, number: str) -> Consent | None:
    with Register.open(settings.centre.register) as register:
        return consent_of(register, number)


def add(settings: config.Config, tmp_path: Path, *words: str) -> click.testing.Result:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"never read")
    typed = ["add", "1001", "Siti", "--photo", str(photo), *words]
    return click.testing.CliRunner().invoke(enroll, typed, obj=lambda: settings)


@pytest.fixture
def taken(settings: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that takes the person without looking at the picture."""

    def take(here: config.Config, number: str, name: str | None, **_: object) -> PersonReport:
        return add_person(here, number, name, pin="274913")

    monkeypatch.setattr(desk, "add_person", take)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("basis", Basis)
def test_the_basis_is_recorded_where_it_is_said(settings: config.Config, tmp_path: Path, basis: Basis) -> None:
    said = add(settings, tmp_path, "--basis", basis.value)
    assert (said.exit_code, f"Recorded: {basis}, text of {VERSION}." in said.output) == (0, True), said.output
    found = kept(settings, "1001")
    assert found is not None
    assert (found.basis, found.text_version, found.desk) == (basis, VERSION, f"desk of {settings.office.id}")
    withdraw(settings, "1001")
    after = kept(settings, "1001")
    assert after is not None
    assert after.withdrawn_at is not None


@pytest.mark.usefixtures("taken")
def test_without_a_basis_nothing_is_said_of_one(settings: config.Config, tmp_path: Path) -> None:
    assert add(settings, tmp_path).exit_code == 0
    assert kept(settings, "1001") is None
    assert add(settings, tmp_path, "--basis", "because").exit_code == 2


def test_nothing_is_recorded_of_who_was_refused(
    settings: config.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = PersonReport(number="1001", name="Siti", done=Done.REFUSED, why="no face")
    monkeypatch.setattr(desk, "add_person", lambda *_, **__: refused)
    assert add(settings, tmp_path, "--basis", "consent").exit_code == 1
    assert kept(settings, "1001") is None
    with pytest.raises(PersonRefused, match="no employee 1001"):
        record_basis(settings, "1001", Basis.CONSENT)
