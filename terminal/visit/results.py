"""The transitions of a visit once there is an answer: committed, shown, changed, looked at, over. *Pure*."""

from dataclasses import replace

from sync.messages import Direction, Method
from terminal.visit import signals
from terminal.visit.keypad import start_typing, tap
from terminal.visit.signals import (
    Chime,
    CommitFailed,
    Committed,
    Correct,
    Corrected,
    Saw,
    Sound,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Correcting,
    History,
    Idle,
    KeypadReason,
    NotRecognised,
    NotRecorded,
    Now,
    PinCode,
    PinNumber,
    Recorded,
    Recording,
    Result,
    Visit,
)
from terminal.visit.steps import (
    Step,
    at,
    employee_of,
    home,
    known,
    lasting,
    leads_to,
    mark_done,
    not_recorded,
    open_keypad,
    punch_face,
    remember,
)

_CORRECTING_S = 10.0  # a card that has not answered by then never does
_HISTORY_S = 10.0


@leads_to(Recorded, AlreadyRecorded)
def confirm(visit: Visit, state: Recording, given: Committed, now: Now) -> Step:
    """The card has it: only here does a screen turn green."""
    asked, got = state.punch, given.event.punch
    if (got.employee, got.method, got.occurred_at) != (asked.employee, asked.method, asked.occurred_at):
        return visit, ()
    if state.track_id is not None:
        visit = mark_done(visit, state.track_id)
    visit = remember(visit, tries=0)
    since_s, until_s = now.monotonic_s, lasting(visit, visit.rules.result_s, now)
    if given.first_event is None:
        recorded = Recorded(
            event=given.event,
            direction=got.direction,
            track_id=state.track_id,
            since_s=since_s,
            until_s=until_s,
            today=given.today,
            administrator=given.administrator,
        )
        return at(visit, recorded), (Chime(sound=Sound.RECORDED),)
    already = AlreadyRecorded(
        event=given.event,
        first=given.first_event,
        track_id=state.track_id,
        since_s=since_s,
        until_s=until_s,
        today=given.today,
        administrator=given.administrator,
    )
    return at(visit, already), (Chime(sound=Sound.ALREADY),)


@leads_to(NotRecorded)
def apologise(visit: Visit, state: Recording | Correcting, given: CommitFailed, now: Now) -> Step:
    return not_recorded(visit, state.track_id, now)


@leads_to(NotRecorded)
def give_up(visit: Visit, state: Recording | Correcting, given: Tick, now: Now) -> Step:
    """A card that never answers is a card that did not thank."""
    return not_recorded(visit, state.track_id, now) if now.monotonic_s >= state.until_s else (visit, ())


@leads_to(Recording)
def pre_empt(visit: Visit, state: Result | NotRecorded | History, given: Saw, now: Now) -> Step:
    """The next known face takes the screen; whoever stays, or was waiting beside a keypad, waits for its end."""
    visit = remember(visit, camera_lost=False)
    shown = state.result if isinstance(state, History) else state
    served = known(visit, given.sighting, now)
    if served is None or served.track_id == shown.track_id:
        return visit, ()
    if not isinstance(shown, NotRecorded) and employee_of(served) == shown.event.punch.employee:
        return mark_done(visit, served.track_id), ()  # the same person, whose track broke or who typed a PIN
    if served.track_id in visit.memory.held:
        return visit, ()
    return punch_face(visit, served, given, now)


@leads_to(Idle, CameraDown)
def end_result(visit: Visit, state: Result | NotRecognised | NotRecorded | History, given: Tick, now: Now) -> Step:
    return (home(visit, now), ()) if now.monotonic_s >= state.until_s else (visit, ())


@leads_to(Correcting, History, PinNumber)
def tap_result(visit: Visit, state: Result, given: Tapped, now: Now) -> Step:
    """Whoever was answered changes the direction, says that it was not them, or looks at their day."""
    match given.button:
        case signals.CHANGE_BUTTON if isinstance(state, Recorded):
            other = Direction.OUT if state.direction is Direction.IN else Direction.IN
            return _correct(visit, state, other, now)
        case signals.NOT_ME_BUTTON:
            return _correct(visit, state, None, now)
        case signals.TODAY_BUTTON:
            until_s = lasting(visit, _HISTORY_S, now)
            return at(visit, History(result=state, until_s=until_s)), (Chime(sound=Sound.KEY),)
    return tap(visit, state, given, now)


@leads_to(Correcting, History, PinCode, PinNumber)
def type_result(visit: Visit, state: Result, given: Typed, now: Now) -> Step:
    button = signals.KEYS.get(given.key)
    if button is not None:
        return tap_result(visit, state, Tapped(button=button), now)
    return start_typing(visit, state, given, now)


@leads_to(Idle, CameraDown, PinCode, PinNumber)
def use_history(visit: Visit, state: History, given: Tapped | Typed, now: Now) -> Step:
    """The way back is any key that means it; an administrator goes on to their menu, by PIN."""
    wish = given.button if isinstance(given, Tapped) else signals.KEYS.get(given.key, given.key)
    match wish:
        case signals.BACK_BUTTON | signals.CANCEL | signals.BACKSPACE | signals.TODAY_BUTTON:
            return home(visit, now), (Chime(sound=Sound.KEY),)
        case signals.DESK_BUTTON | signals.ENTER if may_open_desk(state.result):
            number = state.result.event.punch.employee
            opened = open_keypad(visit, KeypadReason.DESK, now.at, now)
            assert isinstance(opened.state, PinNumber)  # noqa: S101 - it is what was opened
            keypad = replace(opened.state.keypad, touched=True)
            return at(opened, PinCode(keypad=keypad, number=number)), (Chime(sound=Sound.KEY),)
    if isinstance(given, Tapped):
        return tap(visit, state, given, now)
    return start_typing(visit, state, given, now)


def may_open_desk(result: Result) -> bool:
    """Return whether whoever was answered may go on to the administrator's menu: their face has been seen just now."""
    return result.administrator and result.event.punch.method is Method.FACE


@leads_to(Recorded, PinNumber)
def corrected(visit: Visit, state: Correcting, given: Corrected, now: Now) -> Step:
    """The card has the correction: the new direction is shown, or the PIN of whoever it really was is asked for."""
    result = state.result
    if (given.event, given.direction) != (result.event, state.direction):
        return visit, ()
    if state.direction is None:
        punch = result.event.punch
        return open_keypad(visit, KeypadReason.NOT_ME, punch.first_seen_at, now), (Chime(sound=Sound.KEY),)
    assert isinstance(result, Recorded)  # noqa: S101 - tap_result changes the direction of nothing else
    since_s, until_s = now.monotonic_s, lasting(visit, visit.rules.result_s, now)
    shown = replace(result, direction=state.direction, since_s=since_s, until_s=until_s, today=given.today)
    return at(visit, shown), (Chime(sound=Sound.RECORDED),)


def _correct(visit: Visit, state: Result, direction: Direction | None, now: Now) -> Step:
    correcting = Correcting(result=state, direction=direction, until_s=now.monotonic_s + _CORRECTING_S)
    return at(visit, correcting), (Correct(event=state.event, direction=direction),)
