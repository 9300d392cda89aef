"""HR's list is shown before it is taken over, and taken over whole or not at all; days begin and end people in sets."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
from enroll.command import enroll
from enroll.desk import add_person, list_people
from enroll.hr.changes import Kind
from enroll.hr.desk import take_roster
from enroll.hr.roster import COLUMNS
from sync.register import Register, rosters, sets
from sync.register.people import Employee
from sync.register.rosters import Place, RosterChange, RosterChanged
from tests.enroll.leaving import withdraw

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a list: of lines for a CSV, of rows for a workbook."""

    def write(*lines: str, name: str = "hr.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join((*lines, "")).encode(encoding))
        return path

    return write


def typed(settings: config.Config, *words: str) -> Result:
    return CliRunner().invoke(enroll, words, obj=lambda: settings)


def known(settings: config.Config) -> dict[str, Employee]:
    return {person.number: person for person in list_people(settings)}


def in_set(settings: config.Config, office: str, at: datetime) -> list[str]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        content = sets.build_set(register, office=office, engine_id="painted", dimension=64, at=at)
    return [person.employee for person in content.people]


def test_the_difference_is_shown_and_nothing_is_changed_before_apply(settings: config.Config, write: Write) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    add_person(settings, "1002", "Budi", pin="274914")
    add_person(settings, "1003", "Ani", pin="274915")
    add_person(settings, "1004", "Joko", pin="274916")
    path = write(
        "nip;nama;unit kerja;sampai",
        "1001;Siti Aminah;demo;",
        "1002;Budi;north;",
        "1003;Ani;demo;31/12/2099",
        "1005;Wayan;demo;",
        "x y;Nobody;demo;",
    )
    before = known(settings)
    said = typed(settings, "roster", str(path))
    assert said.exit_code == 1, "a row could not be taken"
    assert said.output.splitlines() == [
        "Columns: number = 'nip', name = 'nama', office = 'unit kerja', valid_until = 'sampai'.",
        "line 6: passed over - 'x y' is not an employee number: 1 to 32 letters, digits, dots or hyphens, no sign "
        "first",
        "renamed  1001 Siti Aminah: was Siti",
        "moved    1002 Budi: from demo to north; their PIN does not work there: set it again",
        "ends     1003 Ani: until 2099-12-31",
        f"new      1005 Wayan: at demo, from {datetime.now(settings.office.zone):%Y-%m-%d}, for good",
        "gone     1004 Joko: not on the list, and stays (--remove-missing ends them)",
        "Offices without anybody so far: north.",
        "1 new, 1 renamed, 1 moved, 1 ends, 1 gone, 0 unchanged.",
        "Nothing was changed; do it with --apply.",
    ]
    assert known(settings) == before

    done = typed(settings, "roster", str(path), "--apply")
    assert done.output.splitlines()[-1] == "Done; publish demo, north to bring this to the kiosks."
    after = known(settings)
    assert {number: (person.name, person.office) for number, person in after.items()} == {
        "1001": ("Siti Aminah", "demo"),
        "1002": ("Budi", "north"),
        "1003": ("Ani", "demo"),
        "1004": ("Joko", "demo"),
        "1005": ("Wayan", "demo"),
    }
    assert all(after[number].has_pin for number in before), "PINs stay with their people"
    again = typed(settings, "roster", str(path), "--apply")
    assert again.output.splitlines()[-1] == "1 gone, 4 unchanged."


def test_a_list_without_bad_rows_ends_with_zero_also_where_it_changes_something(
    settings: config.Config, write: Write
) -> None:
    path = write("number,name", "1001,Siti")
    said = typed(settings, "roster", str(path))
    assert (said.exit_code, said.output.splitlines()[-1]) == (0, "Nothing was changed; do it with --apply.")
    assert not Path(settings.centre.register.removeprefix("sqlite:///")).exists()


def test_somebody_moves_with_their_templates(
    settings: config.Config, write: Write, engine, painted, tmp_path: Path
) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(painted(1))
    add_person(settings, "1001", "Siti", photos=[photo], engine=engine)
    report = take_roster(settings, write("number,name", "1001,Siti"), office="north", apply=True)
    assert report.applied == 1
    assert (known(settings)["1001"].office, known(settings)["1001"].templates) == ("north", 1)
    assert in_set(settings, "north", datetime.now(UTC)) == ["1001"]
    assert in_set(settings, "demo", datetime.now(UTC)) == []


def test_nobody_is_in_a_set_before_their_first_day_or_after_their_last(settings: config.Config, write: Write) -> None:
    path = write("number,name,valid_from,valid_until", "1001,Siti,2027-03-01,2027-03-31", "1002,Budi,,")
    take_roster(settings, path, apply=True)
    zone = settings.office.zone
    first = datetime(2027, 3, 1, tzinfo=zone)
    over = datetime(2027, 4, 1, tzinfo=zone)
    moments = [first - timedelta(seconds=1), first, over - timedelta(seconds=1), over]
    assert ["1001" in in_set(settings, "demo", at) for at in moments] == [False, True, True, False]
    assert all("1002" in in_set(settings, "demo", at) for at in moments)
    assert take_roster(settings, path).comparison.unchanged == 2


def test_the_offices_to_publish_are_those_where_days_have_come_or_gone(settings: config.Config, write: Write) -> None:
    now = datetime.now(UTC)
    soon, later = ((now + timedelta(days=n)).astimezone(settings.office.zone).date() for n in (10, 20))
    path = write(
        "number,name,office,valid_from,valid_until",
        f"1001,Siti,demo,{soon},",
        f"1002,Budi,north,,{soon}",
        f"1003,Ani,south,{soon},{later}",
        "1004,Joko,west,,",
    )
    take_roster(settings, path, apply=True, at=now)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        for office in ("demo", "north", "west"):
            content = sets.build_set(register, office=office, engine_id="painted", dimension=64, at=now)
            sets.record_release(register, content, b"signed")
        assert rosters.offices_due(register, now) == []
        assert rosters.offices_due(register, now + timedelta(days=15)) == ["demo", "north"]
    assert typed(settings, "publish", "--due").output == "Nobody's first or last day has come; nothing to publish.\n"


def test_publish_asks_for_an_office_or_for_those_that_are_due(settings: config.Config) -> None:
    for words in ((), ("--office", "demo", "--due")):
        said = typed(settings, "publish", *words)
        assert (said.exit_code, "give either --office OFFICE or --due" in said.output) == (2, True)


def test_who_is_missing_is_removed_only_when_that_is_asked_for(settings: config.Config, write: Write) -> None:
    for number, office in (("1001", "demo"), ("1002", "demo"), ("2001", "north")):
        add_person(settings, number, "P", pin="274913", office=office)
    path = write("number,name,office", "1001,P,demo")
    assert take_roster(settings, path, apply=True).applied == 0
    report = take_roster(settings, path, apply=True, remove_missing=True)
    assert [(each.number, each.kinds) for each in report.comparison.differences] == [("1002", (Kind.GONE,))]
    now = datetime.now(UTC)
    assert in_set(settings, "demo", now) == ["1001"]
    assert in_set(settings, "north", now) == ["2001"], "the list is not about that office"
    assert known(settings)["1002"].has_pin, "nothing of theirs is deleted: withdraw does that"
    back = take_roster(settings, write("number,name", "1001,P", "1002,P"), apply=True)
    assert [each.kinds for each in back.comparison.differences] == [(Kind.BACK,)]
    assert in_set(settings, "demo", datetime.now(UTC)) == ["1001", "1002"]


def test_whoever_enrols_somebody_whose_days_are_over_is_told(settings: config.Config, write: Write) -> None:
    take_roster(settings, write("number,name,valid_until", "1001,Siti,2099-12-31"), apply=True)
    assert add_person(settings, "1001", pin="274913").warnings == ()
    assert "2099-12-31" in typed(settings, "show", "1001").output
    take_roster(settings, write("number,name,valid_from,valid_until", "1001,Siti,2020-01-01,2020-12-31"), apply=True)
    (said,) = add_person(settings, "1001", pin="274914").warnings
    assert said.startswith("the last day of 1001 was before today, so they are in no set")


def test_a_bad_row_has_nobody_ended(settings: config.Config, write: Write) -> None:
    """Its person may be the one who seems to be missing."""
    add_person(settings, "1001", "Siti", pin="274913")
    path = write("number,name", "l001,Siti Typo", "?,Siti")
    said = typed(settings, "roster", str(path), "--apply", "--remove-missing")
    assert "mend them before anybody who is missing is ended" in str(said.exception)
    assert list(known(settings)) == ["1001"]
    assert in_set(settings, "demo", datetime.now(UTC)) == ["1001"]


def test_who_was_withdrawn_is_not_brought_back_by_a_list(settings: config.Config, write: Write) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    withdraw(settings, "1001")
    said = typed(settings, "roster", str(write("number,name", "1001,Siti Aminah")), "--apply")
    assert "Withdrawn, and not touched (enrol them again at the desk): 1001." in said.output
    assert (known(settings)["1001"].name, known(settings)["1001"].withdrawn_at is None) == ("Siti", False)


def test_a_list_is_taken_over_whole_or_not_at_all(settings: config.Config) -> None:
    """The control is the same changes without the one that cannot be made."""
    now = datetime.now(UTC)
    good = [
        RosterChange(number=str(n), before=None, after=Place(name="P", office="demo", valid_from=now))
        for n in range(1001, 1050)
    ]
    stale = RosterChange(
        number="1001",
        before=Place(name="Somebody", office="demo", valid_from=now),
        after=Place(name="Else", office="demo", valid_from=now),
    )
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        with pytest.raises(RosterChanged, match="nothing was changed"):
            rosters.apply_changes(register, [*good, stale])
        assert known(settings) == {}
        assert rosters.apply_changes(register, good) == 49
    assert len(known(settings)) == 49


@pytest.mark.parametrize("name", ["'; DROP TABLE employees; --", "=cmd|' /C calc'!A0", "\u200f\u202eitiS", "a\x00b"])
def test_c2_whatever_a_name_holds_only_their_row_changes(settings: config.Config, write: Write, name: str) -> None:
    path = write("number,name", f'1001,"{name}"', "1002,Budi")
    report = take_roster(settings, path, apply=True)
    assert "1002" in known(settings)
    assert len(known(settings)) + len(report.listed.bad) == 2


def test_pictures_of_somebody_are_forbidden_and_the_set_says_so(settings: config.Config) -> None:
    add_person(settings, "1001", "Siti", pin="274913")

    def photo_in_set() -> bool:
        with Register.open(settings.centre.register, settings.centre.keys) as register:
            (person,) = sets.build_set(
                register, office="demo", engine_id="painted", dimension=64, at=datetime.now(UTC)
            ).people
        return person.photo

    assert photo_in_set()
    said = typed(settings, "photo", "1001", "--forbid")
    assert said.output == "Pictures of 1001 are not kept from now on; publish demo to bring this to its kiosks.\n"
    assert not photo_in_set()
    assert "pictures as evidence: are not kept" in typed(settings, "show", "1001").output
    assert "nothing was changed" in typed(settings, "photo", "1001", "--forbid").output
    typed(settings, "photo", "1001", "--allow")
    assert photo_in_set()
    assert "no employee 9999" in str(typed(settings, "photo", "9999", "--forbid").exception)


def test_the_documents_commands_do_what_it_says(settings: config.Config, project: Path) -> None:
    text = (project / "docs" / "enrolment.md").read_text().split("## The office's list\n")[1].split("\n## ")[0]
    commands = re.findall(r"```sh\n\./hadir enroll (.*?)\n```", text)
    said = [
        typed(settings, *(str(project / word) if word.startswith("demo/") else word for word in command.split()))
        for command in commands
    ]
    assert [each.exit_code for each in said] == [0] * 4, [each.output for each in said]
    assert "5 new, 0 unchanged." in said[0].output
    assert "Done; publish demo, dinas-kesehatan to bring this to the kiosks." in said[1].output
    assert "Nobody's first or last day has come" in said[2].output
    assert "Pictures of 1003 are not kept" in said[3].output
    for heading in re.findall(r"`([A-Z][A-Za-z ]+)`", text.split("as HR calls them")[1].split(".")[0]):
        assert heading.casefold() in {name for names in COLUMNS.values() for name in names}
