"""The transitions of an enrolment's beginning: who it is, and what they decide at the purpose. *Pure*."""

import re
from dataclasses import replace

from enroll.wizard import signals
from enroll.wizard.choices import wish
from enroll.wizard.signals import Speak, Tapped, Tick, Typed
from enroll.wizard.states import (
    Cancelled,
    Capture,
    ChoosePin,
    FindEmployee,
    NoCamera,
    NumberProblem,
    Purpose,
    State,
    Why,
    Wizard,
)
from enroll.wizard.steps import KEY, Step, at, cancelled, capturing, decided, leads_to, poses_of, without_face
from enroll.wizard.values import Draft, Ground
from terminal.visit.signals import BACKSPACE, CANCEL, ENTER, LANGUAGE_BUTTON, Chime, Sound
from terminal.visit.states import Now

MAX_NUMBER = 32
_NUMBER_SIGN = re.compile(r"[0-9A-Za-z.-]")


def finding(wizard: Wizard, now: Now) -> Wizard:
    return at(wizard, FindEmployee(until_s=now.monotonic_s + wizard.rules.idle_s))


def reading(wizard: Wizard, employee: str, now: Now, *, language: str) -> Wizard:
    until_s = now.monotonic_s + wizard.rules.reading_s
    return at(wizard, Purpose(employee=employee, language=language, until_s=until_s))


@leads_to(Purpose, Cancelled)
def find(wizard: Wizard, state: FindEmployee, given: Tapped | Typed, now: Now) -> Step:
    """A number is typed, a badge read or a line of the roster touched; only who is on the roster goes on."""
    key = given.button if isinstance(given, Tapped) else given.key
    if key.startswith(signals.EMPLOYEE_BUTTON) and isinstance(given, Tapped):
        return _take(wizard, state, key.removeprefix(signals.EMPLOYEE_BUTTON), now)
    match key:
        case _ if key == CANCEL:
            return cancelled(wizard, Why.CANCELLED)
        case _ if key == ENTER:
            burst = given.burst if isinstance(given, Typed) else ""
            return _take(wizard, state, burst or state.number, now)
        case _ if key == BACKSPACE:
            return _typing(wizard, state, state.number[:-1], None, now)
        case _ if _NUMBER_SIGN.fullmatch(key) and len(state.number) < MAX_NUMBER:
            return _typing(wizard, state, state.number + key, None, now)
    return wizard, ()


@leads_to(Capture, NoCamera, ChoosePin, Cancelled)
def decide(wizard: Wizard, state: Purpose, given: Tapped | Typed, now: Now) -> Step:
    """The person agrees, goes on without a face, or the office's other basis is taken; each with text and moment."""
    state = replace(state, until_s=now.monotonic_s + wizard.rules.reading_s)
    match wish(wizard, given):
        case signals.AGREE_BUTTON:
            return _capture(wizard, state, Ground.CONSENT, now)
        case signals.OTHER_BASIS_BUTTON:
            return _capture(wizard, state, Ground.PUBLIC_DUTY, now)
        case signals.REFUSE_BUTTON:
            return without_face(wizard, _draft(wizard, state, Ground.NO_FACE, now), now)
        case signals.PHOTO_BUTTON:
            return at(wizard, replace(state, photo=not state.photo)), (KEY,)
        case str(language) if language.startswith(LANGUAGE_BUTTON):
            language = language.removeprefix(LANGUAGE_BUTTON)
            return at(wizard, replace(state, language=language)), (KEY, Speak(language=language))
        case "cancel":
            return cancelled(wizard, Why.CANCELLED)
    return wizard, ()


@leads_to(Cancelled)
def leave_alone(wizard: Wizard, state: State, given: Tick, now: Now) -> Step:
    """Nobody did anything for a while: it ends, and nothing is kept."""
    if now.monotonic_s < getattr(state, "until_s", float("inf")):
        return wizard, ()
    return cancelled(wizard, Why.LEFT_ALONE)


def _take(wizard: Wizard, state: FindEmployee, number: str, now: Now) -> Step:
    if not number:
        return _typing(wizard, state, "", NumberProblem.NO_NUMBER, now)
    if number not in wizard.roster:
        wizard, _ = _typing(wizard, state, "", NumberProblem.NOT_LISTED, now)
        return wizard, (Chime(sound=Sound.REFUSED),)
    return reading(wizard, number, now, language=wizard.language), (KEY,)


def _typing(wizard: Wizard, state: FindEmployee, number: str, problem: NumberProblem | None, now: Now) -> Step:
    until_s = now.monotonic_s + wizard.rules.idle_s
    return at(wizard, replace(state, number=number, problem=problem, until_s=until_s)), (KEY,)


def _draft(wizard: Wizard, state: Purpose, ground: Ground, now: Now) -> Draft:
    decision = decided(wizard, ground, state.language, now.at)
    return Draft(employee=state.employee, decision=decision, photo=state.photo)


def _capture(wizard: Wizard, state: Purpose, ground: Ground, now: Now) -> Step:
    return capturing(wizard, _draft(wizard, state, ground, now), poses_of(wizard), now)
