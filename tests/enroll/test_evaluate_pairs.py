"""The LFW pairs protocol: its two formats, folds that never see their own answers, photos that are not there."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enroll.evaluate.dataset import DatasetRefused
from enroll.evaluate.folds import best_threshold, cross_validated
from enroll.evaluate.pairs import judge_pairs, read_pairs
from terminal.faces import Engine

Painted = Callable[..., bytes]


def lfw(root: Path, painted: Painted, people: int = 12, photos: int = 3) -> Path:
    for person in range(people):
        for number in range(1, photos + 1):
            path = root / f"P{person}" / f"P{person}_{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(painted(person, look=number))
    return root


def listed(people: int = 12) -> list[str]:
    same = [f"P{person}\t1\t{other}" for person in range(people) for other in (2, 3)]
    different = [f"P{person}\t1\tP{(person + step) % people}\t2" for person in range(people) for step in (1, 5)]
    return [*same, *different]


def test_people_who_are_easy_to_tell_are_all_told(tmp_path: Path, painted: Painted, engine: Engine) -> None:
    root = lfw(tmp_path / "lfw", painted)
    file = tmp_path / "pairs.txt"
    file.write_text("10\n" + "\n".join(listed()) + "\n")
    report = judge_pairs(read_pairs(file, root), engine)
    assert (report.accuracy, report.std, report.pairs, report.judged) == (1.0, 0.0, 48, 48)
    assert len(report.folds) == 10
    assert all(0.2 < fold.threshold < 0.7 for fold in report.folds)


def test_the_folds_are_those_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    lines = ["A\t1\t2", "A\t1\t3", "A\t1\tB\t1", "A\t2\tB\t1", "C\t1\t2", "C\t1\t3", "C\t1\tD\t1", "C\t2\tD\t1"]
    file.write_text("2\t2\n" + "\n".join(lines))
    pairs = read_pairs(file, tmp_path)
    assert [pair.fold for pair in pairs] == [0] * 4 + [1] * 4
    assert [pair.same for pair in pairs] == [True, True, False, False] * 2


def test_a_csv_names_paths_and_perhaps_folds(tmp_path: Path, painted: Painted) -> None:
    root = lfw(tmp_path / "lfw", painted, people=2)
    file = tmp_path / "pairs.csv"
    one, two, other = "P0/P0_0001.png", "P0/P0_0002.png", "P1/P1_0001.png"
    file.write_text(f"path1,path2,same,fold\n{one},{two},1,x\n{one},{other},0,y\n")
    assert [(pair.same, pair.fold) for pair in read_pairs(file, root)] == [(True, 0), (False, 1)]
    file.write_text("path1,path2,same\n" + f"{one},{two},True\n{one},{other},no\n" * 11)
    pairs = read_pairs(file, root)
    assert [pair.fold for pair in pairs if pair.same] == [pair.fold for pair in pairs if not pair.same]
    assert {pair.fold for pair in pairs} == set(range(10))


def test_missing_photos_are_named_and_left_out_and_those_without_a_face_count_as_wrong(
    tmp_path: Path, painted: Painted, engine: Engine
) -> None:
    root = lfw(tmp_path / "lfw", painted)
    (root / "P3" / "P3_0002.png").unlink()
    (root / "P4" / "P4_0003.png").write_bytes(painted(4, faces=0))
    (root / "P5" / "P5_0003.png").write_bytes(b"")
    file = tmp_path / "pairs.txt"
    file.write_text("\n".join([*listed(), "P0\t1\tabsent\t1", "../up\t1\t2"]) + "\n")
    report = judge_pairs(read_pairs(file, root), engine)
    assert (report.pairs, report.missing, report.judged, report.unreadable) == (50, 5, 45, 2)
    assert dict(report.problems) == {
        "../up/../up_0001.jpg": "its path leads out of the folder",
        "../up/../up_0002.jpg": "its path leads out of the folder",
        "P3/P3_0002.jpg": "the file is missing",
        "P4/P4_0003.png": "no face was found in it",
        "P5/P5_0003.png": "it is empty",
        "absent/absent_0001.jpg": "the file is missing",
    }
    right = sum(fold.accuracy * fold.pairs for fold in report.folds)
    assert right == pytest.approx(43)


def test_a_photo_in_black_and_white_is_judged_and_a_damaged_one_is_not(
    tmp_path: Path, opencv: Engine, portrait: Callable[[str], Path]
) -> None:
    grey = cv2.imread(str(portrait("obama 2005")), cv2.IMREAD_GRAYSCALE)
    (tmp_path / "grey.png").write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    content = portrait("obama 2012").read_bytes()
    (tmp_path / "colour.jpg").write_bytes(content)
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    file = tmp_path / "pairs.csv"
    file.write_text("path1,path2,same\ngrey.png,colour.jpg,1\ngrey.png,cut.jpg,1\n")
    report = judge_pairs(read_pairs(file, tmp_path), opencv)
    assert report.unreadable == 1
    assert dict(report.problems) == {"cut.jpg": "it is cut off; copy it again"}


@pytest.mark.parametrize("text", ["", "P0 1\nx", "P0\t1\tx\n", "path1,path2,same\na,b,perhaps\n", "a b c d e\n"])
def test_a_file_that_lists_no_pairs_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text)
    with pytest.raises(DatasetRefused, match=r"is empty|line \d+: give"):
        read_pairs(file, tmp_path)


def test_no_fold_has_a_say_in_its_own_threshold() -> None:
    rng = np.random.default_rng(5)
    same = rng.random(200) < 0.5
    scores = np.where(same, 0.6, 0.3) + rng.normal(0, 0.2, 200)
    folds = np.arange(200) % 10
    before = cross_validated(scores, same, folds)
    turned = same.copy()
    turned[folds == 4] = ~turned[folds == 4]
    shifted = scores + np.where(folds == 4, 5.0, 0.0)
    for changed in (cross_validated(scores, turned, folds), cross_validated(shifted, same, folds)):
        assert changed[4].threshold == before[4].threshold
        assert any(after.threshold != fold.threshold for after, fold in zip(changed, before, strict=True))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), st.booleans()), min_size=1, max_size=30))
def test_the_best_threshold_is_as_good_as_any(pairs: list[tuple[float, bool]]) -> None:
    scores, same = np.array([score for score, _ in pairs]), np.array([truth for _, truth in pairs])

    def right(threshold: float) -> int:
        return int(((scores >= threshold) == same).sum())

    assert right(best_threshold(scores, same)) == max(right(each) for each in np.linspace(0, 0.6, 61))
