"""HR's list is read as HR writes it, CSV or Excel, and what cannot be taken is named; no file does harm."""

import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from enroll.bulk.roster import RosterRefused
from enroll.hr.roster import HrList, as_day, office_id, read_hr_list
from sync.register.people_schema import PersonRefused

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


@pytest.mark.parametrize("name", ["hr.csv", "hr.xlsx"])
@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"nip;nama\n", b"PK\3\4", b"\xff\xfe", b"sep=;\n"]))
@hypothesis_settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_c1_any_bytes_are_a_list_or_refused_in_words(tmp_path: Path, name: str, content: bytes, start: bytes) -> None:
    (tmp_path / name).write_bytes(start + content)
    with suppress(RosterRefused):
        read_hr_list(tmp_path / name)
