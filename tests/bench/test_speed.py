"""The speed bench: a table, one JSON line with the promised keys, and words for what cannot be measured."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from bench import speed
from terminal.camera import SourceRefused
from terminal.faces.models import ensure

PROJECT = Path(__file__).resolve().parents[2]
MODELS = PROJECT / "var" / "models"
PROMISED = {"frame_ms", "detect_ms", "encode_ms", "match_ms", "startup_s", "peak_rss_mb"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings() -> config.Config:
    ensure(MODELS)
    return config.replace(config.Config(), engine={"models": str(MODELS)})


def test_without_a_clip_the_demos_portraits_are_measured(
    settings: config.Config,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(speed, "DEMO_CLIP", tmp_path / "absent.mp4")
    monkeypatch.setattr(speed, "BENCH_CLIPS", tmp_path / "absent")
    speed.run(settings, as_json=True)
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert figures.keys() >= PROMISED
    assert all(figures[key] > 0 for key in PROMISED)
    assert figures["encoded"] >= 4 * config.Match().agreeing_frames
    assert figures["frame_ms"] <= figures["frame_p95_ms"]
    assert figures["rows"] == 1000
    assert any("the demo's portraits" in line for line in table)
    assert "start-up" in table[-1]


def test_a_clip_of_an_empty_room_has_no_encoding_to_time(settings: config.Config, tmp_path: Path) -> None:
    path = tmp_path / "room.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (640, 360))
    for _ in range(10):
        writer.write(np.full((360, 640, 3), 90, np.uint8))
    writer.release()
    figures = speed.measure(settings, path)
    assert figures["encode_ms"] is None
    assert figures["frames"] >= 9


def test_what_cannot_be_measured_is_said_in_words(settings: config.Config, tmp_path: Path) -> None:
    with pytest.raises(speed.BenchRefused, match="there is no clip"):
        speed.run(settings, clip=tmp_path / "absent.mp4")
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(SourceRefused, match="not a video"):
        speed.run(settings, clip=tmp_path / "x.mp4")


def test_the_crowd_is_the_same_every_time(settings: config.Config) -> None:
    from terminal.faces import open_engine

    engine = open_engine(settings.engine)
    one, two = speed.crowd(engine, 50), speed.crowd(engine, 50)
    assert one.matrix.shape == (50, engine.dimension)
    np.testing.assert_array_equal(one.matrix, two.matrix)
