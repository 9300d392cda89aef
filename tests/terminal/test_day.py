"""Today's punches in memory: who punched earlier, gone at the office's midnight, as corrected."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from sync.messages import AttendanceEvent, Direction, DirectionBy
from sync.outbox import DayPunch
from terminal.day import Day
from tests.terminal.made import SEVEN, event, punch

EPOCH = "e" * 32
DAY = Day(zone=ZoneInfo("Asia/Jakarta"), repeat_window_s=60)


def punched(employee: str, seq: int, at: datetime = SEVEN, repeat_of: int | None = None) -> AttendanceEvent:
    return event(punch(employee, at=at), seq, repeat_of)


def counted(*events: AttendanceEvent) -> list[DayPunch]:
    return [DayPunch(event=each, direction=each.punch.direction, voided=False) for each in events]


def shown(day: Day, employee: str, at: datetime) -> list[tuple[int, Direction]]:
    return [(each.event.seq, each.direction) for each in day.history(employee, at)]


def test_the_last_punch_that_was_no_repeat_is_the_earlier_one() -> None:
    first, again = punched("1", 1), punched("1", 3, SEVEN + timedelta(seconds=20), repeat_of=1)
    day = DAY.filled(counted(first, punched("2", 2), again), epoch=EPOCH, at=SEVEN)
    assert day.earlier("1", SEVEN) == first
    assert shown(day, "1", SEVEN) == [(1, Direction.IN), (3, Direction.IN)]
    assert day.earlier("3", SEVEN) is None
    assert day.history("3", SEVEN) == ()
    later = punched("1", 4, SEVEN + timedelta(hours=9))
    assert day.having(later).earlier("1", SEVEN + timedelta(hours=10)) == later
    assert day.earlier("1", SEVEN) == first, "a day is a value"


def test_a_day_ends_at_the_offices_midnight_but_for_the_repeat_window() -> None:
    midnight = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 00:00 in Jakarta
    before = punched("1", 1, midnight - timedelta(seconds=30))
    day = DAY.filled(counted(before), epoch=EPOCH, at=before.punch.occurred_at)
    soon, later = midnight + timedelta(seconds=20), midnight + timedelta(seconds=31)
    assert day.earlier("1", soon) == before
    assert day.history("1", soon) == (), "what is shown as today's is of today"
    assert day.earlier("1", later) is None
    assert day.aged(soon).punches == day.punches
    assert day.aged(later).punches == {}
    assert day.aged(later).since == later - timedelta(seconds=60)


def test_another_life_of_the_card_is_not_of_this_day() -> None:
    other = msgspec.structs.replace(punched("1", 9), epoch="f" * 32)
    assert DAY.filled(counted(other), epoch=EPOCH, at=SEVEN).earlier("1", SEVEN) is None


def test_a_corrected_punch_went_the_other_way_and_a_voided_one_was_nobodys() -> None:
    first, second = punched("1", 1), punched("1", 2, SEVEN + timedelta(hours=1))
    day = DAY.filled(counted(first, second), epoch=EPOCH, at=SEVEN)
    second_alone = msgspec.structs.replace(second, receipt="2222222222")
    assert day.corrected(second_alone, None).punches == day.punches, "no such receipt on this card"

    first, second = msgspec.structs.replace(first, receipt="1111111111"), second_alone
    day = DAY.filled(counted(first, second), epoch=EPOCH, at=SEVEN)
    turned = day.corrected(second, Direction.OUT)
    assert shown(turned, "1", SEVEN) == [(1, Direction.IN), (2, Direction.OUT)]
    earlier = turned.earlier("1", SEVEN)
    assert earlier is not None
    assert (earlier.seq, earlier.punch.direction, earlier.punch.direction_by) == (
        2,
        Direction.OUT,
        DirectionBy.EMPLOYEE,
    )
    assert day.corrected(second, None).earlier("1", SEVEN) == first
    assert shown(day.corrected(first, None), "1", SEVEN) == [(2, Direction.IN)]


def test_the_repeat_of_a_voided_punch_is_a_first_one() -> None:
    first = msgspec.structs.replace(punched("1", 1), receipt="1111111111")
    again = punched("1", 2, SEVEN + timedelta(seconds=20), repeat_of=1)
    day = DAY.filled(counted(first, again), epoch=EPOCH, at=SEVEN).corrected(first, None)
    assert day.earlier("1", SEVEN) == again
