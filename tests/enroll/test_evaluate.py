"""The whole measurement: small trees of people whose vectors are known, hostile photos, real portraits, the bench."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import config
from enroll.evaluate import curves, labels
from enroll.evaluate.dataset import DatasetRefused, read_dataset
from enroll.evaluate.decisions import decide_all
from enroll.evaluate.encoding import encode_all
from enroll.evaluate.evaluation import Wish, run
from enroll.evaluate.report import as_values
from enroll.evaluate.tables import tables
from enroll.evaluate.trials import make_trials, without
from sync.releases import EncodingSet, Person
from terminal.faces import Engine
from terminal.gallery import Gallery
from terminal.matching import Policy, identify

PROJECT = Path(__file__).resolve().parents[2]
Painted = Callable[..., bytes]


def people(root: Path, painted: Painted, *, count: int = 8, photos: int = 4, group: str = "") -> Path:
    """A folder a person, the codes of `paint` counting on from the number of folders there already."""
    first = sum(path.is_dir() for path in root.rglob("p*")) if root.exists() else 0
    for person in range(first, first + count):
        folder = root / group / f"p{person:03d}"
        folder.mkdir(parents=True)
        for look in range(photos):
            (folder / f"{look}.png").write_bytes(painted(person, look=look))
    return root


def measured(settings: config.Config, engine: Engine, root: Path, **wish: object) -> dict:
    wish = {"replicates": 20, "samples": (1, 3), **wish}
    report = run(settings, Wish(folder=root, **wish), open_=lambda _: engine)  # type: ignore[arg-type]
    values = as_values(report)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    return values


def shown(settings: config.Config, engine: Engine, root: Path, **wish: object) -> str:
    report = run(settings, Wish(folder=root, replicates=5, **wish), open_=lambda _: engine)  # type: ignore[arg-type]
    return "\n".join(part for part in tables(report) if isinstance(part, str))


def test_people_who_are_easy_to_tell_have_no_errors_and_honest_intervals(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(people(tmp_path, painted, group="east"), painted, group="west")
    values = measured(settings, engine, root)
    assert values["engine"] == "painted"
    found = values["groups"]["east"]
    for name in ("fnmr_at_fmr_1e2", "fnmr_at_fmr_1e3", "fnmr_at_fmr_1e4", "fnir_at_fpir_1e2", "fnir_at_fpir_1e3"):
        assert found[name] == 0
        low, high = found[f"{name}_ci"]
        assert (low, high) == (0, pytest.approx(1 - 0.05 ** (1 / 8), abs=1e-5)), "8 people without an error"
    assert found["rank1"] == 1
    assert (found["people_enrolled"], found["genuine_comparisons"], found["impostor_comparisons"]) == (8, 24, 168)
    assert found["fnmr_at_fmr_1e3_resolved"] is False, "168 comparisons cannot show one in a thousand"
    assert values["overall"]["impostor_comparisons"] == 3 * 16 * 15
    assert values["engines"]["painted"]["overall"] == values["overall"]
    assert set(values["engines"]["painted"]["samples"]) == {"1", "3"}
    assert found["identification_n"] == 16, "there are not 50 people"
    larger = values["overall"]["identification"]["2000"]
    assert larger["extrapolated"]
    assert larger["fnir_at_fpir_1e3"] is None, "nothing in the data speaks of so rare an event"


def test_whoever_has_too_few_photos_borrows_probes_or_stays_a_stranger(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path, painted, count=3, photos=4)
    people(root, painted, count=2, photos=3)
    people(root, painted, count=1, photos=1)
    data = encode_all(read_dataset(root), engine, settings)
    one, three = (make_trials(data, samples, settings) for samples in (1, 3))
    assert (one.counts.enrolled, one.counts.borrowed, one.counts.left_out) == (6, 0, 0)
    assert (three.counts.enrolled, three.counts.borrowed, three.counts.left_out) == (3, 3, 3)
    assert np.isfinite(one.genuine).sum() == 3 * 3 + 2 * 2
    # Each of the three probes is compared with a template that does not hold it; the strangers' photos all search.
    assert np.isfinite(three.genuine).sum() == 9
    assert len(three.owners) == 9 + 2 * 3 + 1
    assert three.genuine[np.isfinite(three.genuine)].max() < 0.99, "a probe met itself"


def test_a_probe_in_another_order_of_people_measures_the_same(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path / "one", painted, count=6)
    rows = [
        f"{path.relative_to(root)},{'enroll' if path.stem == '0' else 'probe'},{path.parent.name},g"
        for path in sorted(root.rglob("*.png"))
    ]
    found = []
    for order in (rows, [row for start in (12, 0, 20, 4, 16, 8) for row in rows[start : start + 4]]):
        (root / "manifest.csv").write_text("\n".join(["path,role,identity,group", *order]))
        found.append(measured(settings, engine, root))
    assert found[0] == found[1]


def test_each_photo_that_cannot_be_used_is_named_counted_and_ends_nothing(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path, painted, count=3, photos=5)
    picture = cv2.imdecode(np.frombuffer(painted(0), np.uint8), cv2.IMREAD_COLOR)
    bad = root / "p001"
    (bad / "0.png").write_bytes(b"")
    (bad / "5.png").write_bytes(b"no picture")
    (bad / "6.png").write_bytes(cv2.imencode(".png", picture.astype(np.uint16) * 256)[1].tobytes())
    (bad / "7.jpg").write_bytes(b"GIF89a, moving")
    (bad / "8.png").symlink_to("/etc/hostname")
    (bad / "9.png").symlink_to(bad / "9.png")
    (bad / "a.png").write_bytes(painted(1, faces=0))
    (bad / "c.png").write_bytes(cv2.imencode(".png", np.zeros((2600, 20_000, 3), np.uint8))[1].tobytes())
    (bad / "b.png").write_bytes((bad / "1.png").read_bytes())
    values = measured(settings, engine, root)
    found = {each["photo"]: (each["role"], each["why"]) for each in values["engines"]["painted"]["unused_photos"]}
    assert found == {
        "p001/0.png": ("enroll", "it is empty"),
        "p001/5.png": ("probe", "it is not a picture"),
        "p001/6.png": ("probe", "it has 16 bits a colour; save it with 8"),
        "p001/7.jpg": ("probe", "it is a GIF, an animation or drawing; give a JPEG or PNG photo"),
        "p001/8.png": ("probe", "its path leads out of the folder"),
        "p001/9.png": ("probe", "the file is missing"),
        "p001/a.png": ("probe", "no face was found in it"),
        "p001/b.png": ("probe", "it is the same file as p001/1.png"),
        "p001/c.png": ("probe", "it has 20000 x 2600 pixels, more than 50 million; save it smaller"),
    }
    assert values["overall"]["fte"] == pytest.approx(1 / 3)
    assert values["overall"]["fta"] == pytest.approx(7 / 19), "the second copy is no failure of the kiosk"
    assert values["overall"]["people_enrolled"] == 3, "whose enrolment photo is empty is enrolled with probes"


def test_of_several_people_before_a_kiosk_the_nearest_is_measured_but_the_desk_refuses(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path, painted, count=3)
    (root / "p000" / "0.png").write_bytes(painted(0, look=0, faces=2))
    (root / "p000" / "1.png").write_bytes(painted(0, look=1, faces=2))
    values = measured(settings, engine, root, samples=(1,))
    (unused,) = values["engines"]["painted"]["unused_photos"]
    assert (unused["photo"], unused["role"]) == ("p000/0.png", "enroll")
    assert "several faces" in unused["why"]


def test_two_names_of_one_person_are_pointed_out_and_count_until_they_are_made_one(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path / "data", painted, count=12)
    for look in range(4):
        (root / "p003" / f"{look}.png").write_bytes(painted(2, look=look + 10))
    settings = config.replace(settings, match={"threshold": 0.5, "margin": 0.08})
    settings = config.replace(settings, enroll={"same_person_score": 0.36, "duplicate_score": 0.6})
    values = measured(settings, engine, root)
    (alike,) = values["probably_one_person"]
    assert (alike["first"], alike["second"], alike["same_file"]) == ("p002", "p003", False)
    found = values["engines"]["painted"]["samples"]["1"]
    assert found["overall"]["fnir_at_fpir_1e2"] > 0.4
    assert found["without_probable_duplicates"]["overall"]["fnir_at_fpir_1e2"] == 0
    assert found["overall"]["policy_fpir"] > 0
    assert found["without_probable_duplicates"]["overall"]["policy_fpir"] == 0
    said = shown(settings, engine, root)
    assert "p002 and p003: 0." in said
    same = tmp_path / "same.csv"
    same.write_text("p003,p002\n")
    joined = measured(settings, engine, root, aliases=same)
    assert (joined["people"], joined["probably_one_person"]) == (11, [])
    assert joined["overall"]["fnir_at_fpir_1e2"] == 0


def test_a_scale_on_which_everybody_is_alike_accuses_only_by_the_same_file(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = people(tmp_path, painted, count=8)
    shutil.copy(root / "p001" / "2.png", root / "p005" / "9.png")
    data = encode_all(read_dataset(root), engine, settings)
    monkeypatch.setattr(labels, "LEAST_ALIKE", 0.0)
    flat = [
        replace(person, probes=tuple(replace(each, sample=data[0].enrol[0].sample) for each in person.probes))
        for person in data
    ]
    assert [(each.first, each.second) for each in labels.probably_one(flat)] == [("p001", "p005")]


def test_the_seed_decides_the_intervals_and_nothing_else(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path, painted, count=6)
    for person in (0, 1):
        (root / f"p{person:03d}" / "1.png").write_bytes(painted(person + 50))
    first, again, other = (measured(settings, engine, root, seed=seed, replicates=50) for seed in (4, 4, 5))
    assert first == again
    name = "fnmr_at_fmr_1e2"
    assert first["overall"][name] == other["overall"][name] > 0
    assert first["overall"] != other["overall"]
    low, high = first["overall"][f"{name}_ci"]
    assert low <= first["overall"][name] <= high


def test_pairs_left_out_are_compared_by_nobody(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    data = encode_all(read_dataset(people(tmp_path, painted, count=4)), engine, settings)
    trials = make_trials(data, 3, settings)
    fewer = without(trials, [("p000", "p001")])
    assert np.isfinite(trials.scores).sum() == 4 * 3 * 3
    assert np.isfinite(fewer.scores).sum() == 4 * 3 * 3 - 6


def test_a_group_without_comparisons_has_the_promised_names_and_no_figures(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(people(tmp_path, painted, count=6, group="many"), painted, count=1, photos=2, group="alone")
    found = measured(settings, engine, root)["groups"]["alone"]
    assert (found["samples"], found["genuine_comparisons"]) == (1, 1), "there are no four photos for three"
    assert (found["fnmr_at_fmr_1e3"], found["fnmr_at_fmr_1e3_ci"]) == (None, None), "nobody to be taken for"
    assert found["fnir_at_fpir_1e2"] == 0


def test_the_policys_answers_are_those_of_a_kiosk_with_that_gallery(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    root = people(tmp_path, painted, count=5)
    for look in range(3):  # somebody else's photos among one's own, and two who are alike
        (root / "p001" / f"{look + 1}.png").write_bytes(painted(0, look=look + 7))
    data = encode_all(read_dataset(root), engine, settings)
    trials, policy = make_trials(data, 1, settings), Policy(threshold=0.5, margin=0.08)
    decisions = decide_all(trials, policy, engine.engine_id)
    counted = np.zeros((2, len(data), 4), np.int64)
    for place, person in enumerate(data):
        for reading in person.probes:
            for kind, absent in enumerate((None, place)):
                answer = identify(reading.probe, gallery_of(data, engine, without=absent), policy)
                right = answer.employee == str(place)
                column = {"match": 0 if right else 1, "ambiguous": 2, "no_match": 3}[answer.outcome]
                counted[kind, place, column] += 1
    assert decisions is not None
    assert (decisions.mated == counted[0]).all()
    assert (decisions.strangers == counted[1]).all()
    assert decisions.mated[:, 1].sum() > 0
    everybody = np.ones(5, np.bool_)
    rates = decisions.rates(np.ones(5, np.int64), everybody)
    assert rates["policy_fnir"] == pytest.approx(1 - decisions.mated[:, 0].sum() / 15)


def gallery_of(data, engine: Engine, *, without: int | None) -> Gallery:
    return Gallery.from_set(
        EncodingSet(
            office="demo",
            version=1,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            people=tuple(
                Person(employee=str(place), name="x", templates=(person.enrol[0].sample.astype("<f4").tobytes(),))
                for place, person in enumerate(data)
                if place != without
            ),
        )
    )


def test_nobody_to_enrol_is_said(tmp_path: Path, settings: config.Config, engine: Engine) -> None:
    (tmp_path / "ana").mkdir()
    (tmp_path / "ana" / "1.jpg").write_bytes(b"")
    with pytest.raises(DatasetRefused, match="nobody in"):
        measured(settings, engine, tmp_path)


def test_curves_are_drawn_with_axes_and_names_that_cannot_break_them(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Painted
) -> None:
    people(tmp_path / "data", painted, count=10, group="<b>&\x1b[31m")
    report = run(
        settings,
        Wish(folder=tmp_path / "data", replicates=5, curves=tmp_path / "out"),
        open_=lambda _: engine,
    )
    assert [path.name for path in report.written] == [
        "det-engines.svg",
        "det-engines.png",
        "det-opencv-groups.svg",
        "det-opencv-groups.png",
    ]
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.fromstring(report.written[2].read_text())  # noqa: S314 - written a moment ago
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "false match rate (FMR)" in texts
    assert "<b>&?[31m" in texts
    picture = cv2.imread(str(report.written[3]))
    assert picture.shape == (980, 1720, 3)
    assert picture.min() < 60, "nothing is written on it"


def test_a_curve_is_drawn_where_its_figures_are() -> None:
    points = [(0.5, 1e-3, 0.1, 0.1, 0.1), (0.4, 1e-2, 0.01, 0.01, 0.01)]
    drawing = curves.det("t", [curves.Curve(name="x", points=points, band=False)])
    (line,) = [
        item for item in drawing.items if isinstance(item, curves.Line) and item.width > 2 and item.points[0][0] < 560
    ]
    (left, top), (right, bottom) = line.points
    assert (left, right) == (pytest.approx(78 + 482 / 2), pytest.approx(78 + 482 * 3 / 4))
    assert (top, bottom) == (pytest.approx(430 - 382 * 2 / 3), pytest.approx(430 - 382 / 3))


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's people as a tree: who has two photos and who has one."""
    root = tmp_path_factory.mktemp("portraits")
    for folder in sorted((PROJECT / "demo" / "people").iterdir()):
        (root / folder.name).mkdir()
        photos = [
            *sorted(folder.glob("*.jpg")),
            *sorted((PROJECT / "demo" / "walkups" / folder.name[:4]).glob("*.jpg")),
        ]
        for place, photo in enumerate(photos):
            shutil.copy(photo, root / folder.name / f"{place}.jpg")
    for photo in sorted((PROJECT / "demo" / "strangers").glob("*.jpg")):
        (root / photo.stem).mkdir()
        shutil.copy(photo, root / photo.stem)
    return root


