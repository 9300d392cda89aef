"""The transitions of an enrolment's choices, PIN and end: everything is stored as one, or nothing is. *Pure*."""

import re
from dataclasses import replace

from enroll.wizard import signals
from enroll.wizard.choices import wish
from enroll.wizard.deciding import finding, reading
from enroll.wizard.signals import EnrolFailed, Enrolled, Speak, Tapped, Tick, Typed
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    OfferLooks,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    Why,
    Wizard,
)
from enroll.wizard.steps import (
    KEY,
    Step,
    after_check,
    at,
    before_camera,
    cancelled,
    capturing,
    checking,
    leads_to,
    poses_of,
    saving,
    without_face,
)
from enroll.wizard.values import Draft, Pose
from sync.messages import PadVerdict
from terminal.pin.policy import PIN_DIGITS, PinFlaw, PinRefused, acceptable
from terminal.visit.signals import BACK_BUTTON, BACKSPACE, CANCEL, ENTER, Chime, Sound
from terminal.visit.states import Now


@leads_to(ChoosePin, Saving, Cancelled)
def leave(wizard: Wizard, state: Capture | SelfTest, given: Tapped | Typed, now: Now) -> Step:
    """While the camera looks there are two buttons: without a face, and out."""
    return _leave(wizard, state.draft, wish(wizard, given), now)


@leads_to(ChoosePin, Saving, Cancelled)
def leave_dark(wizard: Wizard, state: NoCamera, given: Tapped | Typed, now: Now) -> Step:
    return _leave(wizard, state.waiting.draft, wish(wizard, given), now)


@leads_to(Capture, NoCamera, ChoosePin, Saving, Cancelled)
def use_stalled(wizard: Wizard, state: Stalled, given: Tapped | Typed, now: Now) -> Step:
    wanted = wish(wizard, given)
    if wanted == signals.AGAIN_BUTTON:
        until_s = now.monotonic_s + wizard.rules.capture_s
        capture = replace(state.capture, until_s=until_s, hint=None, trouble=None, problem=None)
        if capture.draft.pad is PadVerdict.UNDECIDED and not (capture.look or capture.draft.searched):
            # Of those pictures' track nothing more will be known.
            draft = replace(capture.draft, samples=())
            capture = replace(capture, draft=draft, poses=poses_of(wizard), as_they_stand=False)
        return before_camera(wizard, capture, now)
    return _leave(wizard, state.capture.draft, wanted, now)


@leads_to(Capture, NoCamera, Checking, ChoosePin, Saving, Cancelled)
def use_looks(wizard: Wizard, state: OfferLooks, given: Tapped | Typed, now: Now) -> Step:
    """Another look is taken from the front, or the search begins."""
    match wish(wizard, given):
        case signals.GO_ON_BUTTON:
            return checking(wizard, state.draft, now)
        case str(look) if look.startswith(signals.LOOK_BUTTON):
            look = look.removeprefix(signals.LOOK_BUTTON)
            return capturing(wizard, state.draft, (Pose.FRONT,), now, look=look)
        case wanted:
            return _leave(wizard, state.draft, wanted, now)


@leads_to(ChoosePin, Saving, Cancelled)
def use_checking(wizard: Wizard, state: Checking, given: Tapped | Typed, now: Now) -> Step:
    wanted = wish(wizard, given)
    if wanted == signals.AGAIN_BUTTON:
        return checking(wizard, state.draft, now)
    return _leave(wizard, state.draft, wanted, now)


@leads_to(FindEmployee, Cancelled)
def use_duplicate(wizard: Wizard, state: Duplicate, given: Tapped | Typed, now: Now) -> Step:
    """The administrator has seen the other number; this one gets nothing, by PIN neither."""
    match wish(wizard, given):
        case signals.OTHER_EMPLOYEE_BUTTON:
            return finding(wizard, now), (KEY, Speak(language=wizard.language))
        case str(button) if button == CANCEL:
            return cancelled(wizard, Why.CANCELLED)
    return wizard, ()


@leads_to(Purpose, SelfTest, NoCamera, Saving, Cancelled)
def type_pin(wizard: Wizard, state: ChoosePin, given: Tapped | Typed, now: Now) -> Step:
    """Six digits are typed, and typed again; poor ones are told what is wrong with them."""
    key = given.button if isinstance(given, Tapped) else given.key
    if isinstance(given, Typed) and given.burst:  # a badge, or a reader's chatter, is no PIN
        return _typing(wizard, state, now, code="")
    if re.fullmatch("[0-9]", key):
        code = (state.code + key)[:PIN_DIGITS]
        return _typing(wizard, state, now, code=code, flaw=None, different=False)
    if key == BACKSPACE and state.code:
        return _typing(wizard, state, now, code=state.code[:-1])
    if key == ENTER:
        return _entered(wizard, state, now)
    match wish(wizard, given):
        case signals.SKIP_BUTTON:
            return after_check(wizard, replace(state.draft, pin_skipped=True), now)
        case str(button) if button == BACK_BUTTON:
            return reading(wizard, state.draft.employee, now, language=state.draft.decision.language), (KEY,)
        case wanted:
            return _leave(wizard, state.draft, wanted, now)


