"""Working hours: which way a punch goes, and what it means for the day."""

from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import hypothesis.strategies as some
import pytest
from hypothesis import given

import config
from sync.messages import Direction
from terminal.policy import schedule_of
from terminal.visit.schedule import Consequence, Hours, Kind, Schedule, consequence_of, direction_of

JAKARTA = ZoneInfo("Asia/Jakarta")
JAYAPURA = ZoneInfo("Asia/Jayapura")
OFFICE = schedule_of(config.Config())
NIGHT = Schedule(days=MappingProxyType(dict.fromkeys(range(7), Hours(start=time(22), end=time(6)))))
IN, OUT = Direction.IN, Direction.OUT


def monday(clock: str, zone: ZoneInfo = JAKARTA, *, days: int = 0) -> datetime:
    return datetime.combine(date(2026, 3, 2) + timedelta(days=days), time.fromisoformat(clock), zone)


@pytest.mark.parametrize(
    ("clock", "expected"), [("05:00", IN), ("07:12", IN), ("11:44", IN), ("11:45", OUT), ("16:01", OUT), ("23:00", OUT)]
)
def test_the_first_punch_of_a_day_goes_by_the_middle_of_its_hours(clock: str, expected: Direction) -> None:
    assert direction_of(monday(clock), last=None, schedule=OFFICE, zone=JAKARTA) is expected


@pytest.mark.parametrize(
    ("came", "again", "expected"),
    [
        ("07:12", "07:20", IN),  # wants to be sure
        ("06:10", "07:29", IN),  # work has not begun
        ("06:10", "07:31", OUT),
        ("07:12", "07:41", IN),
        ("07:12", "07:43", OUT),  # is called away
        ("09:00", "16:00", OUT),
        ("12:30", "12:45", IN),  # the first was an arrival by hand
    ],
)
def test_whoever_has_come_goes_but_not_at_once(came: str, again: str, expected: Direction) -> None:
    assert direction_of(monday(again), last=(monday(came), IN), schedule=OFFICE, zone=JAKARTA) is expected


@pytest.mark.parametrize(
    ("left", "again", "expected"), [("10:00", "11:00", IN), ("12:00", "15:59", IN), ("16:05", "16:30", OUT)]
)
def test_whoever_has_gone_comes_back_until_the_day_is_over(left: str, again: str, expected: Direction) -> None:
    assert direction_of(monday(again), last=(monday(left), OUT), schedule=OFFICE, zone=JAKARTA) is expected


def test_on_a_free_day_the_hour_decides() -> None:
    sunday = monday("09:00", days=6)
    assert direction_of(sunday, last=None, schedule=OFFICE, zone=JAKARTA) is IN
    assert direction_of(sunday + timedelta(hours=3), last=None, schedule=OFFICE, zone=JAKARTA) is OUT
    assert consequence_of(sunday, IN, OFFICE, JAKARTA) == Consequence(kind=Kind.FREE_DAY)


@pytest.mark.parametrize(
    ("at", "expected"), [("21:40", IN), ("23:59", IN), ("01:59", IN), ("02:00", OUT), ("06:10", OUT), ("09:59", OUT)]
)
def test_a_night_that_ends_on_the_next_day_is_one_stretch_of_work(at: str, expected: Direction) -> None:
    days = 1 if at < "12:00" else 0
    assert direction_of(monday(at, days=days), last=None, schedule=NIGHT, zone=JAKARTA) is expected


@pytest.mark.parametrize(
    ("clock", "kind", "minutes"),
    [
        ("07:29:59", Kind.ON_TIME, 0),
        ("07:30:00", Kind.ON_TIME, 0),
        ("07:30:59", Kind.ON_TIME, 0),
        ("07:31:00", Kind.LATE, 1),
        ("07:38:59", Kind.LATE, 8),
        ("09:45:30", Kind.LATE, 135),
    ],
)
def test_minutes_late_are_those_the_clock_shows(clock: str, kind: Kind, minutes: int) -> None:
    assert consequence_of(monday(clock), IN, OFFICE, JAKARTA) == Consequence(kind=kind, minutes=minutes)


@pytest.mark.parametrize(
    ("clock", "kind", "minutes"),
    [
        ("15:40:00", Kind.EARLY, 20),
        ("15:59:01", Kind.EARLY, 1),
        ("16:00", Kind.ON_TIME, 0),
        ("20:00", Kind.ON_TIME, 0),
    ],
)
def test_minutes_early_are_those_the_clock_shows(clock: str, kind: Kind, minutes: int) -> None:
    assert consequence_of(monday(clock), OUT, OFFICE, JAKARTA) == Consequence(kind=kind, minutes=minutes)


def test_friday_ends_later_and_a_tolerance_is_one() -> None:
    assert consequence_of(monday("16:10", days=4), OUT, OFFICE, JAKARTA).minutes == 20
    lenient = schedule_of(config.replace(config.Config(), schedule={"tolerance_min": 10}))
    assert consequence_of(monday("07:40"), IN, lenient, JAKARTA).kind is Kind.ON_TIME
    assert consequence_of(monday("07:41"), IN, lenient, JAKARTA) == Consequence(kind=Kind.LATE, minutes=11)


def test_the_offices_zone_is_what_counts() -> None:
    at = monday("07:31", JAYAPURA)
    assert consequence_of(at, IN, OFFICE, JAYAPURA).minutes == 1
    assert consequence_of(at, IN, OFFICE, JAKARTA).kind is Kind.ON_TIME, "there it is 05:31"


@pytest.mark.parametrize("wrong", ["7:30-16:00", "07:30", "25:00-26:00", "07:30-16:00 ", "pagi"])
def test_hours_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(config.ConfigError, match=r"schedule\.monday"):
        config.replace(config.Config(), schedule={"monday": wrong})


@given(
    after_s=some.integers(0, 365 * 86_400),
    gone_s=some.integers(0, 86_400),
    direction=some.none() | some.sampled_from(Direction),
    schedule=some.sampled_from([OFFICE, NIGHT, Schedule()]),
)
def test_every_moment_has_a_direction_and_never_a_negative_minute(
    after_s: int, gone_s: int, direction: Direction | None, schedule: Schedule
) -> None:
    at = monday("00:00") + timedelta(seconds=after_s)
    last = (at - timedelta(seconds=gone_s), direction) if direction is not None else None
    found = direction_of(at, last=last, schedule=schedule, zone=JAKARTA)
    meant = consequence_of(at, found, schedule, JAKARTA)
    assert meant.minutes >= 0
    assert (meant.minutes > 0) == (meant.kind in (Kind.LATE, Kind.EARLY))
