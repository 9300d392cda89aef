"""Who is in a folder: names of folders, lists from spreadsheets, and what is wrong with either, said by line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enroll.bulk.roster import Entry, RosterRefused, parse_folder_name, read_roster
from sync.register.people_schema import PersonRefused


def folder(root: Path, name: str, *photos: str) -> Path:
    place = root / name
    place.mkdir(parents=True)
    for photo in photos:
        (place / photo).write_bytes(b"photo")
    return place


def entries(root: Path) -> dict[str, Entry]:
    return {entry.where: entry for entry in read_roster(root).entries}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("1001-Siti_Nurhaliza", ("1001", "Siti Nurhaliza")),
        ("1001 Siti Nurhaliza", ("1001", "Siti Nurhaliza")),
        ("1001_Siti_Nurhaliza", ("1001", "Siti Nurhaliza")),
        ("1001 - Siti  Nurhaliza", ("1001", "Siti Nurhaliza")),
        ("198001012005011001-Dr. Budi, S.Kom.", ("198001012005011001", "Dr. Budi, S.Kom.")),
        ("PTT.17-Anne-Marie", ("PTT.17", "Anne-Marie")),
        ("A1-Ö'Brien", ("A1", "Ö'Brien")),
        ("1001", ("1001", "")),
        ("1001-", ("1001", "")),
    ],
)
def test_the_number_comes_first_and_the_name_after_it(name: str, meant: tuple[str, str]) -> None:
    assert parse_folder_name(name) == meant


@pytest.mark.parametrize("name", ["Siti Nurhaliza", "-1001", "Siti-1001", "19800101 200501 1 001 Siti", "１-A", ""])
def test_a_folder_that_does_not_begin_with_a_number_is_refused(name: str) -> None:
    with pytest.raises(PersonRefused):
        parse_folder_name(name)


@given(st.text(max_size=60))
def test_any_folder_name_is_read_or_refused(name: str) -> None:
    try:
        number, _ = parse_folder_name(name)
    except PersonRefused:
        return
    assert name.startswith(number)


def test_one_folder_is_one_person(tmp_path: Path) -> None:
    folder(tmp_path, "1002-Budi", "b.jpg", "a.jpg", ".DS_Store", "Thumbs.db", "notes.txt")
    folder(tmp_path, "1001-Siti", "1.jpg")
    folder(tmp_path, ".hidden", "1.jpg")
    folder(tmp_path, "no number", "1.jpg")
    (tmp_path / "loose.jpg").write_bytes(b"photo")
    roster = read_roster(tmp_path)
    assert [(entry.number, entry.name) for entry in roster.entries] == [("1001", "Siti"), ("1002", "Budi"), ("", "")]
    assert [photo.name for photo in roster.entries[1].photos] == ["a.jpg", "b.jpg", "notes.txt"]
    assert "must begin with the employee number" in str(roster.entries[2].why)
    assert roster.notes == ("loose.jpg: passed over; photos belong into a folder NUMBER-NAME",)


def test_two_folders_of_one_number_are_both_refused(tmp_path: Path) -> None:
    for name in ("1001-Siti", "1001-Budi", "1002-Ani"):
        folder(tmp_path, name, "1.jpg")
    found = entries(tmp_path)
    assert found["1001-Siti"].why == found["1001-Budi"].why == "1001 is there more than once: 1001-Budi, 1001-Siti"
    assert found["1002-Ani"].why is None


def test_a_list_names_people_and_their_folders(tmp_path: Path) -> None:
    folder(tmp_path, "1001", "1.jpg")
    folder(tmp_path, "1002 whatever it says", "1.jpg")
    folder(tmp_path, "photos/of budi", "1.jpg")
    folder(tmp_path, "1005-Not_In_The_List", "1.jpg")
    (tmp_path / "people.csv").write_text(
        "number,name,folder,remark\n1001,Siti,,x\n1002,Ani\n19-80,Budi,photos/of budi\n\n1004,Tanpa Foto,\n"
    )
    roster = read_roster(tmp_path)
    assert [(entry.number, entry.name, len(entry.photos), entry.has_folder) for entry in roster.entries] == [
        ("1001", "Siti", 1, True),
        ("1002", "Ani", 1, True),
        ("19-80", "Budi", 1, True),
        ("1004", "Tanpa Foto", 0, False),
        ("1005", "Not In The List", 1, True),
        ("", "", 0, True),
    ]
    assert roster.entries[-1].where == "photos"


@pytest.mark.parametrize(
    "text",
    [
        "nip;nama\n1001;Siti, S.Kom.\n",
        "Nomor\tNama\r\n1001\tSiti, S.Kom.\r\n",
        '\ufeffNumber,Name\n1001,"Siti, S.Kom."\n',
    ],
)
def test_lists_as_spreadsheets_write_them_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "people.csv").write_text(text, encoding="utf-8", newline="")
    assert [(entry.number, entry.name) for entry in read_roster(tmp_path).entries] == [("1001", "Siti, S.Kom.")]


def test_rows_that_are_wrong_are_named_by_line_and_the_others_are_taken(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    folder(outside, "private", "1.jpg")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "people.csv").write_text(
        "number,name,folder\n"
        "1001,Siti,\n"
        "../x,Evil,\n"
        "1003,,\n"
        f"1004,A,../{outside.name}/private\n"
        "1005,A,link/private\n"
        "1006,A,/etc\n"
        "1007,A,absent\n"
        "1008,A,\x00\n"
        "1009\n"
        "1010,A,\n"
        "1010,B,\n"
    )
    found = entries(tmp_path)
    assert found["people.csv line 2"].why is None
    assert "is not an employee number" in str(found["people.csv line 3"].why)
    assert "a name has 1 to 120 characters" in str(found["people.csv line 4"].why)
    assert all("lies outside" in str(found[f"people.csv line {line}"].why) for line in (5, 6, 7))
    assert "there is no folder 'absent'" in str(found["people.csv line 8"].why)
    assert found["people.csv line 9"].why is not None
    assert found["people.csv line 10"].why is not None
    assert "more than once: people.csv line 11, people.csv line 12" in str(found["people.csv line 12"].why)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("number,name\n1,Ñ\n".encode("latin-1"), "not UTF-8"),
        ("number,name\n1,A\n".encode("utf-16"), "not UTF-8"),
        (b"", "number is missing"),
        (b"1001,Siti\n", "number is missing"),
        (b"number\n1001\n", "name is missing"),
        (b'number,name\n1001,"Siti\n', "line 2"),
        (b'number,name\n1001,"a"b\n', "line 2"),
        (b"number,name\n1001," + b"x" * 200_000, "line 2"),
    ],
)
def test_a_list_that_cannot_be_read_stops_the_import_with_a_reason(tmp_path: Path, content: bytes, why: str) -> None:
    folder(tmp_path, "1001-Siti", "1.jpg")
    (tmp_path / "people.csv").write_bytes(content)
    with pytest.raises(RosterRefused, match=why):
        read_roster(tmp_path)


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RosterRefused, match="holds no folders"):
        read_roster(tmp_path)
    with pytest.raises(RosterRefused, match="cannot be read"):
        read_roster(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(RosterRefused, match="is not a folder"):
        read_roster(tmp_path / "file")


def test_a_list_that_is_no_list_is_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "people.csv").open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(RosterRefused, match="larger than 20 MB"):
        read_roster(tmp_path)


def test_a_folder_that_is_a_loop_of_links_is_refused_and_the_others_are_taken(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "1002-Budi").mkdir()
    (tmp_path / "people.csv").write_text("number,name,folder\n1001,Siti,loop\n")
    entries = read_roster(tmp_path).entries
    assert [(entry.number, entry.why) for entry in entries] == [("", "there is no folder 'loop'"), ("1002", None)]
