"""Several looks of one person: glasses, a jilbab, a mask, each a template of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

import config
from enroll.bulk.importer import import_folder
from enroll.bulk.roster import read_roster
from enroll.desk import Done, add_person
from sync.register import Register, people
from sync.register.people_schema import PersonRefused, cleaned_look
from terminal.faces import Engine

Put = Callable[..., Path]


@pytest.fixture
def put(painted: Callable[..., bytes]) -> Put:
    """A function that writes a picture of a person, with what they look like in it, and returns its path."""

    def write(path: Path, person: int, *, look: int = 0) -> Path:
        path.write_bytes(painted(person, look=look))
        return path

    return write


def looks_of(settings: config.Config, number: str) -> list[tuple[str, int]]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return [
            (kept.look, kept.samples) for owner, kept in people.templates_of(register, "painted") if owner == number
        ]


def test_a_look_is_added_beside_the_usual_one_and_replaced_by_itself(
    settings: config.Config, engine: Engine, put: Put, tmp_path: Path
) -> None:
    usual, glasses = put(tmp_path / "a.png", 5), put(tmp_path / "b.png", 5, look=3)
    assert add_person(settings, "1001", "Siti", photos=[usual], engine=engine).done is Done.ADDED
    for _ in range(2):
        report = add_person(settings, "1001", photos=[glasses], look=" Kaca Mata", engine=engine)
        assert (report.done, [words for words in report.warnings if "look" in words]) == (Done.CHANGED, [])
    assert looks_of(settings, "1001") == [("", 1), ("kaca-mata", 1)]


def test_a_look_that_resembles_nothing_of_the_person_is_flagged(
    settings: config.Config, engine: Engine, put: Put, tmp_path: Path
) -> None:
    add_person(settings, "1001", "Siti", photos=[put(tmp_path / "a.png", 5)], engine=engine)
    report = add_person(settings, "1001", photos=[put(tmp_path / "b.png", 6)], look="mask", engine=engine)
    assert report.done is Done.CHANGED
    assert any("this look does not resemble the others of 1001" in words for words in report.warnings)


def test_somebody_elses_face_is_no_look(settings: config.Config, engine: Engine, put: Put, tmp_path: Path) -> None:
    add_person(settings, "1001", "Siti", photos=[put(tmp_path / "a.png", 5)], engine=engine)
    add_person(settings, "1002", "Budi", photos=[put(tmp_path / "b.png", 6)], engine=engine)
    report = add_person(settings, "1001", photos=[put(tmp_path / "c.png", 6)], look="mask", engine=engine)
    assert report.done is Done.REFUSED
    assert "the same face is enrolled as 1002" in str(report.why)
    assert looks_of(settings, "1001") == [("", 1)]


def test_folders_within_a_persons_are_looks_and_an_import_can_be_repeated(
    settings: config.Config, engine: Engine, put: Put, tmp_path: Path
) -> None:
    folder = tmp_path / "people" / "1001-Siti"
    (folder / "Jilbab").mkdir(parents=True)
    (folder / "glasses").mkdir()
    for look, name in enumerate(("1.png", "Jilbab/1.png", "Jilbab/2.png", "glasses/1.png")):
        put(folder / name, 5, look=look)
    (folder / "glasses" / "2.png").write_bytes(b"")
    first = import_folder(settings, folder.parent, engine=engine).people[0]
    assert (first.done, first.samples) == (Done.ADDED, 4)
    assert [photo.photo for photo in first.photos if not photo.used] == ["glasses/2.png"]
    assert looks_of(settings, "1001") == [("", 1), ("jilbab", 2), ("glasses", 1)]
    assert import_folder(settings, folder.parent, engine=engine).people[0].done is Done.UNCHANGED
    put(folder / "Jilbab" / "3.png", 5, look=7)
    assert import_folder(settings, folder.parent, engine=engine).people[0].done is Done.CHANGED
    assert sorted(looks_of(settings, "1001")) == [("", 1), ("glasses", 1), ("jilbab", 3)]


def test_looks_are_called_alike_however_they_are_written() -> None:
    assert [cleaned_look(word) for word in ("", "Kaca_Mata", " kaca  mata ", "MASK2")] == [
        "", "kaca-mata", "kaca-mata", "mask2",
    ]  # fmt: skip
    for word in ("-", "a/b", "x" * 41, "a\nb\0", "../up"):
        with pytest.raises(PersonRefused, match="cannot be the name of a look"):
            cleaned_look(word)


def test_two_folders_that_are_one_look_are_refused(tmp_path: Path) -> None:
    for look in ("Kaca Mata", "kaca_mata"):
        (tmp_path / "1001-Siti" / look).mkdir(parents=True)
    assert "one look" in str(read_roster(tmp_path).entries[0].why)
