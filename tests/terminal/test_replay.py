"""A clip seen again: one line a visit, with the clip's time as the clock."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import config
from sync import keys, releases
from terminal.camera import CameraEnded, Frame, SourceRefused, open_camera
from terminal.faces import Picture
from terminal.gallery import Gallery
from terminal.replay import ReplayRefused, gallery_of, replay, visits
from terminal.vision import Looker
from tests.terminal.portraits import (
    EVERYBODY,
    MODELS,
    PEOPLE,
    STRANGERS,
    before_camera,
    clip,
    content,
    encoding,
    engine,
)
from tests.terminal.stage import Actor, Script, StageEngine, frame
from tests.terminal.stage import gallery_of as staff
from tests.terminal.stage import settings as plain

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
    import cv2

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


# --- the research clips ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.bench_data
def test_people_enrolled_from_one_clip_are_known_in_the_other_and_walk_ups_of_strangers_are_not(
    bench_data: Path,
) -> None:
    """Five people 2 m away in 640x480, enrolled from five frames each among the demo's people: 5 of 5, no stranger."""
    clips = bench_data / "video"
    people = {}
    for who in "ABCDE":
        (first,) = (clips / "standing").glob(f"asl_{who}_1_*")
        vectors = []
        with open_camera(config.Camera(source=f"file:{first}"), real_time=False) as camera:
            for _ in range(5):
                picture = camera.read().picture
                vectors.append(engine().encode(picture, engine().detect(picture)[0]).vector)
        total = np.sum(vectors, axis=0)
        people[who] = np.asarray(total / np.linalg.norm(total), "<f4")
    enrolled = content()
    known = tuple(replace_person(enrolled.people[0], employee=who, vector=vector) for who, vector in people.items())
    strangers = tuple(
        replace_person(enrolled.people[0], employee=f"9{n}", vector=encoding(path)) for n, path in enumerate(EVERYBODY)
    )
    gallery = Gallery.from_set(
        releases.EncodingSet(
            office="demo",
            version=1,
            engine_id=engine().engine_id,
            dimension=engine().dimension,
            created_at=enrolled.created_at,
            people=known + strangers,
        )
    )

    def named(path: Path) -> set[str]:
        with open_camera(config.Camera(source=f"file:{path}"), real_time=False) as camera:
            lines = list(visits(camera, Looker(engine(), plain()), gallery))
        return {line["employee"] for line in lines if line["employee"] is not None}

    for who in "ABCDE":
        (second,) = (clips / "standing").glob(f"asl_{who}_2_*")
        assert named(second) == {who}
    for path in sorted((clips / "walkup").iterdir()):
        assert named(path) == set(), path.name


def replace_person(person: releases.Person, *, employee: str, vector: np.ndarray) -> releases.Person:
    return releases.Person(employee=employee, name=person.name, templates=(np.asarray(vector, "<f4").tobytes(),))
