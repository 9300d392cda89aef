"""Pictures are taken by themselves: of one person, when good, apart in time, and never for ever."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pytest

import config
from enroll.capture import HINTS, STARTS_OVER, CaptureFailed, Hint, Progress, capture_samples
from enroll.desk import Done, add_person, list_people
from enroll.rules import mean_of
from terminal.camera import CameraEnded, CameraLost, Frame, open_camera
from terminal.faces import Engine, Picture
from terminal.quality import Reason

RATE_HZ = 10


class FakeCamera:
    """A Camera that shows the pictures given, ten a second of its own time. Complains when read after close."""

    def __init__(self, pictures: Iterable[Picture], *, lost_at: int | None = None) -> None:
        self._pictures = iter(pictures)
        self._lost_at = lost_at
        self.shown = 0
        self.closed = False

    def read(self) -> Frame:
        assert not self.closed, "read after close"
        if self.shown == self._lost_at:
            raise CameraLost("the camera was unplugged; plug it in again")
        picture = next(self._pictures, None)
        if picture is None:
            raise CameraEnded("the clip is over")
        self.shown += 1
        at = self.shown / RATE_HZ
        return Frame(
            picture=picture,
            taken_at=datetime(2025, 1, 2, tzinfo=UTC) + timedelta(seconds=at),
            monotonic_ns=round(at * 1e9),
        )

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@pytest.fixture
def take(settings: config.Config, engine: Engine) -> Callable[..., tuple[list, list[Progress], FakeCamera]]:
    """A function that shows pictures to the desk and returns what it took, said, and the camera."""

    def take(pictures: Iterable[Picture], *, wanted: int = 3):
        camera, heard = FakeCamera(pictures), []
        vectors = capture_samples(camera, engine, settings, wanted=wanted, report=heard.append)
        return vectors, heard, camera

    return take


def hints(heard: list[Progress]) -> list[Hint | Reason]:
    return [progress.hint for progress in heard]


def test_good_pictures_are_taken_by_themselves_and_apart_in_time(take, paint) -> None:
    vectors, heard, camera = take(paint(1, look=frame) for frame in range(100))
    assert len(vectors) == 3
    assert 15 <= camera.shown <= 17  # twice 0.7 s after the first
    assert [(progress.taken, progress.hint) for progress in heard] == [(1, Hint.TURN), (2, Hint.TURN), (3, Hint.DONE)]
    assert heard[0].words == "good; now turn the head a little"


def test_somebody_who_does_not_move_is_taken_after_a_while(take, paint) -> None:
    _, _, camera = take(paint(1) for _ in range(200))
    assert camera.shown == pytest.approx(1 + 2 * 30, abs=2)  # twice PATIENCE_S


def test_what_is_in_the_way_is_said_and_nothing_is_taken_meanwhile(take, paint) -> None:
    dark = paint(1)
    dark[4:] //= 8
    pictures = [*[paint(1, faces=0)] * 5, *[paint(1, faces=2)] * 5, *[dark] * 5]
    _, heard, _ = take([*pictures, *(paint(1, look=look) for look in range(30))])
    assert hints(heard)[:4] == [Hint.COME, Hint.ALONE, Reason.TOO_DARK, Hint.TURN]
    assert [progress.taken for progress in heard[:4]] == [0, 0, 0, 1]


def test_somebody_else_passing_by_is_left_out(take, paint, vector_of) -> None:
    pictures = [paint(1), *[paint(2, look=look) for look in range(12)], *(paint(1, look=look) for look in range(1, 40))]
    vectors, heard, _ = take(pictures)
    assert Hint.OTHER in hints(heard)
    assert all(float(vector @ vector_of(1)) > 0.5 for vector in vectors)


def test_when_the_first_one_has_left_the_one_who_stays_is_taken(take, paint, vector_of) -> None:
    vectors, heard, _ = take([paint(1), *(paint(2, look=look) for look in range(60))])
    assert len(vectors) == 3
    assert all(float(vector @ vector_of(2)) > 0.5 for vector in vectors)
    assert [progress.taken for progress in heard][:3] == [1, 1, 1]
    assert hints(heard).count(Hint.OTHER) == 1 < STARTS_OVER


def test_nobody_waits_for_ever(take, paint, settings: config.Config) -> None:
    endless = (paint(1, faces=0) for _ in iter(int, 1))
    with pytest.raises(CaptureFailed, match=r"only 0 of 3 good pictures came in 60 s \(last: stand in front of"):
        take(endless)


def test_a_clip_that_ends_too_soon_says_what_was_missing(take, paint) -> None:
    with pytest.raises(CaptureFailed, match="only 1 of 3 good pictures came before the clip ended"):
        take([paint(1)])
    with pytest.raises(CaptureFailed, match="only 0 of 3"):
        take([])


def test_every_hint_has_words() -> None:
    assert set(HINTS) == {*Hint, *Reason}


def test_a_person_is_enrolled_before_the_camera(settings: config.Config, engine: Engine, paint) -> None:
    heard: list[Progress] = []
    camera = FakeCamera(paint(1, look=look) for look in range(60))
    report = add_person(settings, "1001", "Siti", camera=camera, samples=2, engine=engine, report=heard.append)
    assert (report.done, report.samples, report.warnings) == (Done.ADDED, 2, ("2 samples; 3 are better",))
    assert [photo.photo for photo in report.photos] == ["picture 1", "picture 2"]
    assert heard[-1].hint is Hint.DONE
    assert not camera.closed  # it belongs to whoever opened it


def test_a_camera_that_goes_or_a_person_who_leaves_enrols_nobody(
    settings: config.Config, engine: Engine, paint
) -> None:
    for camera, problem in (
        (FakeCamera((paint(1) for _ in range(60)), lost_at=4), CameraLost),
        (FakeCamera([paint(1)]), CaptureFailed),
    ):
        with pytest.raises(problem):
            add_person(settings, "1001", "Siti", camera=camera, engine=engine)
    assert list_people(settings) == []


def test_a_number_that_is_refused_anyway_keeps_nobody_waiting(settings: config.Config, engine: Engine, paint) -> None:
    camera = FakeCamera(paint(1) for _ in range(60))
    assert add_person(settings, "1001", camera=camera, engine=engine).done is Done.REFUSED
    assert camera.shown == 0


def test_a_real_face_before_a_file_camera_is_enrolled(
    tmp_path, settings: config.Config, opencv: Engine, portrait
) -> None:
    """A clip made of one portrait, moved and turned a little from frame to frame as a person would."""
    photo = cv2.imread(str(portrait("obama 2012")))
    height, width = photo.shape[:2]
    for number in range(40):
        sway = cv2.getRotationMatrix2D((width / 2, height / 2), 8 * np.sin(number / 3), 1 + 0.1 * np.sin(number / 5))
        cv2.imwrite(str(tmp_path / f"{number:03}.jpg"), cv2.warpAffine(photo, sway, (width, height), borderMode=1))
    source = config.replace(settings, camera={"source": f"folder:{tmp_path}", "frame_rate_hz": 10}).camera
    with open_camera(source, real_time=False, loop=True) as camera:
        report = add_person(settings, "1001", "Barack Obama", camera=camera, engine=opencv)
    assert (report.done, report.samples) == (Done.ADDED, 3)
    again = add_person(settings, "1002", "Nobody", photos=[portrait("obama 2005")], engine=opencv)
    assert again.done is Done.REFUSED


@pytest.mark.slow
@pytest.mark.bench_data
def test_people_in_the_research_clips_are_taken_in_seconds(
    settings: config.Config, opencv: Engine, bench_data: Path
) -> None:
    """Those who stand alone before the camera; the time is the clip's own."""
    templates: dict[str, list[np.ndarray]] = {}
    for person in "ABCD":
        for clip in sorted((bench_data / "video" / "standing").glob(f"asl_{person}_*")):
            source = config.replace(settings, camera={"source": f"file:{clip}"}).camera
            with open_camera(source, real_time=False) as camera:
                vectors = capture_samples(camera, opencv, settings, wanted=3)
                assert camera.read().monotonic_ns < 4e9
            templates.setdefault(person, []).append(mean_of(vectors))
    assert {person: len(found) for person, found in templates.items()} == dict.fromkeys("ABCD", 2)
    for person, (first, second) in templates.items():
        assert float(first @ second) >= settings.enroll.duplicate_score, person
        for other in templates.keys() - {person}:
            assert float(first @ templates[other][0]) < settings.match.threshold, (person, other)
