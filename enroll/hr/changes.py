"""Pure: what HR's list would change in the register: who is new, called otherwise, moved, ends, or is not on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from enroll.hr.roster import HrList, Listed
from sync.register.people import Employee
from sync.register.rosters import Place, RosterChange


class Kind(StrEnum):
    """What is different about somebody; one person may be several."""

    NEW = "new"
    RENAMED = "renamed"
    MOVED = "moved"
    DATES = "dates"
    ENDS = "ends"
    BACK = "back"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One person the register would have otherwise. `changes` is absent for who is gone from the list and stays."""

    kinds: tuple[Kind, ...]
    number: str
    before: Employee | None
    name: str
    change: RosterChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The list against the register. `gone` of the differences are of `offices` only: those the list is about.

    `unchanged` counts those who are as the list has them, `ended` those who are new but ended before today, and
    `withdrawn` names those whom only the desk may enrol again: neither is touched.
    """

    differences: tuple[Difference, ...]
    unchanged: int
    offices: tuple[str, ...]
    new_offices: tuple[str, ...]
    withdrawn: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[RosterChange, ...]:
        return tuple(each.change for each in self.differences if each.change is not None)

    def count(self, kind: Kind) -> int:
        """Return how many people are that."""
        return sum(kind in each.kinds for each in self.differences)


def compare(
    listed: HrList,
    known: Sequence[Employee],
    *,
    office: str | None,
    home: str,
    at: datetime,
    zone: tzinfo,
    remove_missing: bool = False,
) -> Comparison:
    """Return what the list changes, people in its order and then those it does not have.

    `known` is everybody in the register. Whoever the list gives no office is at `office`; without it they stay where
    they are, and are at `home` if they are new. Days begin at midnight in `zone`; the last day somebody belongs counts
    whole. With `remove_missing` those of the list's offices who are not on it end at `at`; else they are only told.
    """
    by_number = {person.number: person for person in known}
    differences: list[Difference] = []
    unchanged, withdrawn, ended = 0, [], []
    offices: set[str] = {office} if office else set()
    for each in listed.people:
        before = by_number.get(each.number)
        wanted = _wanted(each, before, office=office, home=home, at=at, zone=zone)
        offices.add(wanted.office)
        if before is not None and before.withdrawn_at is not None:
            withdrawn.append(each.number)
            continue
        if before is None and wanted.valid_until is not None and wanted.valid_until <= at:
            ended.append(each.number)
            continue
        found = None if before is None else place_of(before)
        if found == wanted:
            unchanged += 1
            continue
        change = RosterChange(number=each.number, before=found, after=wanted)
        differences.append(
            Difference(
                kinds=_kinds(found, wanted, at), number=each.number, before=before, name=wanted.name, change=change
            )
        )
    on_it = {each.number for each in listed.people} | {row.number for row in listed.bad}
    for person in known:
        if person.number not in on_it and person.office in offices and _present(person, at):
            differences.append(_gone(person, at if remove_missing else None))
    present = {person.office for person in known}
    return Comparison(
        differences=tuple(differences),
        unchanged=unchanged,
        offices=tuple(sorted(offices)),
        new_offices=tuple(sorted(offices - present)),
        withdrawn=tuple(withdrawn),
        ended=tuple(ended),
    )


def place_of(person: Employee) -> Place:
    """Return what a list may change of somebody, as the register has it."""
    return Place(name=person.name, office=person.office, valid_from=person.valid_from, valid_until=person.valid_until)


def last_day(valid_until: datetime, zone: tzinfo) -> date:
    """Return the last day, in `zone`, on any of which somebody belongs until `valid_until`."""
    return (valid_until - timedelta(microseconds=1)).astimezone(zone).date()


def summary(counts: Mapping[Kind, int], unchanged: int) -> str:
    """Return "2 new, 1 moved, 7 unchanged": only what there is, and what is unchanged always."""
    return ", ".join([*(f"{count} {kind}" for kind, count in counts.items() if count), f"{unchanged} unchanged"])


def _wanted(
    each: Listed, before: Employee | None, *, office: str | None, home: str, at: datetime, zone: tzinfo
) -> Place:
    start, until = at, None
    if before is not None:
        start, until = before.valid_from, before.valid_until
        # Whoever is on the list is there: an end that has come is taken back, unless the list itself says it.
        if each.has_until or (until is not None and until <= at):
            until = None
    if each.valid_from is not None and (before is None or start.astimezone(zone).date() != each.valid_from):
        start = _midnight(each.valid_from, zone)
    if each.valid_until is not None:
        until = _midnight(each.valid_until + timedelta(days=1), zone)
        if (
            before is not None
            and before.valid_until is not None
            and last_day(before.valid_until, zone) == (each.valid_until)
        ):
            until = before.valid_until
    there = each.office or office or (before.office if before is not None else home)
    return Place(name=each.name, office=there, valid_from=start, valid_until=until)


def _kinds(before: Place | None, after: Place, at: datetime) -> tuple[Kind, ...]:
    if before is None:
        return (Kind.NEW,)
    kinds = []
    if before.name != after.name:
        kinds.append(Kind.RENAMED)
    if before.office != after.office:
        kinds.append(Kind.MOVED)
    if before.valid_until != after.valid_until:
        was_over = before.valid_until is not None and before.valid_until <= at
        is_over = after.valid_until is not None and after.valid_until <= at
        kinds.append(Kind.BACK if was_over and not is_over else Kind.ENDS if after.valid_until else Kind.DATES)
    if before.valid_from != after.valid_from and Kind.DATES not in kinds:
        kinds.append(Kind.DATES)
    return tuple(kinds)


def _present(person: Employee, at: datetime) -> bool:
    return person.withdrawn_at is None and (person.valid_until is None or person.valid_until > at)


def _gone(person: Employee, ends: datetime | None) -> Difference:
    found = place_of(person)
    change = None
    if ends is not None:
        start = min(found.valid_from, ends)
        change = RosterChange(
            number=person.number, before=found, after=replace(found, valid_from=start, valid_until=ends)
        )
    return Difference(kinds=(Kind.GONE,), number=person.number, before=person, name=person.name, change=change)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
