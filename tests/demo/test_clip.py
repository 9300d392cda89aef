"""The walk-up clip: who is in it when, that it is made once, and that its people are known by their faces."""

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from demo import clip, scene, walk
from enroll.samples import study_photos
from sync.releases import EncodingSet, Person
from terminal.camera import open_camera
from terminal.faces import Engine, open_engine
from terminal.faces.models import contents
from terminal.gallery import Gallery
from terminal.liveness.networks import LANDMARKS, Landmarks
from terminal.looking import Looker
from terminal.replay import visits

DEMO = Path(clip.__file__).parent
Said = tuple[list[str], Callable[[str], None]]


@pytest.fixture(scope="session")
def landmarks(home: config.Config) -> Landmarks:
    return Landmarks(contents(home.engine.models, (LANDMARKS,))[0])


def no_engine() -> Engine:
    raise AssertionError("the clip was made again")


def test_the_truth_names_everybody_in_the_order_they_come() -> None:
    assert [(each.employee, each.name) for each in clip.truth()] == [
        ("1001", "Barack Obama"),
        ("1002", "Emmanuel Macron"),
        (None, "Rishi Sunak"),
        ("1003", "Jacinda Ardern"),
        ("1004", "Joe Biden"),
        (None, "Eileen Collins"),
        (None, "Rishi Sunak"),
    ]
    assert [each.shows for each in clip.truth()] == [None] * 6 + ["1001"]


def test_a_run_of_40_seconds_sees_everybody_once_and_nobody_twice() -> None:
    assert max(each.ends_s for each in clip.truth() if each.shows is None) <= 40
    assert max(each.ends_s for each in clip.truth()) <= walk.LENGTH_S
    assert min(each.starts_s for each in clip.truth()) + walk.LENGTH_S > 40


def test_two_people_come_at_once_and_strangers_come_alone() -> None:
    together = {
        frozenset((one.name, other.name))
        for one, other in itertools.combinations(clip.truth(), 2)
        if one.starts_s < other.ends_s and other.starts_s < one.ends_s
    }
    assert together == {frozenset(("Jacinda Ardern", "Joe Biden"))}


def test_whoever_is_enrolled_walks_up_with_another_photo_but_one() -> None:
    same = [each.name for each in clip.CAST.values() if each.photo.startswith("people/")]
    assert same == ["Joe Biden"]
    assert all(each.photo.startswith("strangers/") for each in clip.CAST.values() if each.employee is None)


@pytest.mark.parametrize("each", walk.WALKS, ids=lambda each: f"{each.who}-{each.shows}")
def test_a_face_grows_from_afar_to_reading_distance_and_stays_long_enough(each: walk.Walk) -> None:
    poses = [walk.pose(each, number / 15) for number in range(int(walk.LENGTH_S * 15))]
    sizes = [pose.face_px for pose in poses if pose is not None]
    assert min(sizes) < 66
    assert 190 <= max(sizes) <= 230
    near = [pose for pose in poses if pose is not None and pose.face_px > 180 and 340 < pose.x_px < 940]
    assert len(near) / 15 >= 1.5
    assert walk.pose(each, each.starts_s - 0.01) is None
    assert walk.pose(each, each.ends_s + 0.01) is None


def test_photos_are_small_and_each_has_a_row_of_credit() -> None:
    photos = [path for folder in ("people", "walkups", "strangers") for path in (DEMO / folder).rglob("*.jpg")]
    credits = (DEMO / "CREDITS.md").read_text(encoding="utf-8")
    assert len(photos) == 9
    for path in photos:
        height, width = cv2.imread(str(path)).shape[:2]
        assert max(height, width) <= 640
        assert path.stat().st_size < 90_000
        assert re.search(rf"^\| `{re.escape(str(path.relative_to(DEMO)))}` \|", credits, re.MULTILINE), path


