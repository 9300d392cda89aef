"""HR's list at the enrolment desk: held against the register, shown, and then taken over whole or not at all."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import config
from enroll.bulk.roster import RosterRefused
from enroll.hr.changes import Comparison, Kind, compare
from enroll.hr.roster import HrList, read_hr_list
from enroll.person import pin_is_foreign
from sync.register import Register, people, rosters
from sync.register.people_schema import checked_office

_log = logging.getLogger("hadir.enroll.hr")


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterReport:
    """What the list says and would change. `pin_again` are those who move and whose PIN is of no use there, `applied`
    how many changes were made, None where none was to be."""

    listed: HrList
    comparison: Comparison
    pin_again: frozenset[str]
    applied: int | None = None

    @property
    def to_publish(self) -> tuple[str, ...]:
        """The offices whose kiosks have to hear of the changes, by name."""
        return tuple(sorted({
            place.office
            for change in self.comparison.changes
            for place in (change.before, change.after)
            if place is not None
        }))  # fmt: skip


def take_roster(
    settings: config.Config,
    path: Path,
    *,
    office: str | None = None,
    apply: bool = False,
    remove_missing: bool = False,
    at: datetime | None = None,
) -> RosterReport:
    """Return what HR's list would change in the register, and with `apply` have all of it changed, or nothing.

    Rows that cannot be taken are left out. `remove_missing` ends those of the list's offices who are not on it, as of
    `at` (default: now); their templates stay until they are withdrawn. Raises RosterRefused for a list that cannot be
    read, and for one with bad rows where it is to remove people; PersonRefused, RegisterError.
    """
    listed = read_hr_list(path)
    if remove_missing and listed.bad:
        raise RosterRefused(
            f"{len(listed.bad)} rows of {path} cannot be taken (the first: line {listed.bad[0].line}, "
            f"{listed.bad[0].why}); mend them before anybody who is missing is ended"
        )
    office = None if office is None else checked_office(office)
    at = at or datetime.now(UTC)
    url = settings.centre.register
    if not apply and url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return _report(settings, None, listed, office=office, at=at, remove_missing=remove_missing)
    with Register.open(url, settings.centre.keys) as register:
        report = _report(settings, register, listed, office=office, at=at, remove_missing=remove_missing)
        if not apply:
            return report
        applied = rosters.apply_changes(register, report.comparison.changes)
    _log.info("a list of %d people was taken over: %d changes", len(listed.people), applied)
    return RosterReport(listed=listed, comparison=report.comparison, pin_again=report.pin_again, applied=applied)


def offices_due(settings: config.Config) -> list[str]:
    """Return the offices where somebody's days began or ended since their set was last released: to be published."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return rosters.offices_due(register, datetime.now(UTC))


def _report(
    settings: config.Config,
    register: Register | None,
    listed: HrList,
    *,
    office: str | None,
    at: datetime,
    remove_missing: bool,
) -> RosterReport:
    comparison = compare(
        listed,
        people.list_people(register) if register is not None else [],
        office=office,
        home=settings.office.id,
        at=at,
        zone=settings.office.zone,
        remove_missing=remove_missing,
    )
    moved = [each for each in comparison.differences if Kind.MOVED in each.kinds and each.change is not None]
    pin_again = frozenset(
        each.number
        for each in moved
        if each.change is not None
        and register is not None
        and pin_is_foreign(settings, people.pin_hash_of(register, each.number), each.change.after.office)
    )
    return RosterReport(listed=listed, comparison=comparison, pin_again=pin_again)
