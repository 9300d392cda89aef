"""What the review desk's page shows: attacks and near misses nobody has decided about yet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync.messages import PadVerdict
from sync.ranking import Risk, ranked
from sync.register.attacks import Attack
from sync.register.events import TimedBy
from sync.register.people import Employee
from sync.register.reviews import PinPunch

SHOWN_CASES = 200
_SHORT = 12  # digits of an id, of which six are enough to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One case. `number` and `name` are whose face it was taken for, both None for nobody's; `about` where the time is
    only known between bounds. `picture` is "here", "elsewhere" (on its kiosk, or deleted) or "none". `pin_at` is when
    the same employee came by PIN soon afterwards.
    """

    id: str
    risk: Risk
    is_attack: bool
    at: datetime
    about: bool
    office: str
    terminal: str
    number: str | None
    name: str | None
    cues: tuple[str, ...]
    paused: bool
    picture: str
    pin_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The page: what is most at risk first. `open` are all that are open, of which `lines` may be some."""

    lines: tuple[Line, ...] = ()
    open: int = 0


def desk_of(attacks: Sequence[Attack], open_: int, pins: Iterable[PinPunch], people: Iterable[Employee]) -> Desk:
    """Return the page of `attacks`, of `open_` in all. People who have withdrawn have no name here."""
    known = {each.number: each.name for each in people if each.withdrawn_at is None}
    lines = tuple(
        _line(case.what, case.risk, None if case.followed_by is None else case.followed_by.at, known)
        for case in ranked(attacks, (), pins)
        if isinstance(case.what, Attack)
    )
    return Desk(lines=lines, open=open_)


def _line(attack: Attack, risk: Risk, pin_at: datetime | None, known: Mapping[str, str]) -> Line:
    named = (attack.evidence_ref or "").startswith("sealed:")
    return Line(
        id=attack.id[:_SHORT],
        risk=risk,
        is_attack=attack.verdict is PadVerdict.ATTACK,
        at=attack.at,
        about=attack.timed_by is TimedBy.BOUNDS,
        office=attack.office,
        terminal=attack.terminal,
        number=attack.employee,
        name=known.get(attack.employee or ""),
        cues=attack.cues,
        paused=attack.held,
        picture="here" if attack.has_picture else "elsewhere" if named else "none",
        pin_at=pin_at,
    )
