"""Encodings made with face_recognition come in whole, person by person, from every kind of file people keep them in."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

import config
from enroll.bulk import encoding_files
from enroll.bulk.encoding_files import EncodingsRefused, read_encodings
from enroll.bulk.encodings import ENCODINGS, import_encodings
from enroll.bulk.importer import ImportReport
from enroll.bulk.roster import RosterRefused
from enroll.command import enroll
from enroll.desk import Done, add_person, list_people
from enroll.release.publish import publish
from sync.register import Register, people
from terminal.faces import Encoding, Engine, Face, Picture, open_engine
from terminal.faces.dlib_resnet import DIMENSION, ENGINE_ID
from tests.enroll.leaving import withdraw

PROJECT = Path(__file__).resolve().parents[2]
_MIDDLE = np.random.default_rng(0).normal(size=DIMENSION)
_MIDDLE *= 1.28 / np.linalg.norm(_MIDDLE)


def made(person: int, look: int = 0) -> np.ndarray:
    """Return (128,) values as dlib gives them: two people score 0.83, two looks of one 0.97."""
    own, apart = (np.random.default_rng(seed).normal(size=DIMENSION) for seed in (person, [person, look]))
    return _MIDDLE + 0.55 * own / np.linalg.norm(own) + 0.2 * apart / np.linalg.norm(apart)


class OnlyDlibsName:
    """The dlib engine as an import needs it; complains when shown a picture."""

    engine_id, dimension = ENGINE_ID, DIMENSION

    def detect(self, picture: Picture) -> list[Face]:
        raise AssertionError("there are no pictures in a file of encodings")

    def encode(self, picture: Picture, face: Face) -> Encoding:
        raise AssertionError("there are no pictures in a file of encodings")


@pytest.fixture(name="settings")
def _settings(settings: config.Config) -> config.Config:
    scores = {"same_person_score": 0.925, "duplicate_score": 0.97}
    return config.replace(settings, engine={"name": "dlib"}, match={"threshold": 0.955}, enroll=scores)


@pytest.fixture
def run(settings: config.Config) -> Callable[..., ImportReport]:
    def run(file: Path, **more: object) -> ImportReport:
        return import_encodings(settings, file, engine=OnlyDlibsName(), **more)  # type: ignore[arg-type]

    return run


def pickled(path: Path, value: object) -> Path:
    path.write_bytes(pickle.dumps(value))
    return path


def what(report: ImportReport) -> dict[str, Done]:
    return {person.where: person.done for person in report.people}


def whys(report: ImportReport) -> dict[str, str]:
    return {person.where: person.why or "" for person in report.people}


PEOPLE = "number,name\n1001,Siti Nurhaliza\n1002,Budi\n"


def test_everybody_in_the_customary_pickle_is_enrolled_by_a_list(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    """The file as it is made all over the world: one name for each encoding, several of one person."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    names = ["siti_nurhaliza", "Budi", "siti_nurhaliza", "Ghost"]
    data = {"encodings": [made(1), made(2), made(1, 1), made(3)], "names": names}
    report = run(pickled(tmp_path / "encodings.pickle", data), people=tmp_path / "people.csv")
    assert what(report) == {"siti_nurhaliza": Done.ADDED, "Budi": Done.ADDED, "Ghost": Done.REFUSED}
    assert whys(report)["Ghost"] == "this name is not in the list of people"
    assert report.people[1].warnings == ("1 sample; 3 are better",)
    assert [(person.number, person.name, person.samples) for person in list_people(settings)] == [
        ("1001", "Siti Nurhaliza", 2),
        ("1002", "Budi", 1),
    ]
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        kept = dict(people.templates_of(register, ENGINE_ID))
    assert {number: template.source for number, template in kept.items()} == {"1001": ENCODINGS, "1002": ENCODINGS}
    mean = sum(each / np.linalg.norm(each) for each in (made(1), made(1, 1)))
    template = np.frombuffer(kept["1001"].vector, "<f4")
    np.testing.assert_allclose(template, mean / np.linalg.norm(mean), atol=1e-6)


