"""F3: a head has relief, a sheet has not: points projected from both, seen by a camera with noise."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.liveness.cues import Finding
from terminal.liveness.relief import Flow, Step, judge, step_of

FOCAL_PX = 600.0
Floats = NDArray[np.float64]


def turned(points: Floats, yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Floats:
    yaw, pitch, roll = (math.radians(each) for each in (yaw_deg, pitch_deg, roll_deg))
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return np.asarray(points @ (about_z @ about_x @ about_y).T, np.float64)


def head(rng: np.random.Generator, count: int = 90) -> Floats:
    """Points on a face 16 cm wide: a rounded front with a nose and sockets; nearer is smaller z."""
    x, y = rng.uniform(-0.06, 0.06, count), rng.uniform(-0.08, 0.08, count)
    z = 5 * x**2 + 2 * y**2
    z -= 0.028 * np.exp(-((x / 0.014) ** 2 + ((y - 0.01) / 0.03) ** 2))
    z += 0.008 * np.exp(-(((np.abs(x) - 0.032) / 0.014) ** 2 + ((y + 0.03) / 0.015) ** 2))
    return np.stack([x, y, z], axis=1)


def seen(points: Floats, at: tuple[float, float, float] = (0, 0, 0.5)) -> Floats:
    placed = points + np.array(at)
    return np.asarray(FOCAL_PX * placed[:, :2] / placed[:, 2:], np.float64)


def flow(
    kind: str,
    rng: np.random.Generator,
    *,
    yaw: float,
    pitch: float = 0,
    roll: float = 0,
    to: tuple[float, float, float],
) -> Flow:
    """Points of a head, or of its photo on a flat or bent sheet, before and after it moved; the depth that landmarks
    would guess is the head's in every case, since they cannot tell."""
    shape = head(rng)
    body = shape.copy()
    if kind == "photo":
        body[:, 2] = 0
    elif kind == "bent":
        body[:, 2] = 0.12 - np.sqrt(0.12**2 - body[:, 0] ** 2)
    before, after = seen(body), seen(turned(body, yaw, pitch, roll), to)
    noise = 0.15
    return Flow(
        before=before + rng.normal(0, noise, before.shape),
        after=after + rng.normal(0, noise, after.shape),
        depth=shape[:, 2] * FOCAL_PX / 0.5,
        size_px=0.16 * FOCAL_PX / 0.5,
    )


def steps(kind: str, seed: int, count: int = 6) -> list[Step]:
    print("seed", seed)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        yaw, pitch, roll = rng.uniform(-9, 9), rng.uniform(-5, 5), rng.uniform(-3, 3)
        to = (rng.uniform(-0.04, 0.04), rng.uniform(-0.03, 0.03), rng.uniform(0.45, 0.55))
        step = step_of(flow(kind, rng, yaw=yaw, pitch=pitch, roll=roll, to=to))
        assert step is not None
        found.append(step)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_f3_a_head_that_moves_is_clear(seed: int) -> None:
    assert judge(steps("head", seed)).finding is Finding.CLEAR


@pytest.mark.parametrize("seed", range(40))
def test_f3_a_photo_held_and_waved_is_denied(seed: int) -> None:
    assert judge(steps("photo", seed)).finding is Finding.DENY


def test_f3_a_bent_photo_is_never_taken_for_a_head() -> None:
    """A cylinder has relief of its own, enough to pass for a turn of 2 to 4 degrees; nothing is left of it once any
    bent sheet is allowed."""
    held = [steps("bent", seed) for seed in range(40)]
    found = [judge(each).finding for each in held]
    assert Finding.CLEAR not in found
    assert found.count(Finding.SUSPECT) >= 30
    turned_deg = [math.degrees(max(step.surely_rad for step in each)) for each in held]
    assert min(turned_deg) > 1, "a plane's model alone would have taken it for a head: the test shows nothing otherwise"


