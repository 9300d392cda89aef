"""In which order the review desk looks at what it should look at. Pure: values in, values out.

The rule, the first that fits, and among equals the newest first:

1. An attack with a face that was taken for an employee's: somebody tried to be recorded as another.
2. An attack with nobody's face.
3. A near miss, after which the same employee came by PIN within FOLLOWED_WITHIN: what the face could not, the PIN did.
4. A PIN beside which something was odd.
5. A near miss alone: mostly a person who did not do what was asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sync.messages import PadVerdict
from sync.register.attacks import Attack
from sync.register.reviews import PinPunch, Review

FOLLOWED_WITHIN = timedelta(minutes=10)


class Risk(IntEnum):
    """The lower, the sooner it is looked at."""

    CLAIMED = 1
    NOBODYS = 2
    FOLLOWED = 3
    PIN = 4
    NEAR_MISS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the review desk: an attack or near miss, or a punch by PIN.

    `followed_by` is the first punch by PIN of the same employee soon after an attack or near miss.
    """

    risk: Risk
    what: Attack | Review
    followed_by: PinPunch | None = None

    @property
    def at(self) -> datetime:
        return self.what.at


def ranked(attacks: Iterable[Attack], reviews: Iterable[Review], pins: Iterable[PinPunch]) -> list[Case]:
    """Return every case, what is to be looked at first first. `pins` are the punches by PIN of those employees."""
    by_time = sorted(pins, key=lambda pin: pin.at)
    cases = [_case_of(each, by_time) for each in attacks]
    cases += [Case(risk=Risk.PIN, what=each) for each in reviews]
    newest_first = sorted(cases, key=lambda case: case.at, reverse=True)
    return sorted(newest_first, key=lambda case: case.risk)


def _case_of(attack: Attack, by_time: Iterable[PinPunch]) -> Case:
    followed_by = next(
        (
            pin
            for pin in by_time
            if pin.employee == attack.employee and timedelta(0) <= pin.at - attack.at <= FOLLOWED_WITHIN
        ),
        None,
    )
    if attack.verdict is PadVerdict.ATTACK:
        risk = Risk.NOBODYS if attack.employee is None else Risk.CLAIMED
    else:
        risk = Risk.NEAR_MISS if followed_by is None else Risk.FOLLOWED
    return Case(risk=risk, what=attack, followed_by=followed_by)
