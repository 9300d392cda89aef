"""Following faces from box to box, and who of several people is served."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.service import ANSWER_SHOWN_S, RIVAL_AFTER_S, STAYS_AFTER_S, Service, Zone, serve
from terminal.tracking import HIDDEN_AFTER_S, LOST_AFTER_S, Scene, broken, follow, visible
from tests.terminal.stage import SEVEN, Actor, face_of

HZ = 15.0


def watch(frames: list[list[Actor]], scene: Scene | None = None, *, start: int = 0, hz: float = HZ) -> list[Scene]:
    scenes = []
    scene = scene or Scene()
    for number, actors in enumerate(frames, start):
        at_s = number / hz
        scene = follow(scene, [face_of(each) for each in actors], at=SEVEN + timedelta(seconds=at_s), now_s=at_s)
        scenes.append(scene)
    return scenes


def standing(**where: float) -> Actor:
    return Actor(who=1, **where)


def test_somebody_who_stands_is_one_track_seen_first_when_they_came() -> None:
    scenes = watch([[], [], *([[standing(x=300 + n % 3)] for n in range(30)])])
    assert [track.id for track in scenes[-1].tracks] == [1]
    assert scenes[-1].tracks[0].first_seen_at == SEVEN + timedelta(seconds=2 / HZ)
    assert scenes[-1].tracks[0].sightings == 30


@pytest.mark.parametrize("missed", [1, 2, 3, 4, 5])
def test_a_face_missed_for_up_to_five_frames_stays_the_same_track(missed: int) -> None:
    scenes = watch([*[[standing()]] * 5, *[[]] * missed, *[[standing(x=325)]] * 3])
    assert [track.id for track in scenes[-1].tracks] == [1]


def test_an_arrival_is_kept_while_the_face_is_hidden_for_less_than_it_takes_to_be_lost() -> None:
    hidden = [[]] * int(LOST_AFTER_S * HZ - 2)
    scenes = watch([[], *[[standing()]] * 5, *hidden, *[[standing(x=330)]] * 3, *hidden, [standing()]])
    assert [(track.id, track.first_seen_at) for track in scenes[-1].tracks] == [(1, SEVEN + timedelta(seconds=1 / HZ))]


def test_a_face_away_for_longer_comes_back_as_another_track() -> None:
    away = int(LOST_AFTER_S * HZ) + 2
    scenes = watch([*[[standing()]] * 3, *[[]] * away, [standing()]])
    assert [track.id for track in scenes[-1].tracks] == [2]
    assert scenes[-1].tracks[0].first_seen_at > SEVEN + timedelta(seconds=1)


def test_somebody_walking_past_fast_is_followed_by_where_they_are_going() -> None:
    step = 0.45 * 100  # nearly half a face a frame
    scenes = watch([[standing(x=60 + step * n)] for n in range(10)])
    assert {track.id for scene in scenes for track in scene.tracks} == {1}


def test_somebody_walking_up_grows_and_stays_one_track() -> None:
    scenes = watch([[standing(size=40 * 1.06**n)] for n in range(30)])
    assert {track.id for scene in scenes for track in scene.tracks} == {1}


def test_two_people_crossing_keep_their_tracks() -> None:
    frames = []
    for n in range(40):
        right, left = Actor(who=1, x=120 + 10 * n, y=180), Actor(who=2, x=520 - 10 * n, y=190, size=80)
        hidden = abs(right.x - left.x) < 70  # the nearer covers the other
        frames.append([right] if hidden else [right, left])
    scenes = watch(frames)
    by_id = {track.id: track for track in scenes[-1].tracks}
    assert by_id[1].box.centre[0] > 480
    assert by_id[2].box.centre[0] < 160


def test_a_face_of_quite_another_size_in_the_same_place_is_another_track() -> None:
    scenes = watch([[standing(size=50)], [standing(size=150)]])
    assert [track.id for track in scenes[-1].tracks] == [1, 2]


def test_a_box_without_area_is_no_face() -> None:
    assert watch([[standing(size=0)]])[-1].tracks == ()


def test_a_broken_track_goes_on_under_a_new_id_from_now_on() -> None:
    scene = watch([[standing()], [standing()]])[-1]
    later = SEVEN + timedelta(seconds=9)
    changed = broken(scene, 1, at=later, now_s=9.0)
    assert [(track.id, track.first_seen_at) for track in changed.tracks] == [(2, later)]
    assert watch([[standing(), standing(x=600)]], changed)[-1].next_id == 4


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 640), st.floats(0, 360), st.floats(1, 300)), max_size=4),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_seen_every_face_is_in_one_track_and_ids_are_never_given_twice(
    frames: list[list[tuple[float, float, float]]],
) -> None:
    actors = [[Actor(who=1, x=x, y=y, size=size) for x, y, size in each] for each in frames]
    ended: set[int] = set()
    before: set[int] = set()
    for number, scene in enumerate(watch(actors)):
        ids = [track.id for track in scene.tracks]
        assert len(ids) == len(set(ids))
        assert not ended & set(ids)
        ended |= before - set(ids)
        before = set(ids)
        now = [track for track in scene.tracks if track.last_seen_s == number / HZ]
        assert len(now) == len(actors[number])
        assert all(track.first_seen_s <= track.last_seen_s for track in scene.tracks)


class Served:
    """Plays frames and serves; `known` are the tracks that identification knows."""

    def __init__(self, near_px: float = 60) -> None:
        self.scene, self.service, self.number = Scene(), Service(), 0
        self.known: set[int] = set()
        self.near_px = near_px
        self.answered: set[int] | None = None

    def see(self, *actors: Actor, seconds: float) -> list[int | None]:
        """Show the actors for so long and return who was served, frame by frame."""
        served = []
        for _ in range(round(seconds * HZ)):
            now_s = self.number / HZ
            self.scene = follow(self.scene, [face_of(each) for each in actors], at=SEVEN, now_s=now_s)
            self.service = serve(
                self.service,
                self.scene,
                now_s=now_s,
                zone=Zone(least_px=self.near_px),
                known=self.service.track_id in self.known,
                answered=self.answered,
            )
            served.append(self.service.track_id)
            self.number += 1
        return served


NEAR, FAR = Actor(who=1, x=200, size=120), Actor(who=2, x=450, size=80)


def test_the_nearest_is_served_and_a_bystander_never() -> None:
    assert set(Served().see(NEAR, FAR, seconds=3)) == {None, 1}


def test_a_passer_by_far_away_is_not_served() -> None:
    assert set(Served(near_px=90).see(FAR, seconds=2)) == {None}


def test_a_face_found_in_a_single_frame_is_not_served() -> None:
    stage = Served()
    assert stage.see(NEAR, seconds=1 / HZ) == [None]
    assert set(stage.see(seconds=1)) == {None}


def test_service_does_not_flap_between_two_people_side_by_side() -> None:
    stage = Served()
    served = [
        who
        for n in range(60)
        for who in stage.see(
            Actor(who=1, x=200, size=100 + 6 * (n % 2)), Actor(who=2, x=400, size=106 - 6 * (n % 2)), seconds=1 / HZ
        )
    ]
    assert len({each for each in served if each is not None}) == 1


def test_somebody_who_steps_in_front_takes_over_after_a_moment() -> None:
    stage = Served()
    stage.see(FAR, seconds=1)
    served = stage.see(FAR, NEAR, seconds=2)
    assert served[0] == 1
    assert served[-1] == 2
    assert (served.count(1) - 1) / HZ == pytest.approx(RIVAL_AFTER_S + STAYS_AFTER_S, abs=3 / HZ)


def test_the_next_is_served_once_the_nearest_has_their_answer_shown() -> None:
    stage = Served()
    stage.see(NEAR, FAR, seconds=1)
    stage.known = {1}
    served = stage.see(NEAR, FAR, seconds=2)
    assert served.index(2) / HZ == pytest.approx(ANSWER_SHOWN_S, abs=2 / HZ)
    assert set(served[served.index(2) :]) == {2}


def test_whoever_was_served_and_stays_is_not_served_again() -> None:
    stage = Served()
    stage.see(NEAR, FAR, seconds=1)
    stage.known = {1}
    stage.see(NEAR, FAR, seconds=2)
    stage.known = {1, 2}
    stage.see(NEAR, FAR, seconds=2)
    assert set(stage.see(NEAR, seconds=3)[-5:]) == {None}
    stage.see(seconds=2)
    assert stage.see(NEAR, seconds=1)[-1] == 3  # came back: a new visit


def test_somebody_alone_keeps_being_served_after_the_answer() -> None:
    stage = Served()
    stage.see(NEAR, seconds=1)
    stage.known = {1}
    assert set(stage.see(NEAR, seconds=5)) == {1}


def test_the_visit_says_when_it_is_through_where_it_is_asked() -> None:
    stage = Served()
    stage.answered = set()
    stage.see(NEAR, FAR, seconds=1)
    stage.known = {1}
    assert set(stage.see(NEAR, FAR, seconds=5)) == {1}  # a keypad is in use, say
    stage.answered = {1}
    assert stage.see(NEAR, FAR, seconds=2)[-1] == 2


def test_somebody_hidden_gives_way_and_comes_back_when_alone() -> None:
    stage = Served()
    stage.see(NEAR, FAR, seconds=1)
    assert stage.see(FAR, seconds=HIDDEN_AFTER_S + 3 / HZ)[-1] == 2


def test_a_hidden_face_is_soon_not_visible() -> None:
    track = watch([[standing()]])[-1].tracks[0]
    assert visible(track, HIDDEN_AFTER_S - 0.01)
    assert not visible(track, HIDDEN_AFTER_S + 0.01)
