"""A CSV file with a row for each photo: rows make people, and what is wrong is named by its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

import config
from enroll.bulk.importer import import_folder
from enroll.bulk.mapping import read_mapping
from enroll.bulk.roster import RosterRefused
from enroll.desk import Done
from terminal.faces import Engine


def test_rows_of_one_number_are_one_person_with_looks(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    for name, (person, look) in {"a": (7, 0), "b": (7, 1), "c": (8, 0)}.items():
        (tmp_path / f"{name}.png").write_bytes(painted(person, look=look))
    file = tmp_path / "photos.csv"
    file.write_text("\ufeffNIP;Nama;Foto;Look\n1001;Siti;a.png;\n1002;Budi;c.png;\n1001;;b.png;Glasses\n", "utf-8")
    first, second = (import_folder(settings, file, engine=engine) for _ in range(2))
    assert [(each.number, each.name, each.done, each.samples) for each in first.people] == [
        ("1001", "Siti", Done.ADDED, 2),
        ("1002", "Budi", Done.ADDED, 1),
    ]
    assert second.count(Done.UNCHANGED) == 2


def test_what_is_wrong_refuses_its_person_by_the_line_and_nobody_else(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.png").write_bytes(b"x")
    (tmp_path / "out.png").write_bytes(b"x")
    (here / "link.png").symlink_to(tmp_path / "out.png")
    (here / "photos.csv").write_text(
        "number,name,photo\n1001,Siti,a.png\n1002,Budi,a.png\n1002,Budi,gone.png\n1003,Tini,../out.png\n"
        "1004,Tono,link.png\n1005,Rini,a.png\n1005,Roni,a.png\n1006,Rudi,\n=1,Rita,a.png\n"
    )
    entries = read_mapping(here / "photos.csv").entries
    assert (entries[0].why, [path.name for path in entries[0].photos]) == (None, ["a.png"])
    assert [(entry.where, (entry.why or "")[:32]) for entry in entries[1:]] == [
        ("photos.csv line 4", "there is no photo 'gone.png'"),
        ("photos.csv line 5", "the photo '../out.png' lies outs"),
        ("photos.csv line 6", "the photo 'link.png' lies outsid"),
        ("photos.csv line 8", "1005 is there under 2 names (lin"),
        ("photos.csv line 9", "the row names no photo"),
        ("photos.csv line 10", "'=1' is not an employee number: "),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"number,name\n1001,Siti\n", "photo is missing"),
        (b"number,name,photo\n", "has no rows"),
        (b"", "number is missing"),
        ("number,name,photo\n1001,Siti,a.png\n".encode("utf-16"), "not UTF-8"),
        ("number,name,photo\n1001,Andr\u00e9,a.png\n".encode("cp1252"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_whole(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "photos.csv").write_bytes(content)
    with pytest.raises(RosterRefused, match=why):
        read_mapping(tmp_path / "photos.csv")