def test_a_second_run_changes_nothing_and_a_new_encoding_one_person(
    run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    file = tmp_path / "known.pkl"
    data = {"1001-Siti": [made(1), made(1, 1)], "1002-Budi": made(2)}
    assert set(what(run(pickled(file, data))).values()) == {Done.ADDED}
    assert set(what(run(pickled(file, dict(reversed(data.items()))))).values()) == {Done.UNCHANGED}
    data["1002-Budi"] = [made(2), made(2, 1)]
    assert what(run(pickled(file, data))) == {"1001-Siti": Done.UNCHANGED, "1002-Budi": Done.CHANGED}


def test_a_dry_run_says_the_same_and_writes_nothing(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    file = pickled(tmp_path / "known.pkl", {"1001-Siti": made(1)})
    assert what(run(file, dry_run=True)) == {"1001-Siti": Done.ADDED}
    assert list_people(settings) == []


def as_npz(path: Path) -> Path:
    np.savez_compressed(path, encodings=np.stack([made(1), made(1, 1), made(2)]), names=["1001-A", "1001-A", "1002-B"])
    return path


def as_npz_by_name(path: Path) -> Path:
    np.savez(path, **{"1001-A": np.stack([made(1), made(1, 1)]), "1002-B": made(2)})
    return path


def as_json(path: Path) -> Path:
    rows = [made(1).tolist(), made(1, 1).tolist(), made(2).tolist()]
    path.write_text(json.dumps({"names": ["1001-A", "1001-A", "1002-B"], "encodings": rows}))
    return path


def as_json_by_person(path: Path) -> Path:
    rows = [{"name": "1001-A", "encoding": made(1).tolist()}, {"name": "1002-B", "encodings": [made(2).tolist()]}]
    rows.append({"name": "1001-A", "encoding": made(1, 1).tolist()})
    path.write_text(" " + json.dumps(rows))
    return path


def as_pair(path: Path) -> Path:
    return pickled(path, ([made(1), made(1, 1), made(2)], ["1001-A", "1001-A", "1002-B"]))


def as_pair_the_other_way(path: Path) -> Path:
    return pickled(path, [np.array(["1001-A", "1001-A", "1002-B"]), np.stack([made(1), made(1, 1), made(2)])])


def as_lists(path: Path) -> Path:
    return pickled(path, {"1001-A": [made(1).tolist(), tuple(made(1, 1))], "1002-B": made(2).tolist()})


@pytest.mark.parametrize(
    "write", [as_npz, as_npz_by_name, as_json, as_json_by_person, as_pair, as_pair_the_other_way, as_lists]
)
def test_every_customary_file_says_the_same(write: Callable[[Path], Path], tmp_path: Path) -> None:
    suffix = {"as_npz": ".npz", "as_npz_by_name": ".npz"}.get(write.__name__, ".dat")
    found = read_encodings(write(tmp_path / f"known{suffix}"))
    assert list(found) == ["1001-A", "1002-B"]
    np.testing.assert_allclose(found["1001-A"], [made(1), made(1, 1)])
    np.testing.assert_allclose(found["1002-B"], [made(2)])


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_file_is_of_the_person_it_is_named_after(tmp_path: Path, order: str) -> None:
    np.save(tmp_path / "1001-Siti.npy", np.asarray([made(1), made(1, 1)], order=order))  # type: ignore[call-overload]
    np.testing.assert_allclose(read_encodings(tmp_path / "1001-Siti.npy")["1001-Siti"], [made(1), made(1, 1)])


def test_numbers_as_names_are_employee_numbers(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    add_person(settings, "1001", "Siti", pin="274913")
    assert what(run(pickled(tmp_path / "known.pkl", {1001: made(1)}))) == {"1001": Done.CHANGED}
    assert [(person.name, person.has_pin, person.templates) for person in list_people(settings)] == [("Siti", True, 1)]


@pytest.mark.parametrize(
    ("encodings", "said"),
    [
        ([made(1)[:127]], "encoding 1 has 127 values; face_recognition's have 128"),
        ([made(1), np.zeros((2, 128))], "encoding 2 has 2 x 128 values"),
        ([made(1), made(1) * np.nan], "encoding 2 has the length nan"),
        ([made(1) * np.inf], "encoding 1 has the length inf"),
        ([made(1) / np.linalg.norm(made(1))], "encoding 1 has the length 1, and face_recognition's have 1.2 to 1.7"),
        ([made(1) * 10], "another program made or changed it"),
        ([np.zeros(128)], "encoding 1 has the length 0"),
        ([made(1).astype(str).tolist()], "has the length nan"),
        ("made", "has 0 values"),
        ([], "0 encodings are there"),
        ([[10**400] * 128], "has 0 values"),
        ([made(1)] * 1001, "1001 encodings are there; 1 to 1000 are allowed"),
        ([made(1), made(7)], "the pictures do not resemble each other: whose are they?"),
    ],
)
def test_one_person_who_cannot_be_is_refused_in_words_and_the_others_come_in(
    run: Callable[..., ImportReport], tmp_path: Path, encodings: object, said: str
) -> None:
    report = run(pickled(tmp_path / "known.pkl", {"1001-Siti": encodings, "1002-Budi": [made(2)]}))
    assert what(report) == {"1001-Siti": Done.REFUSED, "1002-Budi": Done.ADDED}
    assert said in whys(report)["1001-Siti"]


def test_an_encoding_of_somebody_else_is_left_out(run: Callable[..., ImportReport], tmp_path: Path) -> None:
    report = run(pickled(tmp_path / "known.pkl", {"1001-Siti": [made(1), made(9), made(1, 1)]}))
    assert report.people[0].samples == 2
    assert [photo.photo for photo in report.people[0].photos if not photo.used] == ["encoding 2"]


def test_a_face_under_two_numbers_and_a_number_under_two_names_are_refused(
    run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    data = {"1001-Siti": made(1), "1002-Budi": made(1, 1), "1001-Tuti": made(3)}
    report = run(pickled(tmp_path / "known.pkl", data))
    assert what(report) == {"1001-Siti": Done.ADDED, "1002-Budi": Done.REFUSED, "1001-Tuti": Done.REFUSED}
    assert "the same face is enrolled as 1001" in whys(report)["1002-Budi"]
    assert "1001 is there more than once" in whys(report)["1001-Tuti"]


def test_names_that_name_nobody_are_told_from_those_that_name_two(
    run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    file = pickled(tmp_path / "known.pkl", {"Budi": made(1), "1003": made(3)})
    assert "give a list with the columns number and name with --people" in whys(run(file))["Budi"]
    assert "1003 is new; give their name as well" in whys(run(file))["1003"]
    (tmp_path / "people.csv").write_text("nomor;nama\n1001;Budi\n1002;BUDI\n")
    assert "more than once: 1001, 1002" in whys(run(file, people=tmp_path / "people.csv"))["Budi"]
    with pytest.raises(RosterRefused, match="cannot be read"):
        run(file, people=tmp_path / "absent.csv")


def test_somebody_withdrawn_comes_back_only_when_told_so(
    settings: config.Config, run: Callable[..., ImportReport], tmp_path: Path
) -> None:
    file = pickled(tmp_path / "known.pkl", {"1001-Siti": made(1)})
    run(file)
    withdraw(settings, "1001")
    assert "was withdrawn" in whys(run(file))["1001-Siti"]
    assert what(run(file, again=True)) == {"1001-Siti": Done.ADDED}


def test_another_engine_refuses_them_before_the_file_is_read(settings: config.Config, tmp_path: Path) -> None:
    with pytest.raises(EncodingsRefused, match=r"engine\.name is opencv; set it to dlib"):
        import_encodings(config.replace(settings, engine={"name": "opencv"}), tmp_path / "absent")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no whole pickle"),
        (b"{}", "there are no encodings in it"),
        (b"[]", "no names and encodings were found"),
        (b"[1, 2]", "no names and encodings were found"),
        (b'{"names": ["a"], "encodings": []}', "it has 0 encodings and 1 names"),
        (b'{"names": [], "encodings": []}', "there are no encodings in it"),
        (b'{"names": 5, "encodings": 7}', "it has 0 encodings and 0 names"),
        (b'{"names": [[1]], "encodings": [[1]]}', "a name in it is no text"),
        (b'{"": [1]}', "a name in it is no text"),
        (b'[{"name": "a"}]', "has no name or no encoding"),
        (b'{"a": [NaN]}', "begins as JSON does and is none"),
        (b"[" * 100_000, "begins as JSON does and is none"),
        (b'{"a": "\xff"}', "begins as JSON does and is none"),
        (b"PK\x03\x04torn", "begins as npz does and is none"),
        (b"\x93NUMPY\x01\x00torn", "an array in it cannot be read"),
        (pickle.dumps(made(1)), "no names and encodings were found"),
        (pickle.dumps({("a",): made(1)}), "a name in it is no text"),
        (pickle.dumps({"a" * 201: made(1)}), "a name in it is no text"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "known").write_bytes(content)
    with pytest.raises(EncodingsRefused, match=said) as refused:
        read_encodings(tmp_path / "known")
    assert str(refused.value).startswith(f"{tmp_path / 'known'}: ")
    assert "\n" not in str(refused.value)


def test_arrays_of_objects_and_arrays_that_claim_more_than_is_there_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(EncodingsRefused, match="holds Python objects"):
        read_encodings(tmp_path / "objects.npy")
    np.save(tmp_path / "claims.npy", made(1))
    claims = (tmp_path / "claims.npy").read_bytes().replace(b"(128,), }      ", b"(9999999999,), }")
    assert b"9999999999" in claims
    (tmp_path / "claims.npy").write_bytes(claims)
    with pytest.raises(EncodingsRefused, match=r"not whole|cannot be read"):
        read_encodings(tmp_path / "claims.npy")


def test_files_that_unpack_or_claim_too_much_are_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(5_000_000))
    monkeypatch.setattr(encoding_files, "MAX_FILE_BYTES", 1_000_000)
    with pytest.raises(EncodingsRefused, match="unpacks to more than"):
        read_encodings(tmp_path / "bomb.npz")
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    with pytest.raises(EncodingsRefused, match="is larger than"):
        read_encodings(tmp_path / "large")
    monkeypatch.undo()
    shared = [0.5] * 100_000
    pickled(tmp_path / "shared", {str(name): [shared] * 30_000 for name in range(20)})
    with pytest.raises(EncodingsRefused, match="more than 200000 encodings"):
        read_encodings(tmp_path / "shared")


def test_an_absent_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for place in (tmp_path / "absent", tmp_path):
        with pytest.raises(EncodingsRefused, match="cannot be read"):
            read_encodings(place)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=12,
    )
)
@runs(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_pickle_it_is_names_with_rows_or_refused(tmp_path: Path, value: object) -> None:
    try:
        found = read_encodings(pickled(tmp_path / "any", value))
    except EncodingsRefused:
        return
    assert found
    assert all(isinstance(name, str) and all(row.ndim for row in rows) for name, rows in found.items())


def test_what_is_typed_is_answered_person_by_person(
    settings: config.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enroll.desk.open_engine", lambda _: OnlyDlibsName())
    file = pickled(tmp_path / "known.pkl", {"1001-Siti": made(1), "\x1b[31mBudi": made(2)})
    said = CliRunner().invoke(enroll, ["encodings", str(file)], obj=lambda: settings)
    assert said.exit_code == 1
    assert said.output.splitlines() == [
        "1001 Siti: added",
        "  note: 1 sample; 3 are better",
        "?[31mBudi: refused - this name is no employee number; "
        "give a list with the columns number and name with --people",
        "Only kiosks with engine.name dlib know these people by their faces.",
        "1 added, 0 changed, 0 unchanged, 1 refused; publish to bring this to the kiosks.",
    ]


@pytest.mark.slow
def test_people_enrolled_with_face_recognition_are_recognised_by_a_kiosk_of_the_dlib_engine(
    settings: config.Config, tmp_path: Path, approve
) -> None:
    """The whole way: its own encodings of the portraits, imported, published, and other photographs of them probed."""
    import cv2

    from sync.releases import open_set
    from terminal.gallery import Gallery
    from terminal.matching import nearest_to

    reference = json.loads((PROJECT / "tests" / "terminal" / "reference_encodings.json").read_text())
    known = {Path(each["photo"]).parent.name: each["encoding"] for each in reference if "/people/" in each["photo"]}
    (tmp_path / "known.json").write_text(json.dumps(known))
    engine: Engine = open_engine(settings.engine)
    report = import_encodings(settings, tmp_path / "known.json", engine=engine)
    assert set(what(report).values()) == {Done.ADDED}
    away = config.replace(settings, mqtt={"port": 9})
    own = approve(settings)
    blob = publish(away, "demo", broker_wait_s=0).file.read_bytes()
    content = open_set(
        blob, trusted=_trusted(settings), office="demo", engine_id=engine.engine_id, newer_than=0, reader=own
    )
    gallery = Gallery.from_set(content)

    def best(path: Path) -> tuple[str, float]:
        picture = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
        probe = engine.encode(picture, engine.detect(picture)[0])
        (nearest,) = nearest_to(probe.vector[np.newaxis], gallery)
        return nearest.employee, nearest.score

    walkups = [best(path) for path in sorted((PROJECT / "demo" / "walkups").glob("*/*.jpg"))]
    strangers = [best(path) for path in sorted((PROJECT / "demo" / "strangers").glob("*.jpg"))]
    assert [employee for employee, _ in walkups] == ["1001", "1002", "1003"]
    assert min(score for _, score in walkups) > max(score for _, score in strangers) + 0.02


def _trusted(settings: config.Config):  # type: ignore[no-untyped-def]
    from sync import keys

    return keys.load_public(settings.terminal.release_key)
