"""From frames to sightings: one frame's work, the thread that does it, and the place where the newest lies."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

import numpy as np
import pytest

from terminal.camera import Camera, CameraEnded, CameraLost, Frame, SourceRefused
from terminal.errand import Eyes, Glance
from terminal.faces import Engine, Face, Picture
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.matching import Outcome
from terminal.quality import Reason
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest, Vision
from tests.terminal.stage import SEVEN, Actor, StageEngine, frame, gallery_of, like, looks, play, settings

STAFF = gallery_of(1, 2, 3)
ONE, TWO, STRANGER = (Actor(who=who) for who in (1, 2, 60))


def named(sightings: list[Sighting]) -> list[str]:
    """Return who was named, in order, each once in a row."""
    names: list[str] = []
    for sighting in sightings:
        found = sighting.served.identification if sighting.served else None
        if found is not None and found.employee is not None and names[-1:] != [found.employee]:
            names.append(found.employee)
    return names


# --- one frame after the other --------------------------------------------------------------------------------------


def test_somebody_who_walks_up_is_named_within_half_a_second_and_was_seen_first_when_they_came() -> None:
    seen = play([*[[]] * 3, *[[ONE]] * 12], STAFF)
    assert named(seen) == ["1"]
    first = next(n for n, each in enumerate(seen) if each.served and each.served.identification)
    assert first <= 3 + 7
    served = seen[-1].served
    assert served is not None
    assert served.first_seen_at == frame(3).taken_at
    assert served.identification is not None
    assert served.identification.gallery_size == 3
    assert (seen[-1].gallery_version, seen[-1].engine_id) == (STAFF.version, "stage")
    assert seen[-1].taken_at == frame(14).taken_at


def test_a_stranger_is_never_named_and_becomes_a_miss_every_two_seconds() -> None:
    seen = play([[STRANGER]] * 75, STAFF)
    assert named(seen) == []
    last = seen[-1].served
    assert last is not None
    assert last.misses == 2
    assert last.identification is not None
    assert last.identification.outcome is Outcome.NO_MATCH


def test_at_most_one_face_is_encoded_a_frame_and_never_a_bystanders() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 12
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert {who for _, who in engine.encoded} == {1}
    frames = [number for number, _ in engine.encoded]
    assert len(frames) == len(set(frames))
    assert [round(box.width) for box in seen[-1].others] == [100]


def test_two_people_together_are_named_one_after_the_other_without_touching_anything() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 45
    assert named(play(script, STAFF)) == ["1", "2"]


def test_the_next_waits_while_the_visit_is_not_through_with_the_first() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 90
    through: list[int] = []

    def answered(last: Sighting | None) -> list[int]:
        if last is not None and last.taken_at > frame(60).taken_at and last.served is not None:
            through.append(last.served.track_id)
        return through

    seen = play(script, STAFF, answered=answered)
    assert named(seen[:60]) == ["1"]
    assert named(seen) == ["1", "2"]


def test_a_face_too_far_away_is_asked_to_come_closer_and_not_encoded() -> None:
    script = [[Actor(who=1, size=36)]] * 20
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert engine.encoded == []
    assert seen[-1].served is not None
    assert seen[-1].served.hint is Reason.TOO_FAR


def test_a_passer_by_is_not_served_at_all() -> None:
    seen = play([[Actor(who=1, size=20)]] * 20, STAFF)
    assert all(each.served is None for each in seen)
    assert len(seen[-1].others) == 1


def test_hints_do_not_flicker_with_single_frames() -> None:
    turned = Actor(who=60, turned=0.6)
    script = [*[[STRANGER], [STRANGER], [turned]] * 8, *[[turned]] * 12, *[[STRANGER]] * 3]
    hints = [each.served.hint if each.served else None for each in play(script, STAFF)]
    assert set(hints[:24]) == {None}
    assert hints[35] is Reason.TURN_TO_SCREEN
    assert hints[-1] is None


def test_a_turned_face_is_never_encoded() -> None:
    script = [[Actor(who=1, turned=0.6)]] * 15
    engine = StageEngine(script)
    play(script, STAFF, engine=engine)
    assert engine.encoded == []


@pytest.mark.parametrize("jump", [timedelta(days=300), -timedelta(hours=2)])
def test_a_clock_that_is_set_while_somebody_stands_there_moves_their_arrival_along(jump: timedelta) -> None:
    script = [[ONE]] * 12
    looker = Looker(StageEngine(script), settings())
    for number in range(12):
        given = frame(number)
        if number >= 6:
            given = replace(given, taken_at=given.taken_at + jump)
        seen = looker.look(given, STAFF)
    assert seen.served is not None
    assert abs(seen.served.first_seen_at - (frame(0).taken_at + jump)) < timedelta(milliseconds=1)


def test_a_match_stays_with_its_track_and_is_cheap() -> None:
    script = [[ONE]] * 90
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert named(seen) == ["1"]
    assert {each.served.track_id for each in seen if each.served} == {1}
    assert len(engine.encoded) <= 3 + 6


def test_a_face_exchanged_on_the_way_is_a_new_track_with_a_new_arrival() -> None:
    script = [*[[ONE]] * 20, *[[TWO]] * 40]
    seen = play(script, STAFF)
    assert named(seen) == ["1", "2"]
    last = seen[-1].served
    assert last is not None
    assert last.track_id != 1
    assert last.first_seen_at > frame(20).taken_at
    between = [each.served for each in seen[20:] if each.served and each.served.track_id == 1]
    assert len(between) < 30  # noticed within two seconds


def test_somebody_missed_for_five_frames_goes_on_under_the_same_track() -> None:
    seen = play([*[[ONE]] * 8, *[[]] * 5, *[[ONE]] * 8], STAFF)
    assert {each.served.track_id for each in seen if each.served} == {1}
    assert seen[12].served is not None  # a blink is no leaving


def test_nobody_is_served_soon_after_leaving() -> None:
    seen = play([*[[ONE]] * 8, *[[]] * 15], STAFF)
    assert seen[8 + 7].served is None


def test_look_alikes_are_ambiguous_and_stay_so_while_they_stand_there() -> None:
    twins = gallery_of(1, 2, twin=(3, like(1, 0.97, other=50)))
    seen = play([[Actor(who=1, shaken=0.2)]] * 60, twins)
    outcomes = [each.served.identification.outcome for each in seen if each.served and each.served.identification]
    assert set(outcomes) == {Outcome.AMBIGUOUS}


def test_another_gallery_counts_from_the_next_frame_on() -> None:
    script = [[Actor(who=9)]] * 80
    looker = Looker(StageEngine(script), settings())
    before = [looker.look(frame(n), STAFF) for n in range(40)]
    after = [looker.look(frame(n), gallery_of(1, 9, version=5)) for n in range(40, 80)]
    assert named(before) == []
    assert named(after) == ["9"]
    assert after[0].gallery_version == 5


def test_a_gallery_of_another_engine_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    other = gallery_of(1, 2, engine_id="another")
    seen = play([[ONE]] * 40, other)
    assert named(seen) == []
    assert sum("another" in record.message for record in caplog.records) == 1


def test_an_empty_gallery_names_nobody() -> None:
    seen = play([[ONE]] * 40, Gallery.empty("stage"))
    assert named(seen) == []
    assert seen[-1].served is not None
    assert seen[-1].served.misses == 1


def test_no_track_reaches_across_a_camera_that_was_away() -> None:
    script = [[ONE]] * 40
    looker = Looker(StageEngine(script), settings())
    before = [looker.look(frame(n), STAFF) for n in range(20)]
    looker.restart()
    after = [looker.look(frame(n), STAFF) for n in range(20, 40)]
    assert before[-1].served is not None
    assert after[-1].served is not None
    assert before[-1].served.track_id != after[-1].served.track_id
    assert after[-1].served.first_seen_at == frame(20).taken_at


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

    def eyes(seen: Frame, own: Engine) -> Glance:
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
    def eyes(seen: Frame, own: Engine) -> Glance:
        raise ValueError("odd")

    turns = iter([eyes] * 10 + [None] * 400)
    watched = watch([ScriptedCamera(frames(40), CameraEnded("over"))], errand=lambda: next(turns))
    watched.wait_for(lambda all_: CameraState(state="lost", problem="over") in all_)
    assert watched.vision.failures == 10
    assert sum(isinstance(each, Sighting) for each in watched.published) == 30
