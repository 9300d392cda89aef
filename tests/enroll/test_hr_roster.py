"""HR's list is read as HR writes it, shown before it is taken over, and taken over whole or not at all."""

import io
import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import config
from enroll.command import enroll
from enroll.desk import add_person, list_people, withdraw
from enroll.hr_changes import Kind
from enroll.hr_desk import take_roster
from enroll.hr_roster import COLUMNS, HrList, as_day, office_id, read_hr_list
from enroll.roster import RosterRefused
from sync.register import Register, rosters, sets
from sync.register.people import Employee
from sync.register.people_schema import PersonRefused
from sync.register.rosters import Place, RosterChange, RosterChanged

NIP = "198001012005011001"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a list: of lines for a CSV, of rows for a workbook."""

    def write(*lines: str, name: str = "hr.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join((*lines, "")).encode(encoding))
        return path

    return write


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    def sheet(*rows: tuple[Any, ...], shape: Callable[[Any], None] = lambda _: None) -> Path:
        import openpyxl

        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        shape(book)
        book.save(tmp_path / "hr.xlsx")
        return tmp_path / "hr.xlsx"

    return sheet


def typed(settings: config.Config, *words: str) -> Result:
    return CliRunner().invoke(enroll, words, obj=lambda: settings)


def known(settings: config.Config) -> dict[str, Employee]:
    return {person.number: person for person in list_people(settings)}


def in_set(settings: config.Config, office: str, at: datetime) -> list[str]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        content = sets.build_set(register, office=office, engine_id="painted", dimension=64, at=at)
    return [person.employee for person in content.people]


def people_of(listed: HrList) -> list[tuple[Any, ...]]:
    return [(each.number, each.name, each.office, each.valid_from, each.valid_until) for each in listed.people]


# --- reading -------------------------------------------------------------------------------------------------------


def test_a_list_as_an_indonesian_office_writes_it(write: Write) -> None:
    listed = read_hr_list(
        write(
            "PEMERINTAH KABUPATEN;;;;;",
            "DAFTAR PEGAWAI;;;;;",
            "No.;NIP;Nama Lengkap;Golongan;Unit Kerja;TMT;Berlaku Sampai",
            "1;19800101 200501 1 001;Siti  Aminah, S.Kom.;III/a;Dinas Kesehatan;01/03/2026;31/12/2026",
            f"2;{NIP[:-1]}2;Budi;II/c;dinas-kesehatan;1 Maret 2026;-",
            ";;;;;;",
            encoding="utf-8-sig",
        )
    )
    assert people_of(listed) == [
        (NIP, "Siti Aminah, S.Kom.", "dinas-kesehatan", date(2026, 3, 1), date(2026, 12, 31)),
        (NIP[:-1] + "2", "Budi", "dinas-kesehatan", date(2026, 3, 1), None),
    ]
    assert listed.bad == ()
    assert dict(listed.understood) == {
        "number": "NIP",
        "name": "Nama Lengkap",
        "office": "Unit Kerja",
        "valid_from": "TMT",
        "valid_until": "Berlaku Sampai",
    }
    assert listed.passed_over == ("No.", "Golongan")


def test_an_excel_file_says_the_same_as_a_csv(sheet: Callable[..., Path], write: Write) -> None:
    rows = [("nip", "nama", "kantor", "mulai", "sampai"), ("1001", "Siti", "demo", "2026-03-01", "2026-12-31")]
    csv = read_hr_list(write(*(",".join(row) for row in rows)))
    excel = read_hr_list(
        sheet(rows[0], ("1001", "Siti", "demo", datetime.fromisoformat("2026-03-01"), date(2026, 12, 31)))
    )
    assert people_of(csv) == people_of(excel)
    assert excel.bad == ()


def test_numbers_that_excel_has_shortened_are_refused_not_guessed(sheet: Callable[..., Path], write: Write) -> None:
    def zeros(book: Any) -> None:
        book.active["A4"].number_format = "00000"

    listed = read_hr_list(
        sheet(("nip", "nama"), (int(NIP), "A"), (1001, "B"), (123, "C"), (NIP, "D"), (10.5, "E"), shape=zeros)
    )
    assert [each.number for each in listed.people] == ["1001", "00123", NIP]
    assert [row.line for row in listed.bad] == [2, 6]
    assert all("format the column as text" in row.why for row in listed.bad)

    listed = read_hr_list(write("nip;nama", "1,98001E+17;A", f"{NIP[:-3]}000;B", "'1003;C", "1980010120050110;D"))
    assert [row.line for row in listed.bad] == [2, 3]
    assert all("Excel has lost digits" in row.why for row in listed.bad)
    assert [each.number for each in listed.people] == ["1003", "1980010120050110"]


def test_double_numbers_are_named_with_both_lines_and_neither_is_taken(write: Write) -> None:
    listed = read_hr_list(write("number,name", "1001,Siti", "1002,Budi", "1001,Ani", "1001,", "1003,Joko"))
    assert [each.number for each in listed.people] == ["1002", "1003"]
    assert [row.line for row in listed.bad] == [2, 4, 5]
    assert "1001 is there more than once: lines 2, 4, 5" in listed.bad[0].why


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-03-31", date(2026, 3, 31)),
        ("31/03/2026", date(2026, 3, 31)),
        ("3/4/2026", date(2026, 4, 3)),
        ("31-3-2026", date(2026, 3, 31)),
        ("31 maret 2026", date(2026, 3, 31)),
        ("2026-03-31 00:00:00", date(2026, 3, 31)),
        ("", None),
        (" - ", None),
    ],
)
def test_days_have_the_day_before_the_month(said: str, day: date | None) -> None:
    assert as_day(said) == day


@pytest.mark.parametrize(
    "said",
    ["03/31/2026", "31/03/26", "31.3-2026", "0026-03-31", "2026-02-29", "46000", "soon", "２０２６-03-01", "x" * 99],
)
def test_what_is_no_day_is_refused(said: str) -> None:
    with pytest.raises(PersonRefused, match="is no day"):
        as_day(said)
    with pytest.raises(PersonRefused, match="is no day"):
        as_day(46000)


def test_an_office_is_its_id_or_its_name() -> None:
    assert office_id("Dinas Kesehatan (UPTD)") == "dinas-kesehatan-uptd"
    for poor in ("../../etc", "x", "日本", "a" * 41, "$(id)"):
        if poor in ("../../etc", "$(id)"):
            assert office_id(poor) in ("etc", "id")  # nothing of a path or a command is left in an id
        else:
            with pytest.raises(PersonRefused, match="is not an office id"):
                office_id(poor)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("name,office", "Siti,demo"), "number missing"),
        (("", ""), "number and name missing"),
        (("nip,nama,nomor", "1,A,2"), "'nip' and 'nomor' both could be number"),
        (("number,name",), "has no rows"),
    ],
)
def test_a_list_that_does_not_name_its_columns_is_refused(write: Write, lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(RosterRefused, match=why):
        read_hr_list(write(*lines))


@pytest.mark.parametrize(
    ("encoding", "what"),
    [("utf-16", "UTF-16, which Excel calls"), ("utf-16-le", "UTF-16 without a mark"), ("utf-16-be", "UTF-16 without"),
     ("utf-32", "UTF-32"), ("cp1252", "line 2.*Windows-1252 or Latin-1")],
)  # fmt: skip
def test_a_wrong_encoding_is_named_with_how_to_save_the_list(write: Write, encoding: str, what: str) -> None:
    path = write("number,name", "1001,Andr\u00e9 Siahaan", encoding=encoding)
    with pytest.raises(RosterRefused, match=what) as refused:
        read_hr_list(path)
    assert 'save it again as "CSV UTF-8"' in str(refused.value)


def test_a_line_for_excels_eyes_is_passed_over_and_lines_keep_their_numbers(write: Write) -> None:
    listed = read_hr_list(write("sep=;", "nip;nama", "1001;Siti", "?;Budi"))
    assert [each.number for each in listed.people] == ["1001"]
    assert [row.line for row in listed.bad] == [4]


# --- hostile workbooks -----------------------------------------------------------------------------------------------


def test_formulas_are_never_worked_out(sheet: Callable[..., Path]) -> None:
    listed = read_hr_list(sheet(("nip", "nama"), ("1001", "=1+1"), ('=HYPERLINK("x")', "Budi"), ("1003", "Ani")))
    assert [each.number for each in listed.people] == ["1003"]
    assert [row.line for row in listed.bad] == [2, 3]


def test_a_hidden_first_sheet_is_not_the_list_and_others_are_named(sheet: Callable[..., Path]) -> None:
    def shape(book: Any) -> None:
        shown = book.create_sheet("Pegawai")
        shown.append(("nip", "nama"))
        shown.append(("1002", "Budi"))
        book.create_sheet("Rekap")
        book.worksheets[0].sheet_state = "hidden"

    listed = read_hr_list(sheet(("nip", "nama"), ("1001", "Siti"), shape=shape))
    assert [each.number for each in listed.people] == ["1002"]
    assert listed.sheets_passed_over == ("Rekap",)


def repacked(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    inside = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change(part.filename, old.read(part)))
    path.write_bytes(inside.getvalue())
    return path


@pytest.mark.parametrize("kind", ["bomb", "entities", "far", "tall", "dimension"])
def test_c1_a_hostile_workbook_is_refused_or_read_within_bounds(sheet: Callable[..., Path], kind: str) -> None:
    path = sheet(("nip", "nama"), ("1001", "Siti"))

    def change(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        match kind:
            case "bomb":
                return content + b" " * (201 * 2**20)
            case "entities":
                return content.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet', 1)
            case "far":
                far = b'<row r="3"><c r="A3" t="str"><v>1002</v></c><c r="XFD3" t="str"><v>x</v></c></row></sheetData>'
                return content.replace(b"</sheetData>", far)
            case "tall":
                return content.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
                )
            case _:
                return content.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"')

    repacked(path, change)
    if kind in ("far", "dimension"):
        assert [each.number for each in read_hr_list(path).people] == ["1001"]
        return
    why = {"bomb": "unpacks to 2.. MB", "entities": "declarations of its own", "tall": "more than 100000 rows"}[kind]
    with pytest.raises(RosterRefused, match=why):
        read_hr_list(path)


def test_c1_a_damaged_workbook_is_refused_in_words_whatever_is_damaged(sheet: Callable[..., Path]) -> None:
    whole = sheet(("nip", "nama", "mulai"), *((str(1000 + n), f"P{n}", date(2026, 1, 1)) for n in range(9)))
    content, seed = whole.read_bytes(), random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        whole.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        with suppress(RosterRefused):  # nothing else comes out of it
            read_hr_list(whole)
    # The same inside, where no checksum is in the way.
    for _ in range(60):
        whole.write_bytes(content)

        def change(name: str, part: bytes) -> bytes:
            if not part or rng.random() < 0.6:
                return part
            cut = rng.randrange(len(part))
            return part[:cut] + bytes([rng.randrange(256)]) + part[cut + rng.randint(0, 40) :]

        repacked(whole, change)
        with suppress(RosterRefused):  # nothing else comes out of it
            read_hr_list(whole)


def test_another_kind_of_file_under_excels_name_is_named(tmp_path: Path) -> None:
    for content, why in (
        (b"\xd0\xcf\x11\xe0" + bytes(600), "with a password, or of before 2007"),
        (b"number,name\n1,A\n", "no Excel file"),
        (b"", "no Excel file"),
    ):
        (tmp_path / "hr.xlsx").write_bytes(content)
        with pytest.raises(RosterRefused, match=why):
            read_hr_list(tmp_path / "hr.xlsx")


# --- what it changes -------------------------------------------------------------------------------------------------


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