@pytest.mark.parametrize("yaw", [-20.0, -10.0, 10.0, 20.0])
def test_the_turn_is_measured_in_size_and_direction(yaw: float) -> None:
    step = step_of(flow("head", np.random.default_rng(3), yaw=yaw, to=(0, 0, 0.5)))
    assert step is not None
    assert math.degrees(step.turn_rad[0]) == pytest.approx(yaw, rel=0.3)
    assert abs(math.degrees(step.turn_rad[1])) < 3


def test_a_head_that_stands_still_is_no_evidence() -> None:
    rng = np.random.default_rng(5)
    still = [step_of(flow("head", rng, yaw=0.2, to=(0.001, 0, 0.5))) for _ in range(6)]
    assert judge([step for step in still if step is not None]).finding is Finding.NO_EVIDENCE
    assert judge([]).finding is Finding.NO_EVIDENCE


def test_somebody_who_only_sways_a_little_is_called_no_plane() -> None:
    """Half a centimetre to the side and a third of a degree: what a person shows who waits for the screen."""
    rng = np.random.default_rng(11)
    swayed = [
        step_of(flow("head", rng, yaw=rng.uniform(-0.3, 0.3), to=(rng.uniform(-0.005, 0.005), 0, 0.5)))
        for _ in range(20)
    ]
    told = [step for step in swayed if step is not None]
    assert max(step.moved for step in told) > 0.02
    assert judge(told).finding is Finding.NO_EVIDENCE


@pytest.mark.parametrize("seed", range(10))
def test_somebody_who_sways_and_keeps_their_face_to_the_camera_is_no_attack_by_that_alone(seed: int) -> None:
    """A centimetre to either side, the head turned back by just what that turns it before the camera: a plane's motion
    to within what can be measured. It may be asked about."""
    rng = np.random.default_rng(seed)
    swayed = []
    for _ in range(12):
        x = rng.uniform(-0.012, 0.012)
        to = (x, 0, 0.5 + rng.uniform(-0.01, 0.01))
        swayed.append(step_of(flow("head", rng, yaw=math.degrees(math.atan2(x, 0.5)), to=to)))
    told = [step for step in swayed if step is not None]
    assert max(step.moved for step in told) > 0.05
    assert judge(told).finding is Finding.SUSPECT


def test_a_turn_that_was_surely_seen_once_is_never_outweighed_by_steps_without_one() -> None:
    flat, head = steps("photo", 1), steps("head", 1)
    assert judge(flat).finding is Finding.DENY
    assert judge([*flat, max(head, key=lambda step: step.surely_rad)]).finding is not Finding.DENY


def test_eyelids_and_a_mouth_that_move_do_not_make_a_photo_a_head_nor_hide_one() -> None:
    rng = np.random.default_rng(8)
    for kind, wanted in (("photo", Finding.DENY), ("head", Finding.CLEAR)):
        found = []
        for _ in range(6):
            one = flow(kind, rng, yaw=8, roll=2, to=(0.02, 0.01, 0.48))
            after = one.after.copy()
            after[:6] += rng.normal(0, 4, (6, 2))  # points that slipped
            step = step_of(Flow(before=one.before, after=after, depth=one.depth, size_px=one.size_px))
            assert step is not None
            found.append(step)
        assert judge(found).finding is wanted, kind


@pytest.mark.parametrize("spoilt", ["few", "nan", "line", "size"])
def test_what_cannot_be_measured_is_nothing_and_no_error(spoilt: str) -> None:
    one = flow("head", np.random.default_rng(1), yaw=5, to=(0, 0, 0.5))
    before, after, depth, size = one.before, one.after, one.depth, one.size_px
    match spoilt:
        case "few":
            before, after, depth = before[:10], after[:10], depth[:10]
        case "nan":
            after = np.full_like(after, np.nan)
        case "line":
            before, after, depth = before * (1, 0), after * (1, 0), depth * 0
        case "size":
            size = 0.0
    step = step_of(Flow(before=before, after=after, depth=depth, size_px=size))
    assert step is None or judge([step]).finding is not Finding.DENY
