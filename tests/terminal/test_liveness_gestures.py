"""F3: a turn, a blink and a step closer, by landmarks; a turn is believed only with a head's relief."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.liveness.gestures import ASKED_S, Answer, Bearing, answer_to, bearing_of, blinked
from terminal.liveness.relief import Step
from terminal.sighting import Challenge

LEFT, RIGHT = Challenge.TURN_LEFT, Challenge.TURN_RIGHT


def looks(letter: str, frame: int) -> NDArray[np.float32] | None:
    rng = np.random.default_rng(frame)
    open_, closed = np.sin(np.arange(200) / 5), np.cos(np.arange(200) / 3)
    pairs = {"o": (open_, open_), "c": (closed, closed), "w": (open_, closed)}
    if letter not in pairs:
        return None
    seen = np.array(pairs[letter]) + rng.normal(0, 0.1, (2, 200))
    seen -= seen.mean(axis=1, keepdims=True)
    return (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)


def bearings(yaws: list[float], *, eyes: str = "", sizes: list[float] | None = None) -> list[Bearing]:
    """`eyes`, a letter a frame: `o` open, `c` both closed, `w` one winks, ` ` too small to see."""
    return [
        Bearing(
            at_s=n * 0.1,
            yaw_deg=yaw,
            pitch_deg=0.0,
            eyes=looks(eyes[n], n) if eyes else None,
            size_px=sizes[n] if sizes else 150.0,
        )
        for n, yaw in enumerate(yaws)
    ]


def relief(turn_deg: float, *, left: float = 5.0, error_deg: float = 0.5) -> Step:
    """A step whose skin turned by `turn_deg`, of which `left` degrees no bent sheet explains."""
    return Step(
        turn_rad=(math.radians(turn_deg), 0.0),
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
