"""The transitions of a visit that fingers cause: the keypad, its number and its six digits. *Pure*."""

import re
from dataclasses import replace
from typing import Any

from sync.messages import DirectionBy, Punch
from terminal.sighting import since
from terminal.visit import desk, signals
from terminal.visit.doubting import chose_pin, vouched
from terminal.visit.signals import CheckPin, Chime, NoteDesk, PinAnswered, PinVerdict, Sound, Tapped, Tick, Typed
from terminal.visit.states import (
    CameraDown,
    Challenged,
    Desk,
    Idle,
    Keypad,
    KeypadReason,
    Now,
    PinChecking,
    PinCode,
    PinNumber,
    PinProblem,
    Recording,
    State,
    Visit,
)
from terminal.visit.steps import (
    Step,
    arrived_at,
    at,
    direction_of,
    eased,
    home,
    lasting,
    leads_to,
    open_keypad,
    record,
    remember,
    repeated,
)

CODE_DIGITS = 6
MAX_NUMBER = 32
_CHECKING_S = 10.0  # a PIN check takes well under a second; this long means the desk is gone
_PROBLEMS = {PinVerdict.WAIT: PinProblem.WAIT, PinVerdict.NO_ANSWER: PinProblem.NO_ANSWER}


@leads_to(PinNumber)
def tap(visit: Visit, state: State, given: Tapped, now: Now) -> Step:
    """Open the keypad, or give large letters and more time, or take them back."""
    if given.button == signals.EASE_BUTTON:
        until_s = float("-inf") if eased(visit, now) else now.monotonic_s + visit.rules.ease_s
        return remember(visit, ease_until_s=until_s), (Chime(sound=Sound.KEY),)
    if given.button != signals.PIN_BUTTON:
        return visit, ()
    return _asked(visit, state, now), (Chime(sound=Sound.KEY),)


@leads_to(PinNumber, PinCode)
def start_typing(visit: Visit, state: State, given: Typed, now: Now) -> Step:
    """The first key opens the keypad and counts: a keyboard, a reader that types, need no touch."""
    if given.key in signals.KEYS:
        return tap(visit, state, Tapped(button=signals.KEYS[given.key]), now)
    if given.key != signals.ENTER and not _fits_number("", given.key):
        return visit, ()
    visit = _asked(visit, state, now)
    if (given.key == signals.ENTER and not given.burst) or not isinstance(visit.state, PinNumber):
        return visit, (Chime(sound=Sound.KEY),)
    return type_number(visit, visit.state, given, now)


@leads_to(Idle, PinCode, CameraDown)
def type_number(visit: Visit, state: PinNumber, given: Typed | Tapped, now: Now) -> Step:
    number = state.number
    match _key(given):
        case signals.CANCEL:
            return home(visit, now), (Chime(sound=Sound.KEY),)
        case signals.ENTER if burst := _burst(given):
            return _take_burst(visit, state, burst, now)
        case signals.ENTER if not number:
            return _keep_typing(visit, state, now, problem=PinProblem.NO_NUMBER)
        case signals.ENTER:
            code = PinCode(keypad=_used(visit, state.keypad, now), number=number)
            return at(visit, code), (Chime(sound=Sound.KEY),)
        case signals.BACKSPACE:
            return _keep_typing(visit, state, now, number=number[:-1], problem=None)
        case key if _fits_number(number, key):
            return _keep_typing(visit, state, now, number=number + key, problem=None)
    return visit, ()


@leads_to(Idle, PinNumber, PinChecking, CameraDown)
def type_code(visit: Visit, state: PinCode, given: Typed | Tapped, now: Now) -> Step:
    code = state.code
    match _key(given):
        case signals.CANCEL:
            return home(visit, now), (Chime(sound=Sound.KEY),)
        case signals.ENTER if (burst := _burst(given)) and burst != code:
            # A badge read once more is no PIN, and no try; what else a reader says here is not read at all.
            problem = None if burst == state.number else PinProblem.UNREADABLE
            return _keep_typing(visit, state, now, code="", problem=problem)
        case signals.ENTER if len(code) < CODE_DIGITS:
            return _keep_typing(visit, state, now, problem=PinProblem.TOO_SHORT)
        case signals.ENTER:
            return _check(visit, state, now)
        case signals.BACKSPACE if not code and state.keypad.reason is KeypadReason.DESK:
            return home(visit, now), (Chime(sound=Sound.KEY),)  # the number is that of the face, and stays so
        case signals.BACKSPACE if not code:
            number = PinNumber(keypad=_used(visit, state.keypad, now), number=state.number)
            return at(visit, number), (Chime(sound=Sound.KEY),)
        case signals.BACKSPACE:
            return _keep_typing(visit, state, now, code=code[:-1], problem=None)
        case key if re.fullmatch("[0-9]", key) and len(code) < CODE_DIGITS:
            return _keep_typing(visit, state, now, code=code + key, problem=None)
    return visit, ()