@leads_to(Capture, NoCamera, ChoosePin, Saving, Cancelled)
def use_failed(wizard: Wizard, state: SelfTestFailed, given: Tapped | Typed, now: Now) -> Step:
    """More samples beside those there are, and all of it once more; or number and PIN only."""
    wanted = wish(wizard, given)
    if wanted == signals.AGAIN_BUTTON:
        return capturing(wizard, replace(state.draft, failed=0), poses_of(wizard), now)
    return _leave(wizard, state.draft, wanted, now)


@leads_to(Saving, ChoosePin, Cancelled)
def retry(wizard: Wizard, state: NotEnrolled, given: Tapped | Typed, now: Now) -> Step:
    """The same is tried once more. While it is not known whether it is there, it may not become something else."""
    wanted = wish(wizard, given)
    if wanted == signals.AGAIN_BUTTON:
        return saving(wizard, state.draft, now, save=state.save)
    return _leave(wizard, state.draft, wanted, now)


@leads_to(Done)
def enrolled(wizard: Wizard, state: Saving | NotEnrolled, given: Enrolled, now: Now) -> Step:
    if given.save != state.save:
        return wizard, ()
    done = Done(employee=state.draft.employee, by_face=state.draft.has_face)
    return at(wizard, done), (Chime(sound=Sound.RECORDED),)


@leads_to(Done)
def enrolled_after_all(wizard: Wizard, state: Cancelled, given: Enrolled, now: Now) -> Step:
    """What was given up without an answer is there."""
    return (wizard, ()) if state.pending is None else enrolled(wizard, state.pending, given, now)


@leads_to(NotEnrolled)
def not_enrolled(wizard: Wizard, state: Saving | NotEnrolled, given: EnrolFailed, now: Now) -> Step:
    if (given.save, given.attempt) != (state.save, state.attempt):
        return wizard, ()
    return _not_enrolled(wizard, state, now, unanswered=False)


@leads_to()
def nothing_there(wizard: Wizard, state: Cancelled, given: EnrolFailed, now: Now) -> Step:
    """What was given up without an answer is not there."""
    pending = state.pending
    if pending is None or (given.save, given.attempt) != (pending.save, pending.attempt):
        return wizard, ()
    return at(wizard, Cancelled(why=Why.FAILED)), ()


@leads_to(NotEnrolled)
def save_gone(wizard: Wizard, state: Saving, given: Tick, now: Now) -> Step:
    if now.monotonic_s < state.until_s:
        return wizard, ()
    return _not_enrolled(wizard, state, now, unanswered=True)


def _not_enrolled(wizard: Wizard, state: Saving | NotEnrolled, now: Now, *, unanswered: bool) -> Step:
    failed = NotEnrolled(
        draft=state.draft,
        save=state.save,
        attempt=state.attempt,
        until_s=now.monotonic_s + wizard.rules.idle_s,
        unanswered=unanswered,
    )
    return at(wizard, failed), (Chime(sound=Sound.ALARM),)


def _leave(wizard: Wizard, draft: Draft, wanted: str | None, now: Now) -> Step:
    if wanted == signals.REFUSE_BUTTON:
        return without_face(wizard, draft, now)
    return cancelled(wizard, Why.CANCELLED) if wanted == CANCEL else (wizard, ())


def _typing(wizard: Wizard, state: ChoosePin, now: Now, **changes: object) -> Step:
    state = replace(state, until_s=now.monotonic_s + wizard.rules.idle_s, **changes)  # type: ignore[arg-type]
    return at(wizard, state), (KEY,)


def _entered(wizard: Wizard, state: ChoosePin, now: Now) -> Step:
    refused = (Chime(sound=Sound.REFUSED),)
    if not state.first:
        flaw = _flaw(state.code, state.draft.employee)
        first = "" if flaw is not None else state.code
        wizard, effects = _typing(wizard, state, now, code="", first=first, flaw=flaw, different=False)
        return wizard, effects if flaw is None else refused
    if state.code != state.first:
        return _typing(wizard, state, now, code="", first="", flaw=None, different=True)[0], refused
    draft = replace(state.draft, pin=state.code)
    return after_check(wizard, draft, now) if draft.has_face else saving(wizard, draft, now)


def _flaw(pin: str, employee: str) -> PinFlaw | None:
    try:
        acceptable(pin, employee=employee)
    except PinRefused as refused:
        return refused.flaw
    return None