def test_a_portrait_without_a_face_is_named(tmp_path: Path, home: config.Config, landmarks: Landmarks) -> None:
    blank = tmp_path / "wall.jpg"
    cv2.imwrite(str(blank), np.full((200, 200, 3), 120, np.uint8))
    with pytest.raises(scene.PortraitUnfit, match=r"no face was found in .*wall\.jpg"):
        scene.actor(blank, open_engine(home.engine), landmarks, mirrored=False)


def test_a_portrait_that_is_no_picture_is_named(tmp_path: Path, home: config.Config, landmarks: Landmarks) -> None:
    broken = tmp_path / "torn.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    for path in (broken, tmp_path / "absent.jpg", tmp_path / "empty.jpg"):
        (tmp_path / "empty.jpg").touch()
        with pytest.raises(scene.PortraitUnfit, match=path.name):
            scene.actor(path, open_engine(home.engine), landmarks, mirrored=False)


@pytest.mark.slow
def test_the_same_portraits_give_the_same_pictures(home: config.Config, landmarks: Landmarks) -> None:
    engine = open_engine(home.engine)
    moments = (0.5, 3.9, 25.0, 42.0)

    def pictures() -> Iterator[np.ndarray]:
        cast = {
            who: scene.actor(DEMO / each.photo, engine, landmarks, mirrored=each.mirrored)
            for who, each in clip.CAST.items()
        }
        prints = {who: scene.printed(DEMO / each, engine) for who, each in clip.PRINTED.items()}
        return scene.render(cast, prints, iter(moments))

    for one, other in zip(pictures(), pictures(), strict=True):
        assert one.shape == (720, 1280, 3)
        assert np.array_equal(one, other)


@pytest.mark.slow
def test_a_clip_is_made_once_and_again_when_it_is_not_whole(made_clip: clip.Clip, said: Said) -> None:
    words, say = said
    folder = made_clip.path.parent
    assert clip.ensure(folder, no_engine, say) == made_clip
    assert words == []
    notes = folder / "clip.json"
    kept = notes.read_text(encoding="utf-8")
    try:
        notes.write_text("{")
        with pytest.raises(AssertionError, match="made again"):
            clip.ensure(folder, no_engine, say)
        assert len(words) == 1
    finally:
        notes.write_text(kept, encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, said: Said) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(clip.ClipFailed, match="cannot be written"):
        clip.ensure(tmp_path / "file", no_engine, said[1])


@pytest.mark.slow
def test_everybody_enrolled_is_recognised_and_no_stranger_is_named(home: config.Config, made_clip: clip.Clip) -> None:
    engine = open_engine(home.engine)
    people = []
    for folder in sorted((DEMO / "people").iterdir()):
        study = study_photos(sorted(folder.iterdir()), engine, home)
        assert study.template is not None
        number, _, name = folder.name.partition("-")
        people.append(Person(employee=number, name=name, templates=(study.template.astype("<f4").tobytes(),)))
    content = EncodingSet(
        office="demo",
        version=1,
        engine_id=engine.engine_id,
        dimension=engine.dimension,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        people=tuple(people),
    )
    source = config.replace(home, camera={"source": f"file:{made_clip.path}"}).camera
    with open_camera(source, real_time=False) as camera:
        seen = list(visits(camera, Looker(engine, home), Gallery.from_set(content)))
    named = [(each["employee"], each["decided_s"]) for each in seen if each["employee"] is not None]
    for walk_up in made_clip.walk_ups:
        during = {who for who, at_s in named if walk_up.starts_s <= at_s <= walk_up.ends_s}
        if walk_up.shows is not None:
            assert during == {walk_up.shows}, "this Looker has no eye for liveness: the photo is what it takes it for"
        elif walk_up.employee is None:
            assert during == set(), f"{walk_up.name} was taken for somebody"
        else:
            assert walk_up.employee in during, f"{walk_up.name} was not recognised"
    assert sorted(who for who, _ in named) == ["1001", "1001", "1002", "1003", "1004"]
