"""What the live page shows, worked out from the register's values. Pure: no clock, no database; time is an argument."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sync.messages import Direction, TerminalStatus
from sync.register.events import RegisteredEvent, TimedBy
from sync.register.people import Employee
from sync.register.statuses import TerminalState

SHOWN_ARRIVALS = 60
SHOWN_PEOPLE = 48
"""Names listed of each group of an office; the rest is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One line of the list. `at` is when the person arrived, as well as it is known (`timed_by` clock, boot, bounds).

    Between bounds, it was not before `earliest` nor after `latest`. `after_s` is how long after the recognition the
    register had it, absent where the kiosk's clock was not known. `corrected` where the direction was changed at the
    kiosk after it was recorded.
    """

    id: int
    at: datetime
    number: str
    name: str | None
    initials: str
    hue: int
    office: str
    terminal: str
    direction: str
    method: str
    repeat: bool
    corrected: bool
    after_s: float | None
    timed_by: str
    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An employee in a group of an office; `since` is their newest punch, `elsewhere` where that was if not at home.

    `about` where the time of that punch is only known between bounds.
    """

    number: str
    name: str
    initials: str
    hue: int
    since: datetime | None
    about: bool
    elsewhere: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeNow:
    """An office's people. `complete_until` is the moment up to which every one of its kiosks has told all it knows,
    absent while one has not; of `kiosks` kiosks `heard` are online."""

    id: str
    name: str
    inside: tuple[Seen, ...]
    left: tuple[Seen, ...]
    not_yet: tuple[Seen, ...]
    complete_until: datetime | None
    kiosks: int
    heard: int


class KioskState(StrEnum):
    """`silent` is a kiosk that claims to be online but has not spoken for too long."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kiosk:
    """A terminal's tile. `not_me` counts the punches of today that were voided there: it had taken them for another;
    `attacks` what was held before its camera today and was no living person."""

    office: str
    terminal: str
    state: KioskState
    heard_at: datetime
    status: TerminalStatus
    not_me: int = 0
    attacks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The whole page. `earlier` counts punches of today that the list leaves out."""

    day: date
    punches: int
    arrivals: tuple[Arrival, ...]
    earlier: int
    offices: tuple[OfficeNow, ...]
    kiosks: tuple[Kiosk, ...]

    @property
    def inside(self) -> int:
        return sum(len(office.inside) for office in self.offices)

    @property
    def left(self) -> int:
        return sum(len(office.left) for office in self.offices)

    @property
    def not_yet(self) -> int:
        return sum(len(office.not_yet) for office in self.offices)

    @property
    def kiosks_online(self) -> int:
        return sum(kiosk.state is KioskState.ONLINE for kiosk in self.kiosks)


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the midnight before `now` in `zone`."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def board_of(
    records: Iterable[RegisteredEvent],
    people: Iterable[Employee],
    heard: Iterable[TerminalState],
    *,
    now: datetime,
    zone: ZoneInfo,
    office_names: Mapping[str, str],
    silent_after_s: float,
    attacks: Mapping[tuple[str, str], int] | None = None,
) -> Board:
    """Return the page at `now`: everything of the day that `now` has in `zone`, newest first.

    A punch belongs to the day on which its face was first seen, as well as that is known. One that was voided at its
    kiosk is nobody's. `attacks` counts those of today by (office, terminal). Who has withdrawn has no name here.
    """
    midnight = day_start(now, zone)
    known = {each.number: each for each in people if each.withdrawn_at is None}
    of_today = [each for each in records if each.counted_at >= midnight]
    not_me = Counter((each.office, each.terminal) for each in of_today if each.voided)
    nobodys = {(each.terminal, each.epoch, each.seq) for each in of_today if each.voided}
    today = [_first_of_its_own(each, nobodys) for each in of_today if not each.voided]
    today.sort(key=lambda each: (each.counted_at, each.id), reverse=True)
    tiles = (
        replace(
            _kiosk(each, now, silent_after_s),
            not_me=not_me[each.office, each.terminal],
            attacks=(attacks or {}).get((each.office, each.terminal), 0),
        )
        for each in heard
    )
    kiosks = tuple(sorted(tiles, key=lambda kiosk: (kiosk.office, kiosk.terminal)))
    return Board(
        day=midnight.date(),
        punches=len(today),
        arrivals=tuple(_arrival(each, known) for each in today[:SHOWN_ARRIVALS]),
        earlier=max(len(today) - SHOWN_ARRIVALS, 0),
        offices=_offices(today, known, kiosks, office_names),
        kiosks=kiosks,
    )


