"""Datasets from strangers' hands: manifests and trees that lie, lead out, go in circles or hold no photographs."""

import os
from pathlib import Path

import pytest

from enroll.evaluate.dataset import Dataset, DatasetRefused, read_aliases, read_dataset

PIXELS = b"not looked at here"


def written(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PIXELS)
    return root


def manifest(root: Path, *lines: str, heading: str = "path,role,identity,group") -> Path:
    root.mkdir(exist_ok=True)
    (root / "manifest.csv").write_text("\n".join([heading, *lines]) + "\n")
    return root


def shown(data: Dataset) -> dict[str, tuple[list[str], list[str]]]:
    return {
        person.identity: ([each.name for each in person.enrol], [each.name for each in person.probes])
        for person in data.people
    }


def test_the_roles_of_a_manifest_decide(tmp_path: Path) -> None:
    written(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg", "s.jpg")
    manifest(
        tmp_path, "a/1.jpg,enroll,ana,east", "a/2.jpg,probe,ana,east", "b/1.jpg,enroll,budi,", "s.jpg,impostor,siti,x"
    )
    data = read_dataset(tmp_path)
    assert shown(data) == {
        "ana": (["a/1.jpg"], ["a/2.jpg"]),
        "budi": (["b/1.jpg"], []),
        "siti": ([], ["s.jpg"]),
    }
    assert [person.group for person in data.people] == ["east", "", "x"]
    assert data.notes == ()


def test_columns_are_found_by_name_and_others_are_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "1.jpg")
    manifest(tmp_path, "ana;CC0;1.jpg;enroll;yes", heading="Identity;licence;Path;Role;glasses")
    data = read_dataset(tmp_path)
    assert shown(data) == {"ana": (["1.jpg"], [])}
    assert data.notes == ("manifest.csv has no column group: everybody is in one",)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    manifest(tmp_path, "1.jpg,enroll", heading="path,role")
    with pytest.raises(DatasetRefused, match="identity is missing"):
        read_dataset(tmp_path)


def test_rows_of_other_roles_and_without_a_person_are_counted(tmp_path: Path) -> None:
    written(tmp_path, "1.jpg", "2.jpg")
    manifest(tmp_path, "1.jpg,enroll,ana,", "2.jpg,video,ana,", "2.jpg,pad,x,", "2.jpg,probe,,", ",probe,ana,")
    data = read_dataset(tmp_path)
    assert shown(data) == {"ana": (["1.jpg"], [])}
    assert data.notes == (
        "rows of other roles, not used: 1 pad, 1 video",
        "2 rows without a path or an identity, the first in line 5",
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.jpg", "its path leads out of the folder"),
        ("/etc/hostname", "its path leads out of the folder"),
        ("link.jpg", "its path leads out of the folder"),
        ("circle.jpg", "the file is missing"),
        ("absent.jpg", "the file is missing"),
        ("a\0b.jpg", "its path is none"),
        ("x" * 300 + ".jpg", "the file is missing"),
    ],
)
def test_a_path_that_cannot_be_followed_has_its_reason(tmp_path: Path, path: str, why: str) -> None:
    root = tmp_path / "data"
    written(tmp_path, "outside.jpg", "data/1.jpg")
    (root / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    manifest(root, "1.jpg,enroll,ana,", f"{path},probe,ana,")
    person = read_dataset(root).people[0]
    assert [photo.why for photo in person.photos] in ([None, why], [None, "its path is none"])


def test_a_photo_listed_twice_counts_once_and_a_person_has_one_group(tmp_path: Path) -> None:
    written(tmp_path, "1.jpg", "2.jpg")
    manifest(tmp_path, "1.jpg,enroll,ana,a", "2.jpg,probe,ana,b", "./2.jpg,probe,ana,a")
    data = read_dataset(tmp_path)
    assert (shown(data), data.people[0].group) == ({"ana": (["1.jpg"], ["2.jpg"])}, "a")
    assert len(data.notes) == 2


def test_the_first_photo_of_a_folder_is_for_enrolment(tmp_path: Path) -> None:
    written(tmp_path, "ana/2.jpg", "ana/1.jpg", "ana/10.jpg", "budi/x.png")
    assert shown(read_dataset(tmp_path)) == {
        "ana": (["ana/1.jpg"], ["ana/10.jpg", "ana/2.jpg"]),
        "budi": (["budi/x.png"], []),
    }


def test_folders_of_folders_are_groups(tmp_path: Path) -> None:
    written(tmp_path, "east/ana/1.jpg", "east/ana/2.jpg", "west/budi/1.jpg", "cici/1.jpg")
    data = read_dataset(tmp_path)
    assert {person.identity: person.group for person in data.people} == {"ana": "east", "budi": "west", "cici": ""}


def test_a_tree_with_links_in_circles_ends_and_says_what_it_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "ana/1.jpg", "ana/notes.txt", "ana/.hidden.jpg", "a/b/c/d/1.jpg", "ana/album.jpg/1.jpg")
    (tmp_path / "ana" / "again").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    data = read_dataset(tmp_path)
    assert shown(data) == {"ana": (["ana/1.jpg"], []), "album.jpg": (["ana/album.jpg/1.jpg"], [])}
    assert sorted(data.notes) == [
        "again: passed over; it is a link to a folder",
        "ana/notes.txt: passed over; its name is no picture's",
        "b/c: passed over; it lies too deep to be somebody's",
    ]


def test_a_folder_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "ana/1.jpg", "budi/1.jpg")
    real = os.scandir

    def refusing(path):
        if Path(path).name == "budi":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    data = read_dataset(tmp_path)
    assert (list(shown(data)), data.notes) == (["ana"], ("budi: cannot be read (Permission denied)",))


def test_nothing_to_measure_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused, match="holds nobody to enrol"):
        read_dataset(tmp_path)
    with pytest.raises(DatasetRefused, match="is not a folder"):
        read_dataset(tmp_path / "absent")
    (tmp_path / "manifest.csv").write_bytes(b"path,role\xff")
    with pytest.raises(DatasetRefused, match="not UTF-8"):
        read_dataset(tmp_path)


def test_aliases_make_two_names_one_person_even_in_a_circle(tmp_path: Path) -> None:
    written(tmp_path, "Nan_Wang/1.jpg", "Wang_Nan/1.jpg", "Z/1.jpg")
    (tmp_path / "same.csv").write_text("identity,same_as\nWang_Nan,Nan_Wang\nNan_Wang,Wang_Nan\nX,Y\n")
    data = read_dataset(tmp_path, aliases=read_aliases(tmp_path / "same.csv"))
    assert shown(data)["Nan_Wang"] == (["Nan_Wang/1.jpg", "Wang_Nan/1.jpg"], [])
    assert "aliases of nobody here: X" in data.notes
    (tmp_path / "bad.csv").write_text("one\n")
    with pytest.raises(DatasetRefused, match="line 1: give two names"):
        read_aliases(tmp_path / "bad.csv")
