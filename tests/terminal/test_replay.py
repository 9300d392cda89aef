"""A clip seen again: one line a visit, with the clip's time as the clock."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import config
from sync import keys, releases
from terminal.camera import CameraEnded, Frame, SourceRefused
from terminal.faces import Picture
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.replay import ReplayRefused, gallery_of, replay, visits
from tests.enroll.test_photos import turned
from tests.terminal.portraits import MODELS, PEOPLE, PROJECT, STRANGERS, before_camera, clip, content, engine
from tests.terminal.stage import Actor, Script, StageEngine, frame
from tests.terminal.stage import gallery_of as staff
from tests.terminal.stage import settings as plain
from tests.terminal.test_pictures import png

EMPTY: Picture = np.full((720, 1280, 3), 128, np.uint8)


class StageCamera:
    """The frames of a script."""

    def __init__(self, count: int) -> None:
        self._left = iter(range(count))

    def read(self) -> Frame:
        number = next(self._left, None)
        if number is None:
            raise CameraEnded("over")
        return frame(number)

    def close(self) -> None: ...

    def __enter__(self) -> "StageCamera":
        return self

    def __exit__(self, *error: object) -> None: ...


def seen(script: Script, gallery: Gallery) -> list[dict[str, Any]]:
    return list(visits(StageCamera(len(script)), Looker(StageEngine(script), plain()), gallery))


def test_each_visit_is_one_line_with_the_clips_times() -> None:
    one, stranger = Actor(who=1), Actor(who=60)
    lines = seen([*[[]] * 15, *[[one]] * 30, *[[]] * 30, *[[stranger]] * 45, *[[]] * 5], staff(1, 2))
    assert [(line["track"], line["outcome"], line["employee"]) for line in lines] == [
        (1, "match", "1"),
        (2, "no_match", None),
    ]
    first, second = lines
    assert first["first_seen_s"] == pytest.approx(1.0, abs=0.01)
    assert 1.0 < first["decided_s"] < 1.5
    assert first["last_seen_s"] == pytest.approx(3.0, abs=0.5)
    assert first["score"] > 0.5
    assert first["misses"] == 0
    assert second["first_seen_s"] == pytest.approx(5.0, abs=0.01)
    assert second["misses"] == 1


def test_somebody_who_never_looks_up_is_undecided_and_the_hint_says_why() -> None:
    (line,) = seen([[Actor(who=1, turned=0.7)]] * 30, staff(1))
    assert (line["outcome"], line["employee"], line["score"], line["decided_s"]) == ("undecided", None, None, None)
    assert line["hints"] == ["turn_to_screen"]


def test_two_people_together_are_two_lines() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 45
    assert {(line["track"], line["employee"]) for line in seen(script, staff(1, 2))} == {(1, "1"), (2, "2")}


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    keys.new_key(tmp_path / "keys")
    return config.replace(
        config.Config(),
        engine={"models": str(MODELS)},
        terminal={"release_key": str(tmp_path / "keys" / "release.pub")},
    )


@pytest.fixture
def signed(tmp_path: Path, settings: config.Config) -> Path:
    path = tmp_path / "demo.hset"
    path.write_bytes(releases.sign_set(content(), keys.load_private(tmp_path / "keys" / "release.key")))
    return path


@pytest.mark.slow
def test_real_people_in_a_clip_are_named_and_strangers_never(
    tmp_path: Path, settings: config.Config, signed: Path
) -> None:
    pictures: list[Picture] = []
    for path in (PEOPLE["obama"][1], STRANGERS[0], PEOPLE["ardern"][1]):
        pictures += [before_camera(path, face_px=130 + n, shift_px=3 * n) for n in range(40)]
        pictures += [EMPTY] * 18
    lines = list(replay(settings, clip(tmp_path / "walk.mp4", pictures), signed))
    assert [line["employee"] for line in lines] == ["obama", None, "ardern"]
    assert [line["outcome"] for line in lines] == ["match", "no_match", "match"]
    assert all(line["score"] < 0.35 for line in lines if line["employee"] is None)


@pytest.mark.slow
def test_a_folder_of_pictures_is_a_clip_too(tmp_path: Path, settings: config.Config, signed: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(6):
        seen_by_camera = before_camera(PEOPLE["macron"][1], face_px=140, shift_px=n)
        cv2.imwrite(str(folder / f"{n}.jpg"), cv2.cvtColor(seen_by_camera, cv2.COLOR_RGB2BGR))
    (line,) = replay(settings, folder, signed)
    assert line["employee"] == "macron"


@pytest.mark.slow
def test_what_cannot_be_used_is_said_in_words(tmp_path: Path, settings: config.Config, signed: Path) -> None:
    with pytest.raises(SourceRefused, match="there is no clip"):
        list(replay(settings, tmp_path / "absent.mp4", signed))
    with pytest.raises(ReplayRefused, match="cannot be read"):
        list(replay(settings, tmp_path / "absent.mp4", tmp_path / "absent.hset"))
    (tmp_path / "forged.hset").write_bytes(signed.read_bytes()[:-1] + b"x")
    with pytest.raises(releases.ReleaseRefused):
        gallery_of(settings, tmp_path / "forged.hset", engine().engine_id)
    with pytest.raises(releases.ReleaseRefused):
        gallery_of(settings, signed, "another-engine")
    elsewhere = config.replace(settings, office={"id": "elsewhere"})
    with pytest.raises(releases.ReleaseRefused):
        gallery_of(elsewhere, signed, engine().engine_id)
    assert gallery_of(settings, signed, engine().engine_id).employees == tuple(PEOPLE)


# --- what is no clip and no picture ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"this is no video\n" * 50, "not a video that can be decoded"),
        ("noise.mkv", bytes(np.random.default_rng(5).integers(0, 256, 5000, np.uint8)), "not a video"),
        ("picture.avi", b"\x89PNG\r\n\x1a\n" + bytes(30), "not a video|no frame that can be decoded"),
    ],
)
def test_what_is_no_clip_is_refused_by_its_name(
    tmp_path: Path, settings: config.Config, signed: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceRefused, match=why) as refused:
        list(replay(settings, tmp_path / name, signed))
    assert name in str(refused.value)


def odd_pictures(folder: Path, good: Picture, program: Callable[[str], str]) -> list[str]:
    """Write pictures of every odd kind, those that can be taken showing `good`; return the names of the others."""
    bgr = cv2.cvtColor(good, cv2.COLOR_RGB2BGR)
    for number in range(4):
        cv2.imwrite(str(folder / f"a{number}.jpg"), bgr)
    cv2.imwrite(str(folder / "b-16-bit.png"), bgr.astype(np.uint16) * 257)
    done, data = cv2.imencode(".jpg", cv2.rotate(bgr, cv2.ROTATE_90_COUNTERCLOCKWISE))
    assert done
    (folder / "b-on-its-side.jpg").write_bytes(turned(data.tobytes(), 6))
    convert, still = Path(program("import")).with_name("convert"), folder / "a0.jpg"
    subprocess.run([convert, still, "-colorspace", "CMYK", folder / "b-cmyk.jpg"], check=True)
    subprocess.run([convert, "-resize", "25%", still, still, folder / "c-moving.gif"], check=True)
    (folder / "c-empty.jpg").write_bytes(b"")
    (folder / "c-text.jpg").write_text("I am a picture, honestly")
    (folder / "c-huge.png").write_bytes(png(20_000, 20_000))
    (folder / "c-moving.jpg").write_bytes((folder / "c-moving.gif").read_bytes())
    (folder / "c-cut-off.png").write_bytes((folder / "b-16-bit.png").read_bytes()[:40])
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("c-"))


@pytest.mark.slow
def test_odd_pictures_are_named_and_the_others_make_a_visit(
    tmp_path: Path, settings: config.Config, signed: Path, program: Callable[[str], str]
) -> None:
    """The whole command: what is wrong on stderr, one line each; the visits on stdout; no traceback."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    unfit = odd_pictures(folder, before_camera(PEOPLE["macron"][1], face_px=150), program)
    written = tmp_path / "config.yaml"
    written.write_text(config.dump(settings))
    said = subprocess.run(
        [sys.executable, "hadir.py", "--config", written, "terminal", "replay", folder, "--gallery", signed],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    (line,) = map(json.loads, said.stdout.splitlines())
    assert line["employee"] == "macron"
    assert line["last_seen_s"] == round((7 - 1) / 15, 3), "seven of them are good, 15 a second"
    warned = said.stderr.splitlines()
    assert [name for name in unfit if any(name in each for each in warned)] == unfit
    assert len(warned) == len(unfit)
    assert "Traceback" not in said.stderr


@pytest.mark.slow
def test_a_folder_of_nothing_but_odd_files_is_refused(tmp_path: Path, settings: config.Config, signed: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"")
    (folder / "b.png").write_text("text")
    with pytest.raises(SourceRefused, match="none of the 2 pictures"):
        list(replay(settings, folder, signed))
