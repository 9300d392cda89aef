"""When an office works, which way a punch goes, and what it means for the day. *Pure*; no policy pack, only the hours.

What counts towards an allowance is worked out at the centre, by its rules and with everything it knows; what is said
here is what these hours alone say, so that nobody is surprised at the end of the month.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType

from sync.messages import Direction

_STAYED_S = 1800.0
"""Who punches again within half an hour of coming has hardly worked: more likely they want to be sure they are in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """One day's working hours in office time. An end at or before the start is on the next day."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The hours of each weekday, 0 is Monday; a day without an entry is free. `change_hour` is for those days.

    `tolerance_min`: who comes so many minutes after the start, or leaves so many before the end, is on time.
    """

    days: Mapping[int, Hours] = field(default_factory=lambda: MappingProxyType({}))
    tolerance_min: int = 0
    change_hour: int = 12


class Kind(StrEnum):
    """What a punch means by the hours."""

    ON_TIME = "on_time"
    LATE = "late"
    EARLY = "early"
    FREE_DAY = "free_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What a punch means; `minutes` late or early, as the clock shows them: those that are whole."""

    kind: Kind
    minutes: int = 0


def direction_of(
    at: datetime, *, last: tuple[datetime, Direction] | None, schedule: Schedule, zone: tzinfo
) -> Direction:
    """Return which way a punch at `at` goes, after today's `last` one: its time and direction, None without.

    The first of the day comes in before the middle of the working hours, and goes out after it. Later ones alternate,
    except that whoever has just come in is still coming in.
    """
    if last is not None:
        then, direction = last
        if direction is Direction.OUT:
            return Direction.IN if at < _end(then, schedule, zone) else Direction.OUT
        since_s = (at - then).total_seconds()
        begins = _today(at, schedule, zone)
        early = begins is not None and at <= begins[0]
        return Direction.IN if early or 0 <= since_s < _STAYED_S else Direction.OUT
    hours = _today(at, schedule, zone)
    if hours is None:
        return Direction.IN if at.astimezone(zone).hour < schedule.change_hour else Direction.OUT
    start, end = hours
    return Direction.IN if at < start + (end - start) / 2 else Direction.OUT


def consequence_of(arrived: datetime, direction: Direction, schedule: Schedule, zone: tzinfo) -> Consequence:
    """Return what coming or leaving at `arrived` means, in whole minutes: at 07:38 one is 8 minutes late for 07:30.

    Whether seconds count is for the rules at the centre; what the kiosk says agrees with the clock beside it.
    """
    hours = _today(arrived, schedule, zone)
    if hours is None:
        return Consequence(kind=Kind.FREE_DAY)
    start, end = hours
    minute = arrived.replace(second=0, microsecond=0)
    coming = direction is Direction.IN
    minutes = (minute - start if coming else end - minute) // timedelta(minutes=1)
    if minutes <= schedule.tolerance_min:
        return _ON_TIME
    return Consequence(kind=Kind.LATE if coming else Kind.EARLY, minutes=minutes)


_ON_TIME = Consequence(kind=Kind.ON_TIME)


def _today(at: datetime, schedule: Schedule, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return start and end of the working hours nearest to `at`: those of its own day, or of a night begun before."""
    local = at.astimezone(zone)
    found = []
    for days_back in (0, 1):
        day = local.date() - timedelta(days=days_back)
        hours = schedule.days.get(day.weekday())
        if hours is None:
            continue
        start = datetime.combine(day, hours.start, zone)
        overnight = hours.end <= hours.start
        end = datetime.combine(day + timedelta(days=1) if overnight else day, hours.end, zone)
        if days_back == 0 or (overnight and at < end + (end - start) / 2):
            found.append((start, end))
    return min(found, key=lambda hours: abs(at - hours[0] - (hours[1] - hours[0]) / 2), default=None)


def _end(at: datetime, schedule: Schedule, zone: tzinfo) -> datetime:
    """Return when the working hours of the day of `at` end; a free day never does."""
    hours = _today(at, schedule, zone)
    return hours[1] if hours is not None else at + timedelta(days=1)
