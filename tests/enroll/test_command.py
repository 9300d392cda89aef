"""`hadir enroll ...` as it is typed: each answer is a line one can act on, and never more than was said."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
from enroll.command import enroll
from enroll.commands import saying
from enroll.desk import Done, PersonReport, add_person
from enroll.release.publish import Changes, PublishReport
from enroll.samples import PhotoReport


def typed(settings: config.Config, *words: str) -> Result:
    return CliRunner().invoke(enroll, words, obj=lambda: settings)


def test_an_empty_list_says_so_in_words(settings: config.Config) -> None:
    assert typed(settings, "list").output.startswith("Nobody is enrolled; see ./hadir enroll add --help")
    assert typed(settings, "list", "--office", "north").output.startswith("Nobody is enrolled at north;")
    add_person(settings, "1001", "Siti", pin="274913")
    assert "1001" in typed(settings, "list").output


@pytest.mark.parametrize("camera", ["usb", "usb:x", "webcam", "file:"])
def test_a_camera_that_cannot_be_is_told_with_those_that_can(settings: config.Config, camera: str) -> None:
    said = typed(settings, "add", "2001", "Siti", "--camera", camera)
    assert said.exit_code == 2
    assert f"--camera '{camera}' is unknown; give usb:0, picamera, file:CLIP or folder:PICTURES" in said.output


def test_an_import_asks_for_a_publish_only_where_something_changed(settings: config.Config, tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    (people / "people.csv").write_text("number,name\n1001,Siti\n")
    dry = typed(settings, "import", str(people), "--dry-run").output.splitlines()[-1]
    assert dry == "Would be: 1 added, 0 changed, 0 unchanged, 0 refused."
    first, second = (typed(settings, "import", str(people)).output.splitlines()[-1] for _ in range(2))
    assert first == "1 added, 0 changed, 0 unchanged, 0 refused; publish to bring this to the kiosks."
    assert second == "0 added, 0 changed, 1 unchanged, 0 refused."


def test_a_folder_without_a_number_is_refused_by_its_name(settings: config.Config, tmp_path: Path) -> None:
    (tmp_path / "people" / "Siti").mkdir(parents=True)
    said = typed(settings, "import", str(tmp_path / "people"))
    assert said.exit_code == 1
    assert said.output.startswith("Siti: refused - the folder's name must begin with the employee number")


def test_a_files_name_writes_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    photo = PhotoReport(photo="a\x1b[31m\n.jpg", used=False, why="it is empty")
    saying.say_person(PersonReport(number="1001", name="Siti", done=Done.REFUSED, photos=(photo,), why="no\nwhy"))
    assert capsys.readouterr().out == "1001 Siti: refused - no?why\n  a?[31m?.jpg: it is empty\n"


def test_a_publish_says_who_changed(settings: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    report = PublishReport(
        office="demo",
        version=2,
        people=5,
        changes=Changes(new=1, changed=0, gone=0),
        faces=5,
        bytes=3418,
        file=Path("demo-2.hset"),
        reached_broker=True,
    )
    monkeypatch.setattr("enroll.release.publish.publish", lambda *_, **__: report)
    said = typed(settings, "publish", "--office", "demo").output
    assert said.splitlines()[0] == "Published version 2 of demo, 3418 bytes, 5 people: 1 new, 0 changed, 0 gone."


def test_an_administrator_is_named_listed_and_removed(
    settings: config.Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hadir")
    add_person(settings, "1001", "Siti", pin="274913")
    made = typed(settings, "administrator", "1001")
    office = settings.office.id
    assert made.output == (
        f"1001 is an administrator now; publish {office} to bring this to its kiosks.\n"
        "The desk asks for face and PIN, and 1001 has no face yet.\n"
    )
    assert f"employee 1001 is now an administrator of {office}" in caplog.text
    assert "Siti" not in caplog.text
    assert "nothing was changed" in typed(settings, "administrator", "1001").output
    listed = typed(settings, "list").output.splitlines()
    assert [line.split() for line in listed if "Siti" in line] == [["1001", "Siti", office, "0", "0", "yes", "yes"]]
    assert max(map(len, listed)) <= 80

    gone = typed(settings, "administrator", "1001", "--remove")
    assert gone.output == f"1001 is no administrator any more; publish {office} to bring this to its kiosks.\n"
    assert f"employee 1001 is no longer an administrator of {office}" in caplog.text
    assert "nothing was changed" in typed(settings, "administrator", "1001", "--remove").output


def test_an_administrator_who_is_nobody_is_refused_in_words(settings: config.Config) -> None:
    refused = typed(settings, "administrator", "1999")
    assert refused.exit_code != 0
    assert "there is no employee 1999; see ./hadir enroll list" in str(refused.exception)
