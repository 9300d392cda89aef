"""An empty room costs nothing: when a frame is searched for faces, and when it need not be."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal import motion
from terminal.faces import Picture
from terminal.gallery import Gallery
from terminal.looking import Looker
from tests.terminal.stage import Actor, Script, StageEngine, frame, settings

HEIGHT_PX, WIDTH_PX = 360, 640
HZ = 15
EVERY_S = 0.5
SEED = 2026
_ROUND = 96
"""Frames until the film of the empty room begins again, its light as it was."""

Draw = Callable[[np.ndarray, int], None]


@functools.cache
def empty_room() -> tuple[Picture, ...]:
    """Return an empty room, filmed: a sensor's noise, daylight that comes and goes, a lamp that flickers in bands."""
    chance = np.random.default_rng(SEED)
    shades = np.linspace(30, 180, WIDTH_PX, dtype=np.float32)[None, :, None]
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None, None]
    film = []
    for number in range(_ROUND):
        light = (1 + 0.1 * np.sin(2 * np.pi * number / _ROUND)) * (1 + 0.04 * np.sin(rows / 50 + 2.3 * number))
        noise = chance.standard_normal((HEIGHT_PX, WIDTH_PX, 3), dtype=np.float32)
        film.append(np.clip(shades * light + 5 * noise, 0, 255).astype(np.uint8))
    return tuple(film)


def filmed(number: int, draw: Draw | None = None, *, lamp: float = 1.0) -> Picture:
    """Return frame `number` of the room with what `draw` puts into it, under a lamp of that strength."""
    picture = empty_room()[number % _ROUND].copy()
    if draw is not None:
        draw(picture, number)
    return picture if lamp == 1 else np.clip(picture * np.float32(lamp), 0, 255).astype(np.uint8)


def searched(frames: Iterator[Picture], room: motion.Room | None = None, start: int = 0) -> list[bool]:
    room = room or motion.Room()
    said = []
    for number, picture in enumerate(frames, start):
        room, worth = motion.look_round(room, picture, now_s=number / HZ, every_s=EVERY_S)
        said.append(worth)
    return said


def somebody_at(x: float, *, width: int = 60) -> Draw:
    def draw(room: np.ndarray, number: int) -> None:
        left = max(0, round(x))
        room[120:, left : max(left, round(x) + width)] = (150, 110, 90)

    return draw


def test_an_empty_room_is_searched_twice_a_second_whatever_light_and_sensor_do() -> None:
    said = searched(filmed(number) for number in range(15 * HZ))
    assert all(said[:HZ])  # nothing is known of the room yet
    later = said[3 * HZ :]
    assert sum(later) <= 2 * 12


def test_whoever_walks_in_is_searched_for_in_the_frame_they_are_first_seen_in_and_from_then_on() -> None:
    came = 5 * HZ + 3

    def walking(room: np.ndarray, number: int) -> None:
        if number >= came:
            somebody_at(-40 + 12 * (number - came))(room, number)

    said = searched(filmed(number, walking) for number in range(came + 20))
    assert not all(said[came - 8 : came])
    assert all(said[came:])


@pytest.mark.parametrize("speed", [0.2, 1.0])
def test_whoever_creeps_in_is_searched_for_within_half_a_second(speed: float) -> None:
    came = 6 * HZ

    def creeping(room: np.ndarray, number: int) -> None:
        if number >= came:
            somebody_at(-50 + speed * (number - came))(room, number)

    said = searched(filmed(number, creeping) for number in range(came + 5 * HZ))
    gaps = np.diff(np.flatnonzero(said))
    assert gaps.max() <= EVERY_S * HZ + 1


def test_somebody_who_stands_there_from_the_first_frame_is_searched_for_in_it() -> None:
    assert searched(filmed(number, somebody_at(300)) for number in range(1)) == [True]


def test_somebody_who_stopped_is_searched_for_a_second_longer() -> None:
    came, stopped = 5 * HZ, 5 * HZ + 10

    def stopping(room: np.ndarray, number: int) -> None:
        if number >= came:
            somebody_at(12 * (min(number, stopped) - came))(room, number)

    said = searched(filmed(number, stopping) for number in range(stopped + 3 * HZ))
    assert all(said[came : stopped + HZ - 1])
    assert not all(said[stopped + HZ + 2 :])


def test_a_lamp_switched_on_is_a_second_of_searching_and_no_more() -> None:
    on = 6 * HZ
    said = searched(filmed(number, lamp=1.0 if number < on else 1.2) for number in range(on + 5 * HZ))
    assert sum(said[on + 2 * HZ :]) <= 2 * 3 + 1


