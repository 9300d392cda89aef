"""What the transitions of an enrolment are made of. *Pure*; `wizard` has the table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from enroll.wizard.signals import Effect, Enrol, Input, Search
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Duplicate,
    NoCamera,
    NotEnrolled,
    Saving,
    SelfTest,
    Stalled,
    State,
    Why,
    Wizard,
)
from enroll.wizard.values import Decision, Draft, Ground, Pose, Sample
from terminal.machine import noting
from terminal.visit.signals import Chime, Sound
from terminal.visit.states import Now

Step = tuple[Wizard, tuple[Effect, ...]]
Transition = Callable[[Wizard, Any, Any, Now], Step]
TARGETS: dict[Transition, tuple[type[State], ...]] = {}
KEY = Chime(sound=Sound.KEY)
leads_to = noting(TARGETS)
"""Says of a transition where it may lead, beside staying where it is."""


@leads_to()
def stay(wizard: Wizard, state: State, given: Input, now: Now) -> Step:
    return wizard, ()


def at(wizard: Wizard, state: State) -> Wizard:
    return replace(wizard, state=state)


def asked(wizard: Wizard) -> tuple[Wizard, int]:
    """Return the wizard with a new question, and its number."""
    number = wizard.memory.asked + 1
    return replace(wizard, memory=replace(wizard.memory, asked=number)), number


def cancelled(wizard: Wizard, why: Why) -> Step:
    """Nobody is enrolled; where the wish was never answered, that is said instead of what is not known."""
    match wizard.state:
        case NotEnrolled(unanswered=True) as pending:
            return at(wizard, Cancelled(why=Why.UNANSWERED, pending=pending)), (Chime(sound=Sound.ALARM),)
        case NotEnrolled():
            why = Why.FAILED
        case Duplicate():
            why = Why.DUPLICATE
    return at(wizard, Cancelled(why=why)), (KEY,)


def poses_of(wizard: Wizard) -> tuple[Pose, ...]:
    """Return the poses of the usual looks in their order, which is drawn anew when something was refused."""
    sides = {Pose.LEFT: Pose.RIGHT, Pose.RIGHT: Pose.LEFT}
    if not wizard.rules.draw >> wizard.memory.refused & 1:
        return wizard.rules.poses
    return tuple(sides.get(pose, pose) for pose in wizard.rules.poses)


def capturing(wizard: Wizard, draft: Draft, poses: tuple[Pose, ...], now: Now, *, look: str = "") -> Step:
    """Samples of these poses are being taken, as soon as there is a camera."""
    rules = wizard.rules
    capture = Capture(draft=draft, poses=poses, look=look, until_s=now.monotonic_s + rules.capture_s)
    return before_camera(wizard, capture, now)


def testing(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """The self-test begins, as soon as there is a camera."""
    return before_camera(wizard, SelfTest(draft=draft, until_s=now.monotonic_s + wizard.rules.test_s), now)


def before_camera(wizard: Wizard, waiting: Capture | SelfTest, now: Now) -> Step:
    if wizard.memory.camera_lost:
        return at(wizard, NoCamera(waiting=waiting, until_s=now.monotonic_s + wizard.rules.idle_s)), (KEY,)
    return at(wizard, waiting), (KEY,)


def checking(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """The duplicate search is asked for all samples."""
    wizard, check = asked(wizard)
    state = Checking(draft=draft, check=check, until_s=now.monotonic_s + wizard.rules.answer_s)
    return at(wizard, state), (Search(check=check, employee=draft.employee, samples=draft.samples),)


def after_check(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """The face is nobody else's: a PIN is chosen, if that was not done or passed over before, then the test begins."""
    if draft.pin is None and not draft.pin_skipped:
        return choosing(wizard, draft, now)
    return testing(wizard, draft, now)


def choosing(wizard: Wizard, draft: Draft, now: Now) -> Step:
    return at(wizard, ChoosePin(draft=draft, until_s=now.monotonic_s + wizard.rules.idle_s)), (KEY,)


def without_face(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """The person goes on by number and PIN only: nothing of their face is kept, and no picture."""
    language = draft.decision.language
    bare = Draft(employee=draft.employee, decision=decided(wizard, Ground.NO_FACE, language, now.at), pin=draft.pin)
    return saving(wizard, bare, now) if bare.pin is not None else choosing(wizard, bare, now)


def refused(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """Nothing of what was seen is kept, and it may be begun again a few times; nobody is told what gave it away."""
    wizard = replace(wizard, memory=replace(wizard.memory, refused=wizard.memory.refused + 1))
    chime = (Chime(sound=Sound.REFUSED),)
    if wizard.memory.refused >= wizard.rules.most_refused:
        return at(wizard, Cancelled(why=Why.NOT_LIVE)), chime
    draft = replace(draft, samples=(), look_alikes=(), searched=0, failed=0)
    until_s = now.monotonic_s + wizard.rules.idle_s
    capture = Capture(draft=draft, poses=poses_of(wizard), until_s=until_s)
    return at(wizard, Stalled(capture=capture, until_s=until_s, refused=True)), chime


def decided(wizard: Wizard, ground: Ground, language: str, moment: datetime) -> Decision:
    return Decision(ground=ground, text_version=wizard.rules.text_version, language=language, at=moment)


def saving(wizard: Wizard, draft: Draft, now: Now, *, save: int = 0) -> Step:
    """Everything is asked to be stored, at once and as one; `save` is the wish that is made once more."""
    wizard, attempt = asked(wizard)
    save = save or attempt
    usual = tuple(sample for sample in draft.samples if not sample.look)
    looks: dict[str, tuple[Sample, ...]] = {}
    for sample in draft.samples:
        if sample.look:
            looks[sample.look] = (*looks.get(sample.look, ()), sample)
    enrol = Enrol(
        save=save,
        attempt=attempt,
        administrator=wizard.administrator,
        employee=draft.employee,
        decision=draft.decision,
        samples=usual,
        looks=MappingProxyType(looks),
        pin=draft.pin,
        photo=draft.photo,
        look_alikes=draft.look_alikes,
        pad=draft.pad,
    )
    state = Saving(draft=draft, save=save, attempt=attempt, until_s=now.monotonic_s + wizard.rules.answer_s)
    return at(wizard, state), (enrol,)