def _first_of_its_own(record: RegisteredEvent, nobodys: set[tuple[str, str, int]]) -> RegisteredEvent:
    """Return the punch, as no repeat where the one it repeats was voided."""
    if record.repeat_of is None or (record.terminal, record.epoch, record.repeat_of) not in nobodys:
        return record
    return replace(record, repeat_of=None)


def initials(name: str) -> str:
    """Return one or two letters that stand for a name."""
    firsts = [letters[0] for word in name.split() if (letters := [sign for sign in word if sign.isalpha()])]
    letters = firsts if len(firsts) < 2 else [firsts[0], firsts[-1]]
    return "".join(letters).upper()[:2] or "?"


def _hue(number: str) -> int:
    """Return one of twelve colours for a number, the same every time."""
    return zlib.crc32(number.encode()) % 12


def _arrival(record: RegisteredEvent, known: Mapping[str, Employee]) -> Arrival:
    person = known.get(record.employee)
    return Arrival(
        id=record.id,
        at=record.counted_at,
        number=record.employee,
        name=person.name if person else None,
        initials=initials(person.name) if person else "?",
        hue=_hue(record.employee),
        office=record.office,
        terminal=record.terminal,
        direction=record.direction.value,
        method=record.method.value,
        repeat=record.repeat_of is not None,
        corrected=record.recorded_direction is not None,
        after_s=max((record.received_at - record.occurred_at).total_seconds(), 0)
        if record.timed_by is TimedBy.CLOCK
        else None,
        timed_by=record.timed_by.value,
        earliest=record.earliest_at,
        latest=record.latest_at,
    )


def _kiosk(heard: TerminalState, now: datetime, silent_after_s: float) -> Kiosk:
    if not heard.online:
        state = KioskState.OFFLINE
    elif now - heard.heard_at > timedelta(seconds=silent_after_s):
        state = KioskState.SILENT
    else:
        state = KioskState.ONLINE
    return Kiosk(
        office=heard.office,
        terminal=heard.terminal,
        state=state,
        heard_at=heard.heard_at,
        status=heard.status,
    )


def _offices(
    newest_first: list[RegisteredEvent],
    known: Mapping[str, Employee],
    kiosks: tuple[Kiosk, ...],
    names: Mapping[str, str],
) -> tuple[OfficeNow, ...]:
    last: dict[str, RegisteredEvent] = {}
    for record in newest_first:
        if record.repeat_of is None:
            last.setdefault(record.employee, record)
    groups: dict[str, tuple[list[Seen], list[Seen], list[Seen]]] = {}
    for person in sorted(known.values(), key=lambda each: (each.name.casefold(), each.number)):
        inside, left, not_yet = groups.setdefault(person.office, ([], [], []))
        newest = last.get(person.number)
        seen = _seen(person, newest, names)
        if newest is None:
            not_yet.append(seen)
        else:
            (inside if newest.direction is Direction.IN else left).append(seen)
    for kiosk in kiosks:
        groups.setdefault(kiosk.office, ([], [], []))
    return tuple(
        _office(office, names.get(office, office), groups[office], [k for k in kiosks if k.office == office])
        for office in sorted(groups)
    )


def _office(
    office: str, name: str, groups: tuple[list[Seen], list[Seen], list[Seen]], kiosks: list[Kiosk]
) -> OfficeNow:
    told = [kiosk.heard_at for kiosk in kiosks if kiosk.status.outbox_depth == 0]
    return OfficeNow(
        id=office,
        name=name,
        inside=tuple(groups[0]),
        left=tuple(groups[1]),
        not_yet=tuple(groups[2]),
        complete_until=min(told) if kiosks and len(told) == len(kiosks) else None,
        kiosks=len(kiosks),
        heard=sum(kiosk.state is KioskState.ONLINE for kiosk in kiosks),
    )


def _seen(person: Employee, record: RegisteredEvent | None, names: Mapping[str, str]) -> Seen:
    away = record is not None and record.office != person.office
    return Seen(
        number=person.number,
        name=person.name,
        initials=initials(person.name),
        hue=_hue(person.number),
        since=record.counted_at if record else None,
        about=record is not None and record.timed_by is TimedBy.BOUNDS,
        elsewhere=names.get(record.office, record.office) if record and away else None,
    )
