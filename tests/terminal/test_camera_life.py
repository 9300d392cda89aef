"""What is wrong with a camera's pictures is told within three seconds, is not told of others, and ends within one."""

import time

import cv2
import numpy as np
import pytest

from terminal import camera_life
from terminal.camera_life import Life
from terminal.faces import Box, Picture
from terminal.sighting import CameraTrouble
from tests.terminal.camera_scenes import Lobby, Shown, first, in_turn, lived, swapped, told_in, without

LOBBY = Lobby()
STILL = LOBBY.lit()
BUFFERS = [LOBBY.lit() for _ in range(5)]
RED_GLOW = np.full((180, 320, 3), (150, 20, 12), np.float32)
GREEN = np.full((180, 320, 3), (0, 200, 0), np.float32) + LOBBY.scene * np.float32(0.2) * np.float32((0, 1, 0))

WRONG: dict[str, tuple[Shown, CameraTrouble]] = {
    "a hand on the lens": (LOBBY.covered, CameraTrouble.BLACK),
    "a dead sensor": (LOBBY.dead, CameraTrouble.BLACK),
    "no light at all": (LOBBY.dimmed(0.004), CameraTrouble.BLACK),
    "the sun in the lens": (LOBBY.blinded, CameraTrouble.BLINDED),
    "a stuck exposure": (lambda _: np.full((180, 320, 3), 255, np.uint8), CameraTrouble.BLINDED),
    "a stuck driver": (lambda _: STILL, CameraTrouble.FROZEN),
    "a driver that is stuck with its four buffers": (in_turn(*BUFFERS[:4]), CameraTrouble.FROZEN),
    "no blue": (without(2, LOBBY.lit), CameraTrouble.COLOURS),
    "no red": (without(0, LOBBY.lit), CameraTrouble.COLOURS),
    "no green": (without(1, LOBBY.lit), CameraTrouble.COLOURS),
    "a finger on the lens of a bright lobby": (lambda _: LOBBY.noisy(RED_GLOW), CameraTrouble.COLOURS),
    "YUV that lost its colour planes": (lambda _: LOBBY.noisy(GREEN), CameraTrouble.COLOURS),
}
FINE: dict[str, Shown] = {
    "a lobby": LOBBY.lit,
    "a lobby at dusk": LOBBY.dimmed(0.2),
    "a lobby at night, nobody there, a sign over the door": LOBBY.night,
    "a lobby at night in which things can just be made out": LOBBY.dimmed(0.1),
    "a white wall": lambda _: LOBBY.noisy(np.full((180, 320, 3), 205, np.float32)),
    "a window behind everybody": lambda _: LOBBY.noisy(np.where(LOBBY.scene > 90, np.float32(255), LOBBY.scene)),
    "an infrared camera's grey": lambda _: np.repeat(LOBBY.noisy(LOBBY.scene)[..., :1], 3, axis=2),
    "warm light": lambda _: LOBBY.noisy(LOBBY.scene * np.float32((1.15, 0.95, 0.6))),
    "five pictures in turn, which are no driver's buffers": in_turn(*BUFFERS),
}


