"""F3: a turn, a blink and a step closer, by landmarks; a turn is believed only with a head's relief."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.liveness.gestures import Answer, Bearing, answer_to, bearing_of, blinked, usually
from terminal.liveness.relief import Step
from terminal.sighting import ASKED_S, Challenge

LEFT, RIGHT = Challenge.TURN_LEFT, Challenge.TURN_RIGHT
UP, DOWN = Challenge.LOOK_UP, Challenge.LOOK_DOWN


def looks(letter: str, frame: int) -> NDArray[np.float32] | None:
    rng = np.random.default_rng(frame)
    open_, closed = np.sin(np.arange(200) / 5), np.cos(np.arange(200) / 3)
    pairs = {"o": (open_, open_), "c": (closed, closed), "w": (open_, closed)}
    if letter not in pairs:
        return None
    seen = np.array(pairs[letter]) + rng.normal(0, 0.1, (2, 200))
    seen -= seen.mean(axis=1, keepdims=True)
    return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)


def bearings(
    yaws: list[float], *, eyes: str = "", sizes: list[float] | None = None, pitches: list[float] | None = None
) -> list[Bearing]:
    """`eyes`, a letter a frame: `o` open, `c` both closed, `w` one winks, ` ` too small to see."""
    return [
        Bearing(
            at_s=n * 0.1,
            yaw_deg=yaw,
            pitch_deg=pitches[n] if pitches else 0.0,
            eyes=looks(eyes[n], n) if eyes else None,
            size_px=sizes[n] if sizes else 150.0,
        )
        for n, yaw in enumerate(yaws)
    ]


def relief(turn_deg: float, nod_deg: float = 0.0, *, left: float = 5.0, error_deg: float = 0.5) -> Step:
    """A step whose skin turned by `turn_deg` and nodded by `nod_deg`, `left` of it by no bent sheet."""
    return Step(
        turn_rad=(math.radians(turn_deg), math.radians(nod_deg)),
        error_rad=math.radians(error_deg),
        bent_rad=math.radians(left),
        bent_error_rad=math.radians(0.5),
        moved=0.1,
        grown=0.0,
        rolled_rad=0.0,
    )


def asked(what: Challenge, seen: list[Bearing], steps: list[Step], now_s: float = 1.0) -> Answer:
    return answer_to(what, seen, steps, since_s=0.0, now_s=now_s)


def test_f3_a_head_that_turns_as_asked_is_believed() -> None:
    assert asked(LEFT, bearings([0, 5, 10, 18]), [relief(-9)]) is Answer.MET
    assert asked(RIGHT, bearings([0, -5, -10, -18]), [relief(9)]) is Answer.MET


def test_f3_a_chin_that_is_lifted_or_lowered_as_asked_is_believed() -> None:
    down, up = bearings([0] * 4, pitches=[0, 5, 10, 18]), bearings([0] * 4, pitches=[0, -5, -10, -18])
    assert asked(DOWN, down, [relief(0, -9)]) is Answer.MET
    assert asked(UP, up, [relief(0, 9)]) is Answer.MET
    assert asked(DOWN, down, [relief(-9)]) is Answer.WAITING, "the skin turned about the other axis"
    assert asked(DOWN, down, [relief(0, -9, left=0.4)]) is Answer.WAITING, "a sheet that is tilted"
    assert asked(UP, down, [relief(0, -9)]) is Answer.FAILED


def test_f3_a_film_that_turns_every_way_is_judged_by_the_first() -> None:
    """Left, then down: as asked for the left, and wrong for whatever else was asked, also for what follows."""
    film = bearings([0, 9, 18, 18, 8, 0, 0], pitches=[0, 0, 0, 0, 9, 18, 18])
    steps = [relief(-9), relief(9, -9)]
    told = {way: asked(way, film, steps) for way in (LEFT, RIGHT, UP, DOWN)}
    assert told == {LEFT: Answer.MET, RIGHT: Answer.FAILED, UP: Answer.FAILED, DOWN: Answer.FAILED}


def test_who_still_looks_left_from_before_comes_back_without_having_turned_right() -> None:
    usual = usually(bearings([0, 1, -1, 2, 0]))
    back = bearings([18, 17, 9, 2, 0, 0, 0, 0], pitches=[0, 0, 0, 0, 0, 6, 12, 18])
    steps = [relief(9), relief(0, -9), relief(-9)]
    assert answer_to(DOWN, back, steps, since_s=0.0, now_s=1.0, usual=usual) is Answer.MET
    assert answer_to(LEFT, back[:2], steps, since_s=0.0, now_s=1.0, usual=usual) is Answer.WAITING, "held, not turned"
    assert answer_to(DOWN, back, steps, since_s=0.0, now_s=1.0) is Answer.FAILED, "the control: without knowing better"


def test_a_turn_may_take_as_long_as_whoever_asks_allows() -> None:
    slow = [relief(-9)]
    assert answer_to(LEFT, bearings([0, 5, 18]), slow, since_s=0.0, now_s=8.0, until_s=9.0) is Answer.MET
    assert answer_to(LEFT, bearings([0, 5]), slow, since_s=0.0, now_s=8.0, until_s=9.0) is Answer.WAITING
    assert answer_to(LEFT, bearings([0, 5]), slow, since_s=0.0, now_s=9.1, until_s=9.0) is Answer.FAILED
    assert answer_to(LEFT, bearings([0, 5, 18]), slow, since_s=math.inf, now_s=8.0) is Answer.WAITING, "not asked yet"


def test_f3_a_turn_without_a_heads_relief_is_not() -> None:
    turn = bearings([0, 5, 10, 18])
    assert asked(LEFT, turn, []) is Answer.WAITING
    assert asked(LEFT, turn, [relief(-0.2)]) is Answer.WAITING
    assert asked(LEFT, turn, [relief(9)]) is Answer.WAITING, "the skin turned the other way"
    assert asked(LEFT, turn, [relief(-9, error_deg=4)]) is Answer.WAITING, "within its error"
    assert asked(LEFT, turn, [relief(-9, left=0.4)]) is Answer.WAITING, "a bent sheet shows as much"
    assert asked(LEFT, turn, [relief(-0.2)], now_s=ASKED_S + 0.1) is Answer.FAILED


def test_f3_a_film_that_turns_the_other_way_has_failed() -> None:
    assert asked(LEFT, bearings([0, -5, -10, -18]), [relief(9)]) is Answer.FAILED


def test_a_turn_too_late_or_too_small_does_not_count() -> None:
    assert asked(LEFT, bearings([0, 5, 10, 18]), [relief(-9)], now_s=ASKED_S + 0.1) is Answer.FAILED
    assert asked(LEFT, bearings([0, 5, 9]), [relief(-9)]) is Answer.WAITING
    assert asked(LEFT, [], []) is Answer.WAITING


def test_what_was_done_before_it_was_asked_does_not_count() -> None:
    seen = bearings([0, 18, 0, 0])
    assert answer_to(LEFT, seen, [relief(-9)], since_s=0.15, now_s=1.0) is not Answer.MET


@pytest.mark.parametrize(
    ("eyes", "wanted"),
    [
        ("oooccooo", True),
        ("ooocoooo", True),
        ("oo cc oo", True),
        ("oooooooo", False),
        ("ooowwooo", False),  # one eye alone: a finger, or glare
        ("ooooocco"[:7], False),  # not open again
        ("ccoooooo", False),  # never seen open before
        ("oooccccccccccoooooooooo", False),  # shut for a second
        ("        ", False),
        ("oco", False),
    ],
)
def test_a_blink_closes_both_eyes_and_opens_them_again(eyes: str, wanted: bool) -> None:
    assert blinked(bearings([0.0] * len(eyes), eyes=eyes)) is wanted
    answer = asked(Challenge.BLINK, bearings([0.0] * len(eyes), eyes=eyes), [])
    assert answer is (Answer.MET if wanted else Answer.WAITING)


def test_coming_closer_is_a_quarter_more() -> None:
    assert asked(Challenge.COME_CLOSER, bearings([0.0] * 3, sizes=[100, 110, 126]), []) is Answer.MET
    assert asked(Challenge.COME_CLOSER, bearings([0.0] * 3, sizes=[100, 110, 120]), []) is Answer.WAITING


@pytest.mark.parametrize("yaw", [-25.0, 0.0, 25.0])
def test_a_bearing_is_read_off_the_mesh(yaw: float) -> None:
    """To the person's own left, their left cheek goes away from the camera: z grows there."""
    points = np.zeros((468, 3))
    points[[454, 234, 10, 152]] = [(100, 0, 0), (-100, 0, 0), (0, -100, 0), (0, 100, 0)]
    way = math.radians(yaw)
    turn = np.array([[math.cos(way), 0, -math.sin(way)], [0, 1, 0], [math.sin(way), 0, math.cos(way)]])
    bearing = bearing_of(points @ turn.T, size_px=200, at_s=1.0)
    assert bearing.yaw_deg == pytest.approx(yaw, abs=0.01)
    assert bearing.pitch_deg == pytest.approx(0, abs=0.01)
