"""The transitions of the administrator's menu: opened by face and PIN, left by itself, each use noted. *Pure*."""

from typing import get_args

import config
from terminal.visit import signals
from terminal.visit.signals import (
    Chime,
    CommitFailed,
    Effect,
    ErrandOver,
    NoteDesk,
    PinAnswered,
    Restart,
    SetLanguage,
    Sound,
    StartErrand,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import CameraDown, Desk, DeskPage, Enrolling, Idle, NotRecorded, Now, Visit, VisitRules
from terminal.visit.steps import Step, at, home, lasting, leads_to, not_recorded, remember

LANGUAGES: tuple[str, ...] = get_args(config.Display.__annotations__["language"])
PAGES = tuple(page for page in DeskPage if page is not DeskPage.MENU)
"""In the order of the menu, which is that of the keys 1, 2, ..."""
_SPARED_S = 5.0
_PAGE_BUTTONS = tuple(f"{signals.PAGE_BUTTON}{page}" for page in PAGES)
_LANGUAGE_BUTTONS = tuple(f"{signals.LANGUAGE_BUTTON}{language}" for language in LANGUAGES)


def open_desk(visit: Visit, employee: str, now: Now) -> Step:
    """The menu is open, and that is noted."""
    desk = Desk(employee=employee, page=DeskPage.MENU, until_s=lasting(visit, visit.rules.desk_timeout_s, now))
    return at(visit, desk), (NoteDesk(employee=employee, action="opened"), Chime(sound=Sound.KEY))


def opens(given: PinAnswered, number: str) -> bool:
    """Return whether the PIN was that of the administrator who was just seen."""
    return given.employee == number and given.administrator


def menu(rules: VisitRules) -> tuple[str, ...]:
    """Return the buttons of the menu, in the order of the screen and of the keys 1, 2, ..."""
    return (*_PAGE_BUTTONS, *((signals.ENROL_BUTTON,) if rules.enrols else ()))


@leads_to(Idle, CameraDown, Enrolling)
def use_desk(visit: Visit, state: Desk, given: Tapped | Typed, now: Now) -> Step:
    """A page is chosen, by a finger or by its number; back leads to the menu, and from there out."""
    match _wish(visit, state, given):
        case signals.BACK_BUTTON if state.page is DeskPage.MENU:
            return home(visit, now), (NoteDesk(employee=state.employee, action="closed"), Chime(sound=Sound.KEY))
        case signals.BACK_BUTTON:
            return _turned(visit, state, DeskPage.MENU, now)
        case signals.CONFIRM_BUTTON if state.page is DeskPage.RESTART:
            noted = NoteDesk(employee=state.employee, action="restarted")
            return home(visit, now), (noted, Chime(sound=Sound.KEY), Restart())
        case signals.ENROL_BUTTON if state.page is DeskPage.MENU and visit.rules.enrols:
            noted = NoteDesk(employee=state.employee, action="enrolment_opened")
            begun = StartErrand(employee=state.employee)
            return at(visit, Enrolling(employee=state.employee)), (noted, Chime(sound=Sound.KEY), begun)
        case str(wish) if wish in _PAGE_BUTTONS:
            return _turned(visit, state, DeskPage(wish.removeprefix(signals.PAGE_BUTTON)), now)
        case str(wish) if wish in _LANGUAGE_BUTTONS:
            language = wish.removeprefix(signals.LANGUAGE_BUTTON)
            noted = NoteDesk(employee=state.employee, action="language_changed")
            return _turned(visit, state, DeskPage.LANGUAGE, now, noted, SetLanguage(language=language))
    return visit, ()


@leads_to(NotRecorded)
def desk_unnoted(visit: Visit, state: Desk | Enrolling, given: CommitFailed, now: Now) -> Step:
    """What cannot be noted is not allowed."""
    return not_recorded(visit, None, now)


@leads_to(Idle, CameraDown)
def close_desk(visit: Visit, state: Desk, given: Tick, now: Now) -> Step:
    if now.monotonic_s < state.until_s:
        return visit, ()
    return home(visit, now), (NoteDesk(employee=state.employee, action="closed"),)


@leads_to(Idle, CameraDown)
def end_errand(visit: Visit, state: Enrolling, given: ErrandOver, now: Now) -> Step:
    """Who stands there still was not coming or going: they are punched when they walk up the next time."""
    spared = (state.employee, *((given.employee,) if given.employee else ()))
    visit = remember(visit, spared=spared, spared_until_s=now.monotonic_s + _SPARED_S)
    return home(visit, now), (NoteDesk(employee=state.employee, action="closed"),)


def _wish(visit: Visit, state: Desk, given: Tapped | Typed) -> str | None:
    """Return the button that is meant: the one touched, or the one a key stands for on this page."""
    if isinstance(given, Tapped):
        return given.button
    if given.key in (signals.CANCEL, signals.BACKSPACE):
        return signals.BACK_BUTTON
    if given.key == signals.ENTER:
        return signals.CONFIRM_BUTTON
    choices = {
        DeskPage.MENU: menu(visit.rules),
        DeskPage.LANGUAGE: _LANGUAGE_BUTTONS,
    }.get(state.page, ())
    number = "123456789".find(given.key) if given.key else -1
    return choices[number] if 0 <= number < len(choices) else None


def _turned(visit: Visit, state: Desk, page: DeskPage, now: Now, *effects: Effect) -> Step:
    until_s = lasting(visit, visit.rules.desk_timeout_s, now)
    return at(visit, Desk(employee=state.employee, page=page, until_s=until_s)), (*effects, Chime(sound=Sound.KEY))
