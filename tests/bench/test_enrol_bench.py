"""The enrolment bench: real photographs of ours, real imports, and the promised figures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from bench import enrol
from terminal.faces.models import ensure

PROJECT = Path(__file__).resolve().parents[2]
PROMISED = {
    "photos",
    "people",
    "workers",
    "seconds",
    "photos_per_s",
    "one_worker_photos_per_s",
    "faster",
    "cpu_ms_a_photo",
    "again_photos_per_s",
}


def test_the_photographs_are_the_same_every_time_and_no_two_alike(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        enrol.make_photos(tmp_path / name, 7, np.random.default_rng(1), first=500)
        made.append({path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.jpg")})
    assert made[0] == made[1]
    assert len(set(made[0].values())) == 7
    assert {path.parent.name for path in made[0]} == {"500-Pegawai", "501-Pegawai", "502-Pegawai"}
    sides = {max(cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR).shape) for each in made[0].values()}
    assert sides == set(enrol.SIDES_PX)


@pytest.mark.slow
def test_a_small_import_is_measured_with_the_promised_figures(capsys: pytest.CaptureFixture[str]) -> None:
    ensure(PROJECT / "var" / "models")
    settings = config.replace(config.Config(), engine={"models": str(PROJECT / "var" / "models")})
    enrol.run(settings, photos=12, workers=2, as_json=True)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.keys() >= PROMISED
    assert all(found[key] > 0 for key in PROMISED)
    assert (found["photos"], found["people"], found["used"] + found["refused"]) == (12, 4, 12)
    assert found["again_photos_per_s"] > found["photos_per_s"], "photos that are there are not studied again"
