"""What the register holds of a run, compared with who really walked up. Pure: values in, numbers out.

The clip's truth has times from the clip's beginning; the kiosk's log says when each round of the clip began. Only
walk-ups that were over before the run ended, or the camera began anew, are judged.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from demo.clip import WalkUp
from sync.messages import Method
from sync.register.events import RegisteredEvent

MARGIN = timedelta(seconds=0.5)
"""The kiosk decides a little after somebody was last seen, never half a second."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The run in numbers. A walk-up is judged when it was over in time; `visits` are those of enrolled people.

    `recorded`: visits with a punch by face under the right number. `wrong`: visits without one, plus punches by face
    under the number of somebody who was not there, strangers' included. `strangers`: walk-ups of people not enrolled,
    with nothing before their face; `strangers_named`: those during which, with nobody else there, somebody's punch was
    recorded. `attacks`: walk-ups with somebody's photo before the face; `attacks_recorded`: those during which a punch
    of who is on it was recorded, which is not counted among `wrong`. `register_events`:
    every punch of this run in the register, `pin_events` of them by PIN. `unfinished`: walk-ups cut off by the end or
    by a restart, not judged. Without a truth (a live camera) all but the events are None.
    """

    visits: int | None
    recorded: int | None
    wrong: int | None
    strangers: int | None
    strangers_named: int | None
    register_events: int
    pin_events: int
    unfinished: int | None
    attacks: int | None = None
    attacks_recorded: int | None = None


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """A walk-up as it happened in one round of the clip."""

    name: str
    expected: str | None
    certain: bool
    starts: datetime
    ends: datetime
    shows: str | None = None


def tally(
    events: Sequence[RegisteredEvent],
    walk_ups: Sequence[WalkUp] | None,
    *,
    began: Sequence[datetime],
    ended: datetime,
    people_before: Mapping[str, str],
    people_after: Mapping[str, str],
) -> Tally:
    """Return the run's numbers. `began` has the beginning of every round of the clip, `ended` is the end of the run.

    `people_before` and `people_after` are number to name of the released people at both ends of the run: somebody who
    was enrolled or withdrawn meanwhile may be recorded or not, but under no other number.
    """
    by_face = [event for event in events if event.method is Method.FACE]
    pin_events = len(events) - len(by_face)
    if walk_ups is None:
        return Tally(
            visits=None,
            recorded=None,
            wrong=None,
            strangers=None,
            strangers_named=None,
            register_events=len(events),
            pin_events=pin_events,
            unfinished=None,
        )
    rounds, unfinished = _rounds(walk_ups, began, ended, people_before, people_after)
    everybody = [*rounds, *unfinished]
    recorded = [each for each in rounds if any(_is_of(event, each) for event in by_face)]
    missed = [each for each in rounds if each.certain and each.expected is not None and each not in recorded]
    false = [event for event in by_face if not any(_is_of(event, each) or _is_shown(event, each) for each in everybody)]
    attacks = [each for each in rounds if each.shows is not None]
    strangers = [each for each in rounds if each.expected is None and each.shows is None]
    named = [each for each in strangers if any(_alone_at(each, event.occurred_at, everybody) for event in false)]
    return Tally(
        visits=len(recorded) + len(missed),
        recorded=len(recorded),
        wrong=len(missed) + len(false),
        strangers=len(strangers),
        strangers_named=len(named),
        register_events=len(events),
        pin_events=pin_events,
        unfinished=len(unfinished),
        attacks=len(attacks),
        attacks_recorded=sum(any(_is_shown(event, each) for event in by_face) for each in attacks),
    )


def _rounds(
    walk_ups: Sequence[WalkUp],
    began: Sequence[datetime],
    ended: datetime,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> tuple[list[Round], list[Round]]:
    """Return the walk-ups that were over in time, and those that had begun but were not."""
    whole, cut = [], []
    for number, start in enumerate(began):
        until = began[number + 1] if number + 1 < len(began) else ended
        for each in walk_ups:
            was, now = _enrolled(each, before), _enrolled(each, after)
            if each.shows is not None:
                was = now = None  # behind a photo nobody is to be recognised
            happened = Round(
                name=each.name,
                expected=now or was,
                certain=was == now,
                starts=start + timedelta(seconds=each.starts_s),
                ends=start + timedelta(seconds=each.ends_s),
                shows=each.shows,
            )
            if happened.ends <= until:
                whole.append(happened)
            elif happened.starts < until:
                cut.append(happened)
    return whole, cut


def _enrolled(each: WalkUp, people: Mapping[str, str]) -> str | None:
    """Return the number under which the walker is enrolled: the truth's own, or that of somebody of the same name."""
    if each.employee is not None and each.employee in people:
        return each.employee
    return next((number for number, name in people.items() if name == each.name), None)


def _is_of(event: RegisteredEvent, each: Round) -> bool:
    return event.employee == each.expected and _during(each, event.occurred_at)


def _is_shown(event: RegisteredEvent, each: Round) -> bool:
    return event.employee == each.shows and _during(each, event.occurred_at)


def _during(each: Round, moment: datetime) -> bool:
    return each.starts <= moment <= each.ends + MARGIN


def _alone_at(each: Round, moment: datetime, everybody: Sequence[Round]) -> bool:
    there = [other for other in everybody if _during(other, moment)]
    return each in there and all(other.expected is None for other in there)
