"""One person at the desk, as typed: what is held about them, and a move with or without a PIN that goes along."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
from enroll.basis import record_basis
from enroll.bulk.importer import import_folder
from enroll.command import enroll
from enroll.desk import add_person, set_administrator
from sync.keys import KeyRefused
from sync.register.consents import Basis
from sync.register.people_schema import PersonRefused
from terminal.faces import Engine
from tests.enroll.leaving import withdraw


def typed(settings: config.Config, *words: str) -> Result:
    return CliRunner().invoke(enroll, words, obj=lambda: settings)


def test_show_tells_what_is_held_and_no_value_of_a_template(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "people" / "1001-Siti" / "glasses"
    folder.mkdir(parents=True)
    (folder.parent / "a.png").write_bytes(painted(7))
    (folder / "b.png").write_bytes(painted(7, look=1))
    import_folder(settings, tmp_path / "people", engine=engine)
    record_basis(settings, "1001", Basis.CONSENT)
    said = typed(settings, "show", "1001")
    assert said.exit_code == 0
    lines = said.output.splitlines()
    assert lines[0] == "1001 Siti"
    assert lines[1].startswith("office: demo, since ")
    assert lines[2].startswith("template: usual look, of 1 sample from photos, engine painted, ")
    assert lines[3].startswith("template: glasses, of 1 sample from photos, engine painted, ")
    assert lines[4].startswith("basis: consent, text of ")
    assert lines[5:] == ["PIN: not set", "administrator: no", "pictures as evidence: may be kept"]


def test_show_of_somebody_withdrawn_tells_that_nothing_is_left(settings: config.Config) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    assert "PIN: set" in typed(settings, "show", "1001").output
    withdraw(settings, "1001")
    said = typed(settings, "show", "1001").output
    assert "withdrawn: " in said
    assert "template: none\nbasis: none recorded\nPIN: not set\nadministrator: no\n" in said


def test_a_transfer_names_both_offices_and_a_pin_that_does_not_go_along(settings: config.Config) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    set_administrator(settings, "1001", True)
    said = typed(settings, "transfer", "1001", "--office", "north").output
    assert said == (
        "1001 is at north now; publish north and demo to bring this to the kiosks.\n"
        "Their PIN was set in another office and does not work at north: set it again (./hadir enroll pin 1001).\n"
        "They are an administrator at north as well (./hadir enroll administrator --remove).\n"
    )
    assert "office: north" in typed(settings, "show", "1001").output
    back = typed(settings, "transfer", "1001", "--office", "demo").output
    assert "PIN" not in back, "the pepper it was made with is this office's"


@pytest.mark.parametrize(
    ("number", "office", "why"),
    [
        ("1999", "north", "there is no employee 1999"),
        ("1001", "demo", "1001 is at demo already"),
        ("1002", "north", "1002 was withdrawn on"),
        ("1001", "no/where", "office"),
    ],
)
def test_a_transfer_that_cannot_be_changes_nothing(settings: config.Config, number: str, office: str, why: str) -> None:
    for each in ("1001", "1002"):
        add_person(settings, each, "Siti", pin="274913")
    withdraw(settings, "1002")
    refused = typed(settings, "transfer", number, "--office", office)
    assert isinstance(refused.exception, PersonRefused)
    assert why in str(refused.exception)
    assert "office: demo" in typed(settings, "show", "1001").output


def test_a_damaged_pepper_stops_a_transfer_before_anything_changes(settings: config.Config) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    (settings.centre.keys / "north.pepper").write_text("no pepper\n")
    assert isinstance(typed(settings, "transfer", "1001", "--office", "north").exception, KeyRefused)
    assert "office: demo" in typed(settings, "show", "1001").output
