"""The vision thread: cameras that come, go and fail, frames that cannot be looked at, and eyes that are an errand's."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pytest

from terminal.camera import Camera, CameraEnded, CameraLost, Frame, SourceRefused
from terminal.errand import Eyes, Glance
from terminal.faces import Engine, Face, Picture
from terminal.guard import Guard
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest, Vision
from tests.terminal.stage import SEVEN, Actor, StageEngine, frame, gallery_of, looks, settings

STAFF = gallery_of(1, 2, 3)
ONE, TWO, STRANGER = (Actor(who=who) for who in (1, 2, 60))


# --- the newest ------------------------------------------------------------------------------------------------------


def test_only_the_newest_value_is_taken_and_only_once() -> None:
    newest: Newest[int] = Newest()
    assert newest.take() is None
    newest.put(1)
    newest.put(2)
    assert newest.take() == 2
    assert newest.take() is None


def test_taking_waits_for_a_value_no_longer_than_it_may() -> None:
    newest: Newest[int] = Newest()
    giver = threading.Timer(0.05, newest.put, [7])
    giver.start()
    assert newest.take(timeout_s=5) == 7
    giver.join()
    began = time.monotonic()
    assert newest.take(timeout_s=0.05) is None
    assert time.monotonic() - began < 1


# --- the thread ------------------------------------------------------------------------------------------------------


class ScriptedCamera:
    """Gives what it was told, then fails as it was told; complains when read after close."""

    def __init__(self, frames: Iterator[Frame], end: Exception) -> None:
        self._frames, self._end = frames, end
        self.closed = False

    def read(self) -> Frame:
        assert not self.closed, "read after close"
        frame = next(self._frames, None)
        if frame is None:
            raise self._end
        return frame

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass
class Watched:
    """A Vision in its thread, and everything it published."""

    vision: Vision
    published: list[Sighting | CameraState | Glance]
    changed: threading.Condition
    stop: threading.Event
    thread: threading.Thread

    def wait_for(self, what: Callable[[list[Sighting | CameraState | Glance]], bool], timeout_s: float = 10) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: what(self.published), timeout_s), self.published

    def states(self) -> list[tuple[str, str | None]]:
        with self.changed:
            return [(each.state, each.problem) for each in self.published if isinstance(each, CameraState)]


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    running: list[Watched] = []

    def start(
        cameras: list[Camera | Exception],
        engine: StageEngine | None = None,
        errand: Callable[[], Eyes | None] = lambda: None,
    ) -> Watched:
        changed = threading.Condition()
        published: list[Sighting | CameraState | Glance] = []

        def publish(what: Sighting | CameraState | Glance) -> None:
            with changed:
                published.append(what)
                changed.notify_all()

        waiting = iter(cameras)

        def open_camera() -> Camera:
            camera = next(waiting, CameraLost("no more cameras in this test"))
            if isinstance(camera, Exception):
                raise camera
            return camera

        vision = Vision(
            settings(camera={"frame_rate_hz": 120, "source": "folder:scripted"}),  # no frame of a file is lost
            open_camera=open_camera,
            engine=engine or StageEngine([[ONE]] * 400),
            gallery=lambda: STAFF,
            publish=publish,
            errand=errand,
        )
        stop = threading.Event()
        thread = threading.Thread(target=vision.run, args=[stop], name="vision")
        thread.start()
        running.append(Watched(vision, published, changed, stop, thread))
        return running[-1]

    yield start
    for each in running:
        each.stop.set()
        each.thread.join(5)
        assert not each.thread.is_alive()


def frames(count: int, start: int = 0) -> Iterator[Frame]:
    return (frame(number) for number in range(start, start + count))


def test_a_camera_is_starting_then_ok_and_then_its_sightings_come(watch: Callable[..., Watched]) -> None:
    watched = watch([ScriptedCamera(frames(10), CameraEnded("the clip is over"))])
    watched.wait_for(lambda all_: CameraState(state="lost", problem="the clip is over") in all_)
    kinds = ["sighting" if isinstance(each, Sighting) else each.state for each in watched.published]
    assert kinds == ["starting", "ok", *["sighting"] * 10, "lost"]
    assert watched.vision.frames == 10


def test_a_lost_camera_is_closed_told_and_opened_again_with_new_tracks(watch: Callable[..., Watched]) -> None:
    gone = ScriptedCamera(frames(8), CameraLost("camera 0 is gone; check its cable"))
    watched = watch([gone, ScriptedCamera(frames(8, 8), CameraEnded("over"))])
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    assert gone.closed
    assert [state for state, _ in watched.states()] == ["starting", "ok", "lost", "starting", "ok", "lost"]
    assert watched.states()[2][1] == "camera 0 is gone; check its cable"
    tracks = [each.served.track_id for each in watched.published if isinstance(each, Sighting) and each.served]
    assert tracks[0] != tracks[-1]


def test_a_vision_started_anew_gives_no_id_again(watch: Callable[..., Watched]) -> None:
    tracks = []
    for _ in range(2):
        watched = watch([ScriptedCamera(frames(5), CameraEnded("over"))])
        watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
        tracks.append({e.served.track_id for e in watched.published if isinstance(e, Sighting) and e.served})
    assert tracks[0]
    assert not tracks[0] & tracks[1]


def test_a_camera_that_cannot_be_opened_is_tried_again(watch: Callable[..., Watched]) -> None:
    watched = watch(
        [
            SourceRefused("there is no clip x.mp4; give the path of a video file"),
            ScriptedCamera(frames(3), CameraEnded("over")),
        ]
    )
    watched.wait_for(lambda all_: any(isinstance(each, Sighting) for each in all_))
    assert watched.states()[1] == ("lost", "there is no clip x.mp4; give the path of a video file")


def test_vision_ends_soon_though_its_camera_stays_lost(watch: Callable[..., Watched]) -> None:
    watched = watch([])
    watched.wait_for(lambda all_: len(all_) >= 3)
    began = time.monotonic()
    watched.stop.set()
    watched.thread.join(2)
    assert not watched.thread.is_alive()
    assert time.monotonic() - began < 2


class StumblingEngine(StageEngine):
    """Fails on the frames it is told to fail on."""

    def __init__(self, bad: set[int]) -> None:
        super().__init__([[ONE]] * 400)
        self._bad = bad

    def detect(self, picture: Picture) -> list[Face]:
        if int(picture[0, 0, 0]) * 256 + int(picture[0, 0, 1]) in self._bad:
            raise ZeroDivisionError("the network stumbled")
        return super().detect(picture)


def test_a_frame_that_cannot_be_looked_at_is_counted_and_the_next_one_is(
    watch: Callable[..., Watched], caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch([ScriptedCamera(frames(12), CameraEnded("over"))], StumblingEngine({4, 5}))
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    assert (watched.vision.frames, watched.vision.failures) == (10, 2)
    assert sum("could not be looked at" in record.message for record in caplog.records) == 1


def test_a_kiosk_that_cannot_look_at_anything_says_that_it_does_not_see(watch: Callable[..., Watched]) -> None:
    watched = watch([ScriptedCamera(frames(60), CameraEnded("over"))], StumblingEngine(set(range(10, 40))))
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    assert [state for state, _ in watched.states()] == ["starting", "ok", "lost", "ok", "lost"]


def test_frames_are_looked_at_no_faster_than_the_settings_say() -> None:
    times: list[float] = []
    stop = threading.Event()

    def publish(what: Sighting | CameraState) -> None:
        if isinstance(what, Sighting):
            times.append(time.monotonic())
        if len(times) == 11:
            stop.set()

    Vision(
        settings(camera={"frame_rate_hz": 50}),
        open_camera=lambda: ScriptedCamera(frames(100), CameraEnded("over")),
        engine=StageEngine([[]] * 100),
        gallery=lambda: STAFF,
        publish=publish,
    ).run(stop)
    assert times[-1] - times[0] >= 10 / 50 - 0.02


def test_the_stage_complains_about_pictures_and_faces_that_are_not_its_own() -> None:
    """The fake engine is only worth something while it does."""
    engine = StageEngine([[ONE], [TWO]])
    with pytest.raises(AssertionError, match="not a picture"):
        engine.detect(np.zeros((10, 10, 3), np.uint8))
    moved = StageEngine([[Actor(who=1, x=100)]]).detect(frame(0).picture)[0]
    with pytest.raises(AssertionError, match="another frame"):
        engine.encode(frame(0).picture, moved)
    assert float(looks(1) @ looks(2)) < 0.5
    assert frame(0).taken_at == SEVEN


def test_while_an_errand_has_eyes_nobody_is_looked_for_and_afterwards_everybody_is_new(
    watch: Callable[..., Watched],
) -> None:
    engine = StageEngine([[ONE]] * 400)
    looked: list[Engine] = []

    def eyes(seen: Frame, own: Engine, guard: Guard | None) -> Glance:
        looked.append(own)
        return Glance(picture=seen.picture)

    turns = iter([None] * 20 + [eyes] * 20 + [None] * 400)
    watched = watch([ScriptedCamera(frames(60), CameraEnded("over"))], engine, lambda: next(turns))
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    kinds = [
        "g" if isinstance(each, Glance) else "s" for each in watched.published if not isinstance(each, CameraState)
    ]
    assert "".join(kinds) == "s" * 20 + "g" * 20 + "s" * 20
    assert looked == [engine] * 20
    assert not [number for number, _ in engine.encoded if 20 <= number < 40], "nobody is identified meanwhile"
    tracks = [each.served.track_id for each in watched.published if isinstance(each, Sighting) and each.served]
    assert len(set(tracks)) == 2, "no track reaches across an errand"
    assert tracks == sorted(tracks)


def test_eyes_that_fail_blind_no_kiosk(watch: Callable[..., Watched]) -> None:
    def eyes(seen: Frame, own: Engine, guard: Guard | None) -> Glance:
        raise ValueError("odd")

    turns = iter([eyes] * 10 + [None] * 400)
    watched = watch([ScriptedCamera(frames(40), CameraEnded("over"))], errand=lambda: next(turns))
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    assert watched.vision.failures == 10
    assert sum(isinstance(each, Sighting) for each in watched.published) == 30
