"""Who punched today, in memory: what the main thread asks at every face must not wait for a card. *Pure*.

A day is a value. The clerk makes the next one and swaps the reference; nobody changes one that others may be reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

import msgspec

from sync.messages import AttendanceEvent, Direction, DirectionBy
from sync.outbox import DayPunch


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The punches of the office's day that are on the card, by employee, in the order recorded, as they count by now.

    Those of an earlier life of the card (another `epoch`) are not among them, and none from before `since`.
    """

    zone: tzinfo
    repeat_window_s: float
    epoch: str = ""
    since: datetime | None = None
    punches: Mapping[str, tuple[DayPunch, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def earlier(self, employee: str, at: datetime) -> AttendanceEvent | None:
        """Return the last punch of the office's day of `at` that counts and repeats none that does.

        The day begins earlier where the repeat window does. Where the direction was corrected, what is returned has
        the corrected one, and is not what was signed.
        """
        begin = self.begin(at)
        punches = self.punches.get(employee, ())
        nobodys = {None, *(each.event.seq for each in punches if each.voided)}
        for each in reversed(punches):
            if not each.voided and each.event.repeat_of in nobodys and each.event.punch.occurred_at >= begin:
                return _as_it_counts(each)
        return None

    def history(self, employee: str, at: datetime) -> tuple[DayPunch, ...]:
        """Return the punches of the office's day of `at` that count, repeats among them, in the order recorded."""
        begin = self._midnight(at)
        punches = self.punches.get(employee, ())
        return tuple(each for each in punches if not each.voided and each.event.punch.occurred_at >= begin)

    def begin(self, at: datetime) -> datetime:
        """Return from when on punches matter at `at`: the office's midnight, or the repeat window if that is more."""
        return min(self._midnight(at), at - timedelta(seconds=self.repeat_window_s))

    def filled(self, punches: Iterable[DayPunch], *, epoch: str, at: datetime) -> "Day":
        """Return the day with these punches of `epoch`, in the order recorded, and no others."""
        found: dict[str, list[DayPunch]] = {}
        for each in punches:
            if each.event.epoch == epoch:
                found.setdefault(each.event.punch.employee, []).append(each)
        kept = MappingProxyType({employee: tuple(listed) for employee, listed in found.items()})
        return replace(self, epoch=epoch, since=None, punches=kept).aged(at)

    def aged(self, at: datetime) -> "Day":
        """Return the day without what no longer matters at `at`."""
        begin = self.begin(at)
        if self.since is not None and begin <= self.since:
            return self
        kept = {
            employee: left
            for employee, punches in self.punches.items()
            if (left := tuple(each for each in punches if each.event.punch.occurred_at >= begin))
        }
        return replace(self, since=begin, punches=MappingProxyType(kept))

    def having(self, event: AttendanceEvent) -> "Day":
        """Return the day with one more punch."""
        added = DayPunch(event=event, direction=event.punch.direction, voided=False)
        return self._with(event.punch.employee, (*self.punches.get(event.punch.employee, ()), added))

    def corrected(self, event: AttendanceEvent, direction: Direction | None) -> "Day":
        """Return the day in which the punch of that receipt went in `direction`, or was nobody's (None)."""
        changed = tuple(
            each
            if each.event.receipt != event.receipt
            else replace(each, voided=True)
            if direction is None
            else replace(each, direction=direction)
            for each in self.punches.get(event.punch.employee, ())
        )
        return self._with(event.punch.employee, changed)

    def _with(self, employee: str, punches: tuple[DayPunch, ...]) -> "Day":
        return replace(self, punches=MappingProxyType({**self.punches, employee: punches}))

    def _midnight(self, at: datetime) -> datetime:
        return at.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _as_it_counts(punch: DayPunch) -> AttendanceEvent:
    event = punch.event
    if punch.direction is event.punch.direction:
        return event
    changed = msgspec.structs.replace(event.punch, direction=punch.direction, direction_by=DirectionBy.EMPLOYEE)
    return msgspec.structs.replace(event, punch=changed)