def test_a_screen_on_the_wall_is_learned_and_somebody_before_the_kiosk_is_still_seen() -> None:
    switched_on, came = 10 * HZ, 70 * HZ
    pictures = np.random.default_rng(SEED).integers(40, 200, (16, 2, 4, 3)).repeat(20, 1).repeat(20, 2)

    def screen(room: np.ndarray, number: int) -> None:
        if number >= switched_on:
            room[20:60, 520:600] = pictures[number % 16]
        if number >= came:
            somebody_at(100 + 10 * (number - came))(room, number)

    said = searched(filmed(number, screen) for number in range(came + HZ))
    assert all(said[switched_on : switched_on + 2 * HZ])
    assert sum(said[came - 10 * HZ : came]) <= 2 * 10 + 1
    assert all(said[came:])


def test_a_camera_of_another_size_and_a_clock_that_goes_back_begin_anew() -> None:
    room = motion.Room()
    for number in range(4 * HZ):
        room, worth = motion.look_round(room, filmed(number), now_s=number / HZ, every_s=EVERY_S)
    assert not worth
    smaller = np.ascontiguousarray(filmed(60)[::3, ::3][:90])
    after, worth = motion.look_round(room, smaller, now_s=4.0, every_s=EVERY_S)
    assert worth
    assert after.frames == 0
    assert motion.look_round(room, filmed(61), now_s=1.0, every_s=EVERY_S)[1]


@given(
    sides=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    every_s=st.floats(0.05, 2),
    gaps=st.lists(st.floats(0.001, 3), min_size=1, max_size=20),
)
def test_no_two_searches_are_further_apart_than_was_asked(
    sides: tuple[int, int], every_s: float, gaps: list[float]
) -> None:
    picture = np.full((*sides, 3), 90, np.uint8)
    room, now_s, last_s = motion.Room(), 0.0, 0.0
    for gap in gaps:
        now_s += gap
        room, worth = motion.look_round(room, picture, now_s=now_s, every_s=every_s)
        assert worth or now_s - last_s < every_s + gap
        last_s = now_s if worth else last_s


# --- what the kiosk's eyes make of it ---------------------------------------------------------------------------------

STAFF = Gallery.empty("stage")


class CountingEngine(StageEngine):
    """Counts how many frames it searched."""

    searched = 0

    def detect(self, picture: Picture) -> list:  # type: ignore[type-arg]
        self.searched += 1
        return super().detect(picture)


def seen(script: Script, *, idle_look_s: float) -> tuple[CountingEngine, list[float]]:
    """Return the engine and when whoever is served was first seen, after a script whose actors are in the picture."""
    engine = CountingEngine(script)
    looker = Looker(engine, settings(), idle_look_s=idle_look_s)
    first_s: list[float] = []
    for number, actors in enumerate(script):
        shown = frame(number)
        for actor in actors:
            x, y, half = round(actor.x), round(actor.y), round(actor.size / 2)
            shown.picture[y - half : y + half, x - half : x + half] //= 2
        served = looker.look(shown, STAFF).served
        if served is not None:
            first_s.append((served.first_seen_at - frame(0).taken_at).total_seconds())
    return engine, sorted(set(first_s))


def test_an_empty_room_is_not_searched_and_whoever_comes_is_first_seen_as_soon_as_without_that() -> None:
    script = [*[[]] * 80, *[[Actor(who=1)]] * 20, *[[]] * 80, *[[Actor(who=2, x=200)]] * 20]
    always, its_first = seen(script, idle_look_s=0)
    idle, first = seen(script, idle_look_s=EVERY_S)
    assert first == its_first
    assert len(first) == 2
    assert always.searched == len(script)
    assert idle.searched <= 40 + (16 + 20) + (15 + 15 + 20) + 30


def test_while_somebody_stands_there_every_frame_is_searched_though_nothing_moves() -> None:
    script = [[Actor(who=1)]] * 100
    assert seen(script, idle_look_s=EVERY_S)[0].searched == 100


def test_after_the_camera_was_away_the_first_frame_is_searched() -> None:
    engine = CountingEngine([[]] * 70)
    looker = Looker(engine, settings(), idle_look_s=EVERY_S)
    for number in range(60):
        looker.look(frame(number), STAFF)
    before = engine.searched
    looker.restart()
    looker.look(frame(60), STAFF)
    assert engine.searched == before + 1
