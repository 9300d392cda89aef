"""Whether the camera hangs right, told from where faces were and how they were lit, and kept without anybody's face."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import config
from terminal.aim import ENOUGH_FACES, FACE_WIDTH_M, Advice, Aim
from terminal.faces import Box, Picture
from terminal.sighting import Served, Sighting

MORNING = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # seven o'clock in Jakarta
JAKARTA = ZoneInfo("Asia/Jakarta")
ROOM: Picture = np.full((720, 1280, 3), 110, np.uint8)


def seen(track: int, *, middle: float = 0.45, width_px: float = 160, picture: Picture = ROOM) -> Sighting:
    """Return a sighting of one person, the middle of whose face is at `middle` of the picture's height."""
    box = Box(x=640 - width_px / 2, y=720 * middle - 0.65 * width_px, width=width_px, height=1.3 * width_px)
    served = Served(track_id=track, box=box, first_seen_at=MORNING, identification=None, misses=0, hint=None)
    return Sighting(
        picture=picture,
        taken_at=MORNING,
        monotonic_ns=0,
        served=served,
        others=(Box(x=0, y=0, width=90, height=90),),
        engine_id="x",
        gallery_version=1,
    )


def aim(**changes: float) -> Aim:
    return Aim(config.Config().quality, JAKARTA, **changes)


def day_of(*sightings: Sighting) -> Aim:
    """Return what is known after these, a second apart."""
    made = aim()
    for number, sighting in enumerate(sightings):
        made.saw(sighting, MORNING + timedelta(seconds=number))
    return made


def advised(*sightings: Sighting) -> tuple[Advice, ...]:
    return day_of(*sightings).report(MORNING + timedelta(seconds=len(sightings))).advice


def lit_from_behind() -> Picture:
    picture = np.full((720, 1280, 3), 240, np.uint8)
    picture[180:470, 540:740] = 50
    return picture


def test_a_camera_that_hangs_right_is_said_to() -> None:
    assert advised(*(seen(track) for track in range(12))) == (Advice.GOOD,)


def test_nothing_is_advised_before_enough_people_came() -> None:
    assert advised(*(seen(track, middle=0.1) for track in range(ENOUGH_FACES - 1))) == (Advice.TOO_FEW,)
    assert aim().report(MORNING).advice == (Advice.TOO_FEW,)


@pytest.mark.parametrize(
    ("middles", "advice"),
    [
        ([0.2] * 12, (Advice.RAISE,)),
        ([0.8] * 12, (Advice.LOWER,)),
        ([0.45] * 10 + [0.1] * 2, (Advice.RAISE,)),
        ([0.5] * 10 + [0.9] * 2, (Advice.LOWER,)),
        ([0.5] * 19 + [0.9], (Advice.GOOD,)),
    ],
    ids=["all at the top", "all at the bottom", "the tall at the edge", "who sits at the edge", "one who bent down"],
)
def test_faces_at_the_top_raise_the_camera_and_faces_at_the_bottom_lower_it(
    middles: list[float], advice: tuple[Advice, ...]
) -> None:
    assert advised(*(seen(track, middle=middle) for track, middle in enumerate(middles))) == advice


def test_light_behind_people_turns_the_kiosk() -> None:
    picture = lit_from_behind()
    made = day_of(*(seen(track, picture=picture) for track in range(12)))
    report = made.report(MORNING + timedelta(seconds=12))
    assert report.advice == (Advice.TURN_FROM_LIGHT,)
    assert report.backlit == 1.0
    assert report.face_brightness == pytest.approx(50)
    assert report.backlight == pytest.approx(240 / 50, rel=0.1)
    assert report.brightness is not None
    assert report.brightness > 200


def test_people_who_stay_far_away_are_asked_nearer() -> None:
    assert advised(*(seen(track, width_px=95) for track in range(12))) == (Advice.COME_NEARER,)


def test_somebody_counts_once_and_where_they_were_nearest() -> None:
    approach = [seen(1, width_px=60 + 10 * step, middle=0.3 + 0.01 * step) for step in range(12)]
    report = day_of(*approach, *approach[:6]).report(MORNING + timedelta(seconds=18))
    assert report.faces == 1
    assert report.heights == (0, 0, 0, 0, 1, 0, 0, 0, 0, 0)
    assert report.size == pytest.approx(170 / 1280, abs=0.005)


def test_the_distance_is_that_of_a_pinhole_camera_with_a_usual_face() -> None:
    focal_px = 640 / np.tan(np.radians(66) / 2)
    width_px = focal_px * FACE_WIDTH_M / 0.8
    report = day_of(seen(1, width_px=width_px)).report(MORNING)
    assert report.distance_m == pytest.approx(0.8, rel=0.03)
    assert report.distances == (0, 0, 1, 0, 0, 0, 0, 0)
    wide = aim(view_deg=102)
    wide.saw(seen(1, width_px=width_px), MORNING)
    assert wide.report(MORNING).distance_m == pytest.approx(0.42, rel=0.05)


def test_the_thirds_of_the_picture_share_all_faces() -> None:
    report = day_of(*(seen(track, middle=middle) for track, middle in enumerate([0.1, 0.2, 0.5, 0.9]))).report(MORNING)
    assert report.thirds == pytest.approx((0.5, 0.25, 0.25))
    assert aim().report(MORNING).thirds is None


def test_a_new_day_by_the_offices_clock_begins_with_nothing() -> None:
    made = day_of(*(seen(track) for track in range(12)))
    before_midnight = datetime(2026, 3, 2, 16, 59, tzinfo=UTC)
    assert made.report(before_midnight).faces == 12
    assert made.report(before_midnight + timedelta(minutes=2)).faces == 0
    made.saw(seen(99), before_midnight + timedelta(minutes=3))
    assert made.report(before_midnight + timedelta(minutes=3)).faces == 1


def test_what_was_long_ago_is_not_now() -> None:
    report = day_of(seen(1)).report(MORNING + timedelta(minutes=5))
    assert (report.faces, report.brightness, report.backlight, report.face_brightness) == (1, None, None, None)


@pytest.mark.parametrize(
    "box",
    [
        Box(x=-500, y=-500, width=100, height=100),
        Box(x=0, y=0, width=0, height=0),
        Box(x=5000, y=5000, width=9000, height=9000),
    ],
)
def test_a_face_that_is_no_part_of_the_picture_breaks_nothing(box: Box) -> None:
    sighting = seen(1)
    assert sighting.served is not None
    report = day_of(replace(sighting, served=replace(sighting.served, box=box))).report(MORNING)
    assert sum(report.heights) == sum(report.distances) == 1


def test_nothing_that_is_kept_is_a_picture() -> None:
    made = day_of(*(seen(track) for track in range(3)))
    assert not [value for value in vars(made).values() if isinstance(value, np.ndarray | Sighting)]


def test_a_sighting_costs_less_than_looking_at_its_picture_once() -> None:
    """A ratio: the mean of every pixel is what the cheapest look at a whole picture costs."""
    made, sightings = aim(), [seen(track // 15) for track in range(450)]
    began_s = time.perf_counter()
    for number, sighting in enumerate(sightings):
        made.saw(sighting, MORNING + timedelta(seconds=number / 15))
    counted_s = (time.perf_counter() - began_s) / len(sightings)
    began_s = time.perf_counter()
    for _ in range(20):
        ROOM.mean()
    looked_s = (time.perf_counter() - began_s) / 20
    print(f"a sighting {counted_s * 1e3:.3f} ms, the mean of a picture {looked_s * 1e3:.3f} ms")
    assert counted_s < looked_s
