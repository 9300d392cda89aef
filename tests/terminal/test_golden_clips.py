"""Clips that must come out as they always have: the demo's own, and those of the research set where it is there."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import config
from sync import keys, releases
from sync.releases import EncodingSet, Person
from terminal.camera import open_camera
from terminal.faces import Vector
from terminal.replay import replay
from tests.terminal.portraits import DEMO, EVERYBODY, MODELS, encoding, engine
from tests.terminal.stage import SEVEN

if TYPE_CHECKING:
    from demo.clip import Clip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> config.Config:
    folder = tmp_path_factory.mktemp("keys")
    keys.new_key(folder)
    return config.replace(
        config.Config(), engine={"models": str(MODELS)}, terminal={"release_key": str(folder / "release.pub")}
    )


def signed_set(kiosk: config.Config, people: Iterable[tuple[str, Vector]]) -> Path:
    """Return the path of an encoding set of these people, signed for the kiosk."""
    content = EncodingSet(
        office=kiosk.office.id,
        version=1,
        engine_id=engine().engine_id,
        dimension=engine().dimension,
        created_at=SEVEN,
        people=tuple(
            Person(employee=who, name=who, templates=(np.asarray(vector, "<f4").tobytes(),)) for who, vector in people
        ),
    )
    path = kiosk.terminal.release_key.with_name("golden.hset")
    private = keys.load_private(kiosk.terminal.release_key.with_name("release.key"))
    path.write_bytes(releases.sign_set(content, private))
    return path


def named(lines: Iterable[dict[str, Any]]) -> list[str]:
    return [line["employee"] for line in lines if line["employee"] is not None]


@pytest.mark.timeout(600)  # the clip is made for the first test that asks for it
def test_the_demos_people_are_named_once_each_while_they_are_there_and_its_strangers_never(
    kiosk: config.Config, walk_up_clip: "Clip"
) -> None:
    enrolled = sorted(DEMO.glob("people/*/enrol_1.jpg"))
    gallery = signed_set(kiosk, ((path.parent.name.partition("-")[0], encoding(path)) for path in enrolled))
    lines = list(replay(kiosk, walk_up_clip.path, gallery))
    lines, photo = lines[:-1], lines[-1]
    assert photo["employee"] == walk_up_clip.walk_ups[-1].shows, "without an eye for liveness a photo is somebody"
    expected = [each for each in walk_up_clip.walk_ups if each.employee is not None]
    assert named(lines) == [each.employee for each in expected]
    for line, walk_up in zip((line for line in lines if line["employee"]), expected, strict=True):
        assert walk_up.starts_s <= line["first_seen_s"] < line["decided_s"] <= walk_up.ends_s
        assert line["hints"] == [], "nobody who walks up is told anything"
    assert len(lines) == len(walk_up_clip.walk_ups) - 1, "nobody is two visits"


@pytest.fixture(scope="module")
def research_set(kiosk: config.Config, bench_data: Path) -> Path:
    """Five people enrolled from five frames each of one clip, among the demo's people."""
    people: list[tuple[str, Vector]] = []
    for who in "ABCDE":
        (first,) = (bench_data / "video" / "standing").glob(f"asl_{who}_1_*")
        with open_camera(config.Camera(source=f"file:{first}"), real_time=False) as camera:
            pictures = [camera.read().picture for _ in range(5)]
        vectors = [engine().encode(picture, engine().detect(picture)[0]).vector for picture in pictures]
        total = np.sum(vectors, axis=0)
        people.append((who, np.asarray(total / np.linalg.norm(total), np.float32)))
    people += [(f"9{number}", encoding(path)) for number, path in enumerate(EVERYBODY)]
    return signed_set(kiosk, people)


@pytest.mark.bench_data
@pytest.mark.parametrize("who", "ABCDE")
def test_whoever_is_enrolled_from_one_clip_is_known_in_the_other(
    kiosk: config.Config, bench_data: Path, research_set: Path, who: str
) -> None:
    """640 x 480, 2 m away, signing: what they say with their hands is nobody's mask."""
    (second,) = (bench_data / "video" / "standing").glob(f"asl_{who}_2_*")
    lines = list(replay(kiosk, second, research_set))
    assert set(named(lines)) == {who}
    assert "mask" not in [hint for line in lines for hint in line["hints"]]


@pytest.mark.bench_data
def test_strangers_who_walk_up_are_named_as_nobody(kiosk: config.Config, bench_data: Path, research_set: Path) -> None:
    for path in sorted((bench_data / "video" / "walkup").iterdir()):
        assert named(replay(kiosk, path, research_set)) == [], path.name


@pytest.mark.bench_data
def test_the_frames_of_the_highest_value_score_no_worse_than_the_others(kiosk: config.Config, bench_data: Path) -> None:
    """In clips of people who turn and blink: the best fifth by value against all, scored with the mean of all."""
    from terminal.quality import assess

    gains = []
    for path in sorted((bench_data / "video" / "turn_blink").iterdir()):
        values, vectors = [], []
        with open_camera(config.Camera(source=f"file:{path}"), real_time=False) as camera:
            for number in range(150):
                picture = camera.read().picture
                if number % 5:
                    continue
                face = engine().detect(picture)[0]
                values.append(assess(picture, face, kiosk.quality).value)
                vectors.append(engine().encode(picture, face).vector)
        middle = np.mean(vectors, axis=0)
        scores = np.stack(vectors) @ (middle / np.linalg.norm(middle))
        best = np.argsort(-np.array(values))[: len(values) // 5]
        gains.append(float(scores[best].mean() - scores.mean()))
    print(gains)
    assert np.mean(gains) > 0