@pytest.mark.parametrize(("shown", "trouble"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("hz", [5.0, 15.0])
def test_what_is_wrong_is_told_within_three_seconds_and_ends_within_one(
    shown: Shown, trouble: CameraTrouble, hz: float
) -> None:
    told = lived((2, LOBBY.lit), (4, shown), (2, LOBBY.lit), hz=hz)
    assert told_in(told) == {None, trouble}
    took_s, back_s = first(told, trouble, after_s=2), first(told, None, after_s=6)
    print(f"{trouble} at {hz:.0f} frames/s: told after {took_s:.2f} s, fine after {back_s:.2f} s")
    assert took_s < 3.0
    assert back_s <= 1.0
    assert told[-1][1] is None


@pytest.mark.parametrize("shown", FINE.values(), ids=FINE)
def test_nothing_is_said_of_pictures_that_can_be_looked_at(shown: Shown) -> None:
    assert told_in(lived((6, shown))) == {None}


@pytest.mark.parametrize("shown", [shown for shown, _ in WRONG.values()], ids=WRONG)
def test_what_passes_within_a_second_and_a_half_is_not_told(shown: Shown) -> None:
    """A hand, a lamp that is switched, a driver that stumbles; and again and again."""
    once = ((1.4, shown), (1.0, LOBBY.lit))
    assert told_in(lived((1, LOBBY.lit), *once, *once, *once)) == {None}


def test_a_light_that_is_switched_on_ends_the_dark_also_when_the_exposure_overshoots() -> None:
    told = lived((4, LOBBY.dead), (0.4, LOBBY.blinded), (2, LOBBY.lit))
    assert told_in(told) == {None, CameraTrouble.BLACK}
    assert first(told, None, after_s=4.4) <= 1.0


def test_one_good_picture_now_and_then_ends_nothing() -> None:
    flicker = ((0.4, LOBBY.covered), (0.1, LOBBY.lit))
    told = lived((3, LOBBY.covered), *flicker * 6)
    assert told_in(told[45:]) == {CameraTrouble.BLACK}


def test_a_black_camera_that_is_then_blinded_is_told_to_be_that() -> None:
    told = lived((3, LOBBY.covered), (3, LOBBY.blinded))
    assert told[-1][1] is CameraTrouble.BLINDED


@pytest.mark.parametrize("shown", [lambda _: STILL, in_turn(*BUFFERS[:3])], ids=["one picture", "three in turn"])
def test_clips_and_folders_are_never_frozen(shown: Shown) -> None:
    assert told_in(lived((8, shown), live=False)) == {None}


def test_a_camera_that_gives_each_picture_twice_is_not_frozen() -> None:
    """In little light some cameras keep their frame rate so."""
    pictures = [LOBBY.lit() for _ in range(60)]
    assert told_in(lived((8, lambda number: pictures[number // 2]))) == {None}


def test_a_night_without_noise_is_frozen_only_after_a_minute() -> None:
    """What a driver's compression leaves of a dark picture may be the same for long."""
    dark = LOBBY.night()
    told = lived((64, lambda _: dark), hz=4)
    assert 55 < first(told, CameraTrouble.FROZEN, after_s=0) < 62


def test_pauses_and_a_clock_that_goes_back_count_for_nothing() -> None:
    life = Life()
    for now_s in (0.0, 0.1, 500.0, 3.0, 3.1, 900.0):
        life = camera_life.judge(life, camera_life.measure(LOBBY.covered()), now_s=now_s, live=True)
        assert life.trouble is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 2, 3), (90, 160, 3), (720, 1280, 3)])
def test_pictures_of_any_shape_are_measured(shape: tuple[int, int, int]) -> None:
    measures = camera_life.measure(np.full(shape, 128, np.uint8))
    assert measures.dark == measures.bright == pytest.approx(128)


# --- faces ----------------------------------------------------------------------------------------------------------

PALE, TANNED, DARK, NEUTRAL = (226, 178, 158), (176, 124, 96), (84, 60, 52), (120, 118, 121)
FACES = (Box(x=100, y=50, width=60, height=75), Box(x=210, y=60, width=45, height=55))


def people(*skins: tuple[int, int, int], mask: bool = False) -> Shown:
    """Return a lobby with these people in it, who may wear blue masks."""

    def shown(_: int) -> Picture:
        scene = LOBBY.scene.copy()
        for box, skin in zip(FACES, skins, strict=False):
            middle = (int(box.x + box.width / 2), int(box.y + box.height / 2))
            cv2.ellipse(scene, middle, (int(box.width / 2), int(box.height / 2)), 0, 0, 360, skin, -1)
            if mask:
                top = int(box.y + 0.55 * box.height)
                scene[top : int(box.y + box.height), int(box.x) : int(box.x + box.width)] = (110, 160, 220)
        return LOBBY.noisy(scene)

    return shown


def met(shown: Shown, *, faces: int, seconds: float, life: Life | None = None, begins_s: float = 0.0) -> Life:
    life = life or Life()
    for number in range(round(seconds * 15)):
        picture, now_s = shown(number), begins_s + number / 15
        life = camera_life.judge(life, camera_life.measure(picture), now_s=now_s, live=True)
        life = camera_life.judge_faces(life, picture, FACES[:faces], now_s=now_s)
    return life


@pytest.mark.parametrize("skin", [PALE, TANNED, DARK], ids=["pale", "tanned", "dark"])
def test_red_and_blue_swapped_are_seen_in_faces_and_right_ones_end_it(skin: tuple[int, int, int]) -> None:
    assert met(people(skin), faces=1, seconds=6).trouble is None
    life = met(swapped(people(skin)), faces=1, seconds=2.0)
    assert life.trouble is CameraTrouble.COLOURS
    assert life.of_faces
    life = met(swapped(people()), faces=0, seconds=5, life=life, begins_s=2)
    assert life.trouble is CameraTrouble.COLOURS, "with nobody in view nothing is known"
    assert met(people(skin), faces=1, seconds=1, life=life, begins_s=7).trouble is None


def test_a_blue_mask_is_no_swapped_face() -> None:
    assert met(people(TANNED, mask=True), faces=1, seconds=6).trouble is None


def test_somebody_of_natural_colour_beside_a_bluish_print_says_that_the_camera_is_fine() -> None:
    assert met(people((110, 120, 160), TANNED), faces=2, seconds=6).trouble is None


def test_grey_faces_say_nothing() -> None:
    assert met(people(NEUTRAL), faces=1, seconds=6).trouble is None
    assert met(swapped(people(NEUTRAL)), faces=1, seconds=6).trouble is None


def test_a_face_out_of_the_picture_says_nothing() -> None:
    outside = (Box(x=-500, y=0, width=100, height=100), Box(x=0, y=0, width=2, height=2))
    assert camera_life.judge_faces(Life(), STILL, outside, now_s=1.0) == Life()


def test_judging_a_picture_costs_no_more_than_a_few_conversions_of_its_colours() -> None:
    """A ratio of one run: each picture is converted once on its way from the camera."""
    picture = Lobby(size=(720, 1280)).lit()
    measured_s = min(_took_s(lambda: camera_life.measure(picture)) for _ in range(20))
    whole_s = min(_took_s(lambda: cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)) for _ in range(20))
    print(f"measured in {1e3 * measured_s:.2f} ms, converted to Lab in {1e3 * whole_s:.2f} ms")
    assert measured_s < 3 * whole_s


def _took_s(what: object) -> float:
    began_s = time.perf_counter()
    assert callable(what)
    what()
    return time.perf_counter() - began_s
