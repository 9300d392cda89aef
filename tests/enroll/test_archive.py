"""ZIPs from strangers: what is good is enrolled, what might do harm is named, and nothing is left behind."""

import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from enroll.bulk import archive
from enroll.bulk.archive import ArchiveRefused, folder_of
from enroll.bulk.importer import import_folder
from enroll.bulk.roster import RosterRefused
from enroll.desk import Done
from terminal.faces import Engine


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


@pytest.mark.parametrize("around", ["", "people/"])
def test_a_zip_of_folders_is_enrolled_and_left_nowhere(
    settings: config.Config,
    engine: Engine,
    painted: Callable[..., bytes],
    tmp_path: Path,
    temporary: Path,
    around: str,
) -> None:
    file = zipped(
        tmp_path / "p.zip",
        (f"{around}1001-Siti/a.png", painted(7)),
        (f"{around}1002-Budi/a.png", painted(8)),
        ("__MACOSX/1001-Siti/._a.png", b"x"),
    )
    first, second = (import_folder(settings, file, engine=engine) for _ in range(2))
    assert (first.count(Done.ADDED), first.notes) == (2, ())
    assert second.count(Done.UNCHANGED) == 2
    assert list(temporary.iterdir()) == []


def test_each_harmful_entry_is_named_and_the_good_one_is_taken(tmp_path: Path, temporary: Path) -> None:
    link = zipfile.ZipInfo("1001-Siti/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    locked = zipfile.ZipInfo("1001-Siti/locked.png")
    file = zipped(
        tmp_path / "p.zip",
        ("../out.png", b"x"),
        ("1001-Siti/../../out.png", b"x"),
        ("/out.png", b"x"),
        ("C:/out.png", b"x"),
        ("1001-Siti\\out.png", b"x"),
        ("1001-Siti/\x1b[31m.png", b"x"),
        ("a/b/c/d/e/f.png", b"x"),
        (f"1001-Siti/{'n' * 300}.png", b"x"),
        (link, b"/etc/passwd"),
        (locked, b"locked"),
        ("1001-Siti/more.zip", b"x"),
        ("1001-Siti/bomb.png", bytes(2**20)),
        ("1001-Siti/good.png", b"good"),
        ("1001-Siti/GOOD.png", b"other"),
        ("1001-Siti/good.png/within.png", b"x"),
    )
    content = file.read_bytes()
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02"))
    while content[at + 46 : at + 66] != b"1001-Siti/locked.png":
        at = content.index(b"PK\x01\x02", at + 1)
    file.write_bytes(content[: at + 8] + b"\x01" + content[at + 9 :])

    with folder_of(file) as (folder, notes):
        assert stat.S_IMODE(next(temporary.iterdir()).stat().st_mode) == 0o700
        kept = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        assert kept == ["1001-Siti/good.png"]
        assert (folder / kept[0]).read_bytes() == b"good"
    assert [note.partition("passed over; ")[2] for note in notes] == [
        "its name leads out of the ZIP",
        "its name leads out of the ZIP",
        "its name leads out of the ZIP",
        "its name is a path of Windows",
        "its name is a path of Windows",
        "its name cannot be shown",
        "it lies too deep in folders",
        "its name is too long",
        "it is a link",
        "it is encrypted; zip it without a password",
        "it is a ZIP within the ZIP",
        "it unpacks to more than 200 times its size, as no photo does",
        "another file has this name",
        "a file and a folder have one name",
    ]
    assert not (tmp_path / "out.png").exists()
    assert list(temporary.iterdir()) == []


def test_a_damaged_entry_is_passed_over_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as made:
        made.writestr("1001-Siti/a.png", b"pixels of a photo")
        made.writestr("1001-Siti/b.png", b"another")
    content = (tmp_path / "p.zip").read_bytes()
    (tmp_path / "p.zip").write_bytes(content.replace(b"pixels of", b"pixels 0f"))
    with folder_of(tmp_path / "p.zip") as (folder, notes):
        assert [path.name for path in folder.rglob("*.png")] == ["b.png"]
    assert notes == ("1001-Siti/a.png: passed over; it is damaged; zip it again",)


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 1), ("MAX_TOTAL_BYTES", 3)])
def test_too_much_is_refused_before_anything_is_unpacked(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(archive, limit, value)
    file = zipped(tmp_path / "p.zip", ("1001/a.png", b"aa"), ("1001/b.png", b"bb"))
    with pytest.raises(ArchiveRefused, match="more than"), folder_of(file):
        pass
    assert list(temporary.iterdir()) == []


def test_what_is_no_zip_or_holds_nobody_is_refused_by_its_own_name(settings: config.Config, tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(b"PK no zip")
    with pytest.raises(ArchiveRefused, match=r"p\.zip is no whole ZIP"):
        import_folder(settings, tmp_path / "p.zip")
    with pytest.raises(RosterRefused, match=r"empty\.zip holds no folders"):
        import_folder(settings, zipped(tmp_path / "empty.zip", ("photo.png", b"x")))


def test_ctrl_c_leaves_no_photo_behind(tmp_path: Path, temporary: Path) -> None:
    file = zipped(tmp_path / "p.zip", ("1001/a.png", b"aa"))
    with pytest.raises(KeyboardInterrupt), folder_of(file):
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []
