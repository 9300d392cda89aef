"""Who of several people is served: in the marked zone, staying, nearest, one after the other; and who never is."""

import itertools
import math
from datetime import timedelta

import hypothesis.strategies as some
import numpy as np
import pytest
from hypothesis import given

from terminal.faces import Box
from terminal.looking import Looker
from terminal.service import Service, Zone, crowded, serve
from terminal.tracking import HANGS_AFTER_S, LOST_AFTER_S, PASSING_PER_S, Scene, follow
from tests.terminal.portraits import STRANGERS, before_camera, engine
from tests.terminal.stage import SEVEN, Actor, StageEngine, face_of, gallery_of, play, settings

HZ = 15.0
ANYWHERE = Zone(least_px=60)
MIDDLE = Zone(left_px=200, right_px=440, least_px=60)


class Lobby:
    """Plays frames before a kiosk that answers whoever is served after half a second."""

    def __init__(self, zone: Zone = ANYWHERE) -> None:
        self.zone, self.scene, self.service, self.number = zone, Scene(), Service(), 0
        self.served: list[int | None] = []
        self.crowded: list[bool] = []
        self.whos: dict[int, int] = {}
        self._since: dict[int, int] = {}

    def see(self, *actors: Actor) -> int | None:
        """Show one frame and return which actor is served in it."""
        now_s = self.number / HZ
        faces = [face_of(each) for each in actors]
        self.scene = follow(self.scene, faces, at=SEVEN + timedelta(seconds=now_s), now_s=now_s)
        for track in self.scene.tracks:
            for actor, face in zip(actors, faces, strict=True):
                if track.face is face:
                    self.whos.setdefault(track.id, actor.who)
        served = self.service.track_id
        known = served is not None and self._since.get(served, 0) >= 0.5 * HZ
        self.service = serve(self.service, self.scene, now_s=now_s, zone=self.zone, known=known, answered=None)
        if self.service.track_id is not None:
            self._since[self.service.track_id] = self._since.get(self.service.track_id, 0) + 1
        who = self.whos.get(self.service.track_id or 0)
        self.served.append(who)
        self.crowded.append(crowded(self.service, self.scene, now_s=now_s, zone=self.zone))
        self.number += 1
        return who

    def order(self) -> list[int]:
        """Return who was served, in order, each once."""
        return list(dict.fromkeys(who for who in self.served if who is not None))


def swaying(who: int, x: float, size: float, at_s: float) -> Actor:
    return Actor(who=who, x=x + 0.1 * size * math.sin(1.9 * at_s + who), y=180 + 0.03 * size, size=size)


# --- passing, staying ------------------------------------------------------------------------------------------------


@given(pace=some.floats(4.6, 9), size=some.floats(70, 160), leftward=some.booleans(), jitter=some.integers(0, 2**16))
def test_whoever_only_crosses_the_picture_is_never_served(
    pace: float, size: float, leftward: bool, jitter: int
) -> None:
    """Paces in face sizes a second: 0.8 m a second, slower than people walk, makes 4.6 of them."""
    lobby = Lobby()
    shake = [((jitter * (n + 3) * 2654435761) % 97 / 97 - 0.5) * 0.04 * size for n in range(400)]
    x, n = -size, 0
    while x < 640 + size:
        lobby.see(Actor(who=1, x=(640 - x if leftward else x) + shake[n], size=size))
        x, n = x + pace * size / HZ, n + 1
    assert lobby.order() == []


def test_whoever_slows_down_and_stays_is_served_within_a_moment() -> None:
    lobby = Lobby()
    for n in range(8):
        lobby.see(Actor(who=1, x=20 + 40 * n))
    came = lobby.number
    while lobby.see(Actor(who=1, x=320)) is None:
        assert lobby.number - came < 0.6 * HZ
    assert lobby.order() == [1]


def test_a_face_that_crosses_before_the_camera_is_never_encoded_though_it_looks_into_it() -> None:
    script = [[Actor(who=1, x=-40 + 42 * n)] for n in range(18)]
    engine = StageEngine(script)
    seen = play(script, gallery_of(1), engine=engine)
    assert engine.encoded == []
    assert all(each.served is None for each in seen)


def test_two_people_crossing_before_somebody_who_stands_take_nothing_from_them() -> None:
    lobby = Lobby()
    for n in range(60):
        at_s = n / HZ
        passing = [Actor(who=2, x=30 + 48 * n, size=130), Actor(who=3, x=610 - 28 * n, size=75)]
        hides = abs(passing[0].x - 320) < 90
        standing = [] if hides else [swaying(1, 320, 100, at_s)]
        lobby.see(*standing, *(each for each in passing if 0 < each.x < 640))
    assert lobby.order() == [1]


def test_somebody_walking_through_behind_is_not_served() -> None:
    lobby = Lobby()
    for n in range(60):
        lobby.see(swaying(1, 300, 120, n / HZ), Actor(who=2, x=20 + 20 * n, y=150, size=70))
    assert lobby.order() == [1]


def test_whoever_queues_has_arrived_when_they_came_into_view() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 50
    served = [each.served for each in play(script, gallery_of(1, 2)) if each.served is not None]
    assert {each.identification.employee for each in served if each.identification} == {"1", "2"}
    assert {each.first_seen_at for each in served} == {SEVEN}


# --- the zone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [60, 150, 199, 441, 600])
def test_a_face_beside_the_zone_is_not_served_however_near(x: float) -> None:
    lobby = Lobby(MIDDLE)
    for n in range(45):
        lobby.see(Actor(who=1, x=x + n % 2 * (1 if x > 320 else -1), size=200))
    assert lobby.order() == []


def test_the_nearest_in_the_zone_is_served_before_somebody_nearer_beside_it() -> None:
    lobby = Lobby(MIDDLE)
    for n in range(60):
        lobby.see(swaying(1, 320, 90, n / HZ), Actor(who=2, x=560, size=180))
    assert lobby.order() == [1]


def test_whoever_leans_over_the_zones_edge_stays_and_whoever_leaves_it_whole_does_not() -> None:
    lobby = Lobby(MIDDLE)
    for _ in range(10):
        lobby.see(Actor(who=1, x=420))
    assert lobby.see(Actor(who=1, x=455)) == 1
    for step in range(10):
        last = lobby.see(Actor(who=1, x=460 + 6 * step))
    assert last is None


def test_somebody_entering_the_zone_while_another_is_served_comes_next_without_touching_anything() -> None:
    lobby = Lobby(MIDDLE)
    for n in range(20):
        lobby.see(swaying(1, 280, 120, n / HZ))
    for n in range(60):
        lobby.see(swaying(1, 280, 120, (20 + n) / HZ), swaying(2, max(380.0, 600 - 20 * n), 100, n / HZ))
    assert lobby.order() == [1, 2]


def test_the_zone_of_the_settings_is_a_part_of_the_picture() -> None:
    script = [[Actor(who=1, x=100), Actor(who=2, x=500, size=80)]] * 20
    zoned = settings(zone={"left": 0.5, "right": 1.0})
    looker = Looker(StageEngine(script), zoned)
    seen = play(script, gallery_of(1, 2), looker=looker)
    found = [each.served.identification.employee for each in seen if each.served and each.served.identification]
    assert set(found) == {"2"}
    nobody = Looker(StageEngine(script), settings(zone={"min_face_share": 0.2}))
    assert all(each.served is None for each in play(script, gallery_of(1, 2), looker=nobody))


# --- portraits on the wall --------------------------------------------------------------------------------------------

REGENT = Actor(who=9, x=120, y=80, size=70)


def hung(lobby: Lobby, seconds: float) -> None:
    for n in range(round(seconds * HZ)):
        lobby.see(Actor(who=9, x=REGENT.x + 0.02 * 70 * math.sin(7 * n), y=80, size=70 + math.sin(3 * n)))


def test_whoever_stands_before_a_portrait_on_the_wall_is_served_and_the_portrait_is_not() -> None:
    lobby = Lobby()
    for n in range(90):
        lobby.see(REGENT, swaying(1, 320, 110, n / HZ))
    assert lobby.order()[0] == 1
    assert lobby.served[:20].count(9) == 0


def test_a_portrait_is_left_alone_after_a_while_for_good_though_people_hide_it() -> None:
    lobby = Lobby()
    hung(lobby, HANGS_AFTER_S + 1)
    assert lobby.served[-1] is None
    for n in range(round((LOST_AFTER_S + 0.5) * HZ)):
        lobby.see(swaying(1, 140, 150, n / HZ))
    came = lobby.number
    hung(lobby, 5)
    assert 9 not in lobby.served[came:]


def test_somebody_is_served_where_a_portrait_hung() -> None:
    lobby = Lobby()
    hung(lobby, HANGS_AFTER_S + 1)
    for _ in range(30):
        lobby.see()
    for n in range(45):
        lobby.see(swaying(2, REGENT.x, 72, n / HZ))
    assert lobby.served[-1] == 2


@pytest.mark.slow
def test_a_portrait_seen_by_a_noisy_camera_in_changing_light_stays_in_its_place() -> None:
    """What the detector makes of one picture differs from frame to frame: by less than people sway."""
    rng, scene = np.random.default_rng(11), Scene()
    picture = before_camera(STRANGERS[1], face_px=90)
    for number in range(25):
        light = 1 + 0.05 * math.sin(number / 5)
        noisy = np.clip(picture * light + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
        scene = follow(scene, engine().detect(noisy)[:1], at=SEVEN, now_s=number / HZ)
    (track,) = scene.tracks
    assert track.place_since_s == 0


def test_whoever_stands_still_but_breathes_is_no_portrait() -> None:
    lobby = Lobby()
    for n in range(round(2 * HANGS_AFTER_S * HZ)):
        lobby.see(swaying(1, 320, 120, n / HZ))
    assert lobby.served[-1] == 1


# --- several at once --------------------------------------------------------------------------------------------------


def test_two_equally_near_are_too_many_and_one_clearly_nearer_is_not() -> None:
    beside, behind = Lobby(), Lobby()
    for n in range(30):
        beside.see(swaying(1, 220, 110, n / HZ), swaying(2, 420, 105, n / HZ))
        behind.see(swaying(1, 220, 110, n / HZ), swaying(2, 420, 80, n / HZ))
    assert any(beside.crowded[:8])
    assert not beside.crowded[-1], "one of them has been served"
    assert not any(behind.crowded)


def test_two_equally_near_of_whom_one_stands_beside_the_zone_are_not_too_many() -> None:
    lobby = Lobby(MIDDLE)
    for n in range(30):
        lobby.see(swaying(1, 320, 110, n / HZ), swaying(2, 560, 110, n / HZ))
    assert not any(lobby.crowded)


people = some.lists(some.tuples(some.floats(0, 640), some.floats(40, 200), some.floats(-8, 8)), min_size=1, max_size=4)


@given(people=people, left=some.floats(0, 300), right=some.floats(340, 640))
def test_whatever_people_do_only_those_in_the_zone_near_enough_and_staying_begin_to_be_served(
    people: list[tuple[float, float, float]], left: float, right: float
) -> None:
    zone = Zone(left_px=left, right_px=right, least_px=60)
    lobby = Lobby(zone)
    before: int | None = None
    for n in range(45):
        lobby.see(*(Actor(who=who, x=x + v * n, size=size) for who, (x, size, v) in enumerate(people, 1)))
        track = lobby.scene.find(lobby.service.track_id)
        if track is not None and track.id != before:
            assert zone.holds(track.box)
            assert abs(track.drift[0]) < PASSING_PER_S * track.size_px
        before = lobby.service.track_id


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_a_queue_is_served_from_the_nearest_to_the_farthest_each_once(order: tuple[int, ...]) -> None:
    sizes = dict(zip(order, (150.0, 110.0, 80.0), strict=True))
    lobby = Lobby()
    for n in range(round(8 * HZ)):
        lobby.see(*(swaying(who, 80 + 200 * (who - 1), sizes[who], n / HZ) for who in (1, 2, 3)))
    assert lobby.order() == list(order)


def test_a_zone_holds_what_is_between_its_sides() -> None:
    box = Box(x=100, y=0, width=100, height=100)
    assert Zone(left_px=150, right_px=400).holds(box)
    assert not Zone(left_px=151, right_px=400).holds(box)
    assert not Zone(left_px=151, right_px=400).left_by(box)
    assert Zone(left_px=201, right_px=400).left_by(box)
    assert Zone(left_px=0, right_px=99).left_by(box)
    assert not Zone(least_px=101).holds(box)