@leads_to(Idle, CameraDown)
def cancel_only(visit: Visit, state: PinChecking, given: Typed | Tapped, now: Now) -> Step:
    """Only cancel is heard; the answer that comes later finds nobody waiting and records nothing."""
    return (home(visit, now), (Chime(sound=Sound.KEY),)) if _key(given) == signals.CANCEL else (visit, ())


@leads_to(Recording, PinCode, Desk)
def hear_desk(visit: Visit, state: PinChecking, given: PinAnswered, now: Now) -> Step:
    if given.check != state.check:
        return visit, ()
    for_desk = state.keypad.reason is KeypadReason.DESK
    if given.verdict is PinVerdict.OK and given.employee is not None and not for_desk:
        return _punch_pin(visit, state, given.employee, given, now)
    if for_desk and given.verdict is PinVerdict.OK and desk.opens(given, state.number):
        return desk.open_desk(visit, state.number, now)
    code = PinCode(
        keypad=_used(visit, state.keypad, now),
        number=state.number,
        problem=_PROBLEMS.get(given.verdict, PinProblem.WRONG),
        wait_until_s=now.monotonic_s + given.wait_s,
    )
    wrong = for_desk and given.verdict not in _PROBLEMS
    refused = (NoteDesk(employee=state.number, action="refused"),) if wrong else ()
    return at(visit, code), (*refused, Chime(sound=Sound.REFUSED))


@leads_to(Idle, CameraDown)
def close(visit: Visit, state: PinNumber | PinCode, given: Tick, now: Now) -> Step:
    closes_at_s = min(state.keypad.idle_until_s, state.keypad.closes_at_s)
    return (home(visit, now), ()) if now.monotonic_s >= closes_at_s else (visit, ())


@leads_to(PinCode)
def desk_gone(visit: Visit, state: PinChecking, given: Tick, now: Now) -> Step:
    if now.monotonic_s < state.until_s:
        return visit, ()
    keypad = _used(visit, state.keypad, now)
    return at(visit, PinCode(keypad=keypad, number=state.number, problem=PinProblem.NO_ANSWER)), ()


def _asked(visit: Visit, state: State, now: Now) -> Visit:
    if isinstance(state, Challenged):
        visit = chose_pin(visit, state, now)
    return open_keypad(visit, KeypadReason.ASKED, arrived_at(state, now), now)


def _punch_pin(visit: Visit, state: PinChecking, employee: str, given: PinAnswered, now: Now) -> Step:
    first = repeated(state.asked_at, given.earlier, visit.rules)
    punch = Punch(
        employee=employee,
        method=given.method,
        direction=direction_of(state.asked_at, earlier=given.earlier, rules=visit.rules),
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=state.asked_at,
        first_seen_at=since(
            state.keypad.arrived_at,
            now=state.asked_at,
            passed_s=state.until_s - _CHECKING_S - state.keypad.arrived_s,
        ),
        gallery_version=given.gallery_version,
        engine_id=given.engine_id,
        score=given.score,
        evidence_ref=given.evidence_ref,
        review=given.review,
        pad=given.pad,
    )
    return record(visit, vouched(punch, state.keypad, visit.memory.doubt), first, None, now)


def _used(visit: Visit, keypad: Keypad, now: Now) -> Keypad:
    return replace(keypad, touched=True, idle_until_s=lasting(visit, visit.rules.pin_timeout_s, now))


def _keep_typing(visit: Visit, state: PinNumber | PinCode, now: Now, **changes: Any) -> Step:
    state = replace(state, keypad=_used(visit, state.keypad, now), **changes)
    return at(visit, state), (Chime(sound=Sound.KEY),)


def _check(visit: Visit, state: PinCode, now: Now) -> Step:
    check = visit.memory.check + 1
    checking = PinChecking(
        keypad=_used(visit, state.keypad, now),
        number=state.number,
        check=check,
        asked_at=now.at,
        until_s=now.monotonic_s + _CHECKING_S,
    )
    asks = CheckPin(check=check, number=state.number, pin=state.code)
    return at(remember(visit, check=check), checking), (asks,)


def _take_burst(visit: Visit, state: PinNumber, burst: str, now: Now) -> Step:
    """A badge held to a reader names its number in one go, whatever stood there; one that cannot be it goes whole."""
    if _is_number(burst):
        return at(visit, PinCode(keypad=_used(visit, state.keypad, now), number=burst)), (Chime(sound=Sound.KEY),)
    return _keep_typing(visit, state, now, number="", problem=PinProblem.UNREADABLE)


def _burst(given: Typed | Tapped) -> str:
    return given.burst if isinstance(given, Typed) else ""


def _is_number(text: str) -> bool:
    return all(_fits_number(text[:place], character) for place, character in enumerate(text))


def _key(given: Typed | Tapped) -> str:
    return given.key if isinstance(given, Typed) else given.button


def _fits_number(number: str, key: str) -> bool:
    """Return whether `key` may follow in an employee number, whose letters and length `messages` fixes."""
    if len(number) >= MAX_NUMBER:
        return False
    return re.fullmatch("[0-9A-Za-z.-]" if number else "[0-9A-Za-z]", key) is not None