@pytest.mark.slow
def test_the_command_measures_real_portraits_and_ends_with_one_line_of_json(portraits: Path, tmp_path: Path) -> None:
    from hadir import main

    pairs = tmp_path / "pairs.csv"
    names = sorted(path.name for path in portraits.iterdir())
    with_two = [name for name in names if len(list((portraits / name).iterdir())) == 2]
    lines = [f"{name}/0.jpg,{name}/1.jpg,1" for name in with_two]
    lines += [f"{name}/0.jpg,{other}/1.jpg,0" for name in with_two for other in with_two if name != other]
    pairs.write_text("\n".join(["path1,path2,same", *lines]))
    arguments = ["enroll", "evaluate", str(portraits), "--samples", "1", "--replicates", "20", "--json"]
    said = CliRunner().invoke(main, [*arguments, "--pairs", str(pairs)], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    values = json.loads(said.stdout.splitlines()[-1])
    assert values["overall"]["fnmr_at_fmr_1e2"] == 0
    assert values["overall"]["genuine_comparisons"] == 3
    assert values["pairs_accuracy"] == 1.0
    assert "opencv, 1" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "is not a folder"),
        ([".", "--engine", "magic"], "magic"),
        ([".", "--samples", "0"], "give numbers from 1 to 20"),
        ([".", "--pairs", "absent.txt"], "cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments: list[str], words: str, portraits: Path) -> None:
    from hadir import main

    arguments = [str(portraits) if argument == "." else argument for argument in arguments]
    said = CliRunner().invoke(main, ["enroll", "evaluate", *arguments])
    assert said.exit_code in (1, 2)
    assert words in said.output
    assert "Traceback" not in said.output


@pytest.mark.slow
@pytest.mark.bench_data
def test_a_part_of_the_bench_is_measured_and_strangers_are_kept_apart(
    bench_data: Path, tmp_path: Path, opencv: Engine, settings: config.Config
) -> None:
    """Three people and four strangers: enough to see that roles and groups arrive, too few for a figure."""
    heading, *rows = (bench_data / "manifest.csv").read_text().splitlines()
    chosen = [row for row in rows if row.split(",")[3] == "east_asian_celeb"][:12]
    chosen += [row for row in rows if row.split(",")[1] == "impostor"][:4]
    root = tmp_path / "bench"
    for row in chosen:
        name = row.split(",")[0]
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bench_data / name, root / name)
    (root / "manifest.csv").write_text("\n".join([heading, *chosen]))
    values = measured(settings, opencv, root)
    assert (values["people"], values["engines"][opencv.engine_id]["samples"]["3"]["strangers"]) == (7, 4)
    assert values["groups"]["east_asian_celeb"]["genuine_comparisons"] >= 6
    assert values["overall"]["rank1"] > 0.9
