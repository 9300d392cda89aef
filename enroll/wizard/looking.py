"""The transitions before the camera: samples taken by themselves, the search for duplicates, the self-test. *Pure*."""

import math
from dataclasses import replace

import numpy as np

from enroll.rules import mean_of
from enroll.wizard.signals import CameraChanged, Found, Recognise, Recognised, Saw, Searched, Tick
from enroll.wizard.states import (
    Cancelled,
    Capture,
    CaptureProblem,
    Checking,
    ChoosePin,
    Duplicate,
    NoCamera,
    OfferLooks,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    State,
    Walk,
    Why,
    Wizard,
)
from enroll.wizard.steps import (
    Step,
    after_check,
    asked,
    at,
    before_camera,
    cancelled,
    checking,
    leads_to,
    poses_of,
    refused,
    saving,
)
from enroll.wizard.values import Draft, Pose, Sample, WizardRules
from sync.messages import PadVerdict
from terminal import hints
from terminal.quality import Reason
from terminal.visit.signals import Chime, Sound
from terminal.visit.states import Now

STARTS_OVER = 8
"""Good pictures in a row of somebody else, after which the samples are to be theirs: the first one has left."""


def is_pose(pose: Pose, yaw: float, rules: WizardRules) -> bool:
    """Return whether a head turned by `yaw` is held as wanted."""
    match pose:
        case Pose.FRONT:
            return abs(yaw) <= rules.front_yaw
        case Pose.LEFT:
            return yaw >= rules.side_yaw
        case Pose.RIGHT:
            return yaw <= -rules.side_yaw


def is_wanted(state: Capture, yaw: float, rules: WizardRules, *, waits: bool = False) -> bool:
    """Return whether a good picture of a head turned by `yaw` is one to take now. What `waits` to be known to be
    somebody who is there is taken later, or as they stand."""
    return (is_pose(state.pose, yaw, rules) and not waits) or (state.as_they_stand and math.isfinite(yaw))


@leads_to(Capture, OfferLooks, Checking, Stalled, Cancelled)
def watch(wizard: Wizard, state: Capture, given: Saw, now: Now) -> Step:
    """The bar moves; a good picture of the wanted pose is taken by itself. What is no person ends it."""
    if given.pad is PadVerdict.ATTACK:
        return refused(wizard, state.draft, now)
    quality, rules = given.quality, wizard.rules
    state = replace(state, draft=_known_of(state.draft, given))
    if quality is None:
        return at(wizard, replace(state, quality=0.0, hint=None, trouble=None, problem=None)), ()
    bar = min(1.0, max(0.0, quality.value))
    trouble = hints.noticed(state.trouble or hints.fresh(now.monotonic_s), quality, now.monotonic_s)
    state = replace(state, quality=bar, hint=hints.hint(trouble), trouble=trouble, problem=None)
    good = quality.reason is None and bar >= rules.least_quality and given.vector is not None
    wanted = is_wanted(state, given.yaw, rules, waits=given.waits)
    if not good or now.monotonic_s - state.taken_at_s < rules.spacing_s or not wanted:
        return at(wizard, state), ()
    if quality.advice is Reason.MASK and not state.look:  # a mask is a look of its own, never the usual one
        return at(wizard, state), ()
    return _taken(wizard, state, given, bar, now)


def _known_of(draft: Draft, given: Saw) -> Draft:
    """Return the draft with what is known by now of the pictures of the track that is seen."""
    if all(sample.pad is given.pad for sample in draft.samples if sample.track == given.track):
        return draft
    samples = tuple(
        replace(sample, pad=given.pad) if sample.track == given.track else sample for sample in draft.samples
    )
    return replace(draft, samples=samples)


def _taken(wizard: Wizard, state: Capture, given: Saw, quality: float, now: Now) -> Step:
    assert given.vector is not None  # noqa: S101 - the caller looked
    draft, rules = state.draft, wizard.rules
    sound = np.isfinite(given.vector).all()
    if not sound or not _same_person(draft.samples, given, rules.same_person):
        others = state.others + 1
        if sound and others >= STARTS_OVER and not state.look and not draft.searched:
            draft, until_s = replace(draft, samples=()), now.monotonic_s + rules.capture_s
            return at(wizard, replace(state, draft=draft, poses=poses_of(wizard), until_s=until_s, others=0)), ()
        return at(wizard, replace(state, problem=CaptureProblem.OTHER_PERSON, others=others)), ()
    held = state.pose if is_pose(state.pose, given.yaw, rules) else Pose.FRONT
    sample = Sample(vector=given.vector, pose=held, look=state.look, quality=quality, track=given.track, pad=given.pad)
    draft = replace(draft, samples=(*draft.samples, sample))
    chime = Chime(sound=Sound.KEY)
    if len(state.poses) > 1:
        until_s = now.monotonic_s + rules.capture_s
        return at(
            wizard,
            replace(
                state,
                draft=draft,
                poses=state.poses[1:],
                until_s=until_s,
                taken_at_s=now.monotonic_s,
                as_they_stand=False,
                others=0,
            ),
        ), (chime,)
    wizard, effects = _all_taken(wizard, draft, now)
    return wizard, (chime, *effects)


def _same_person(samples: tuple[Sample, ...], given: Saw, least: float) -> bool:
    if not samples:
        return True
    vectors = [sample.vector for sample in samples]
    return given.vector is not None and float(mean_of(vectors) @ given.vector) >= least


def _all_taken(wizard: Wizard, draft: Draft, now: Now) -> Step:
    """The usual looks come first, then those that are offered, then the search."""
    if draft.pad is PadVerdict.UNDECIDED and not wizard.rules.unsure:
        return refused(wizard, draft, now)
    worn = {sample.look for sample in draft.samples}
    looks = tuple(look for look in wizard.rules.looks if look not in worn)
    if not looks or draft.searched:
        return checking(wizard, draft, now)
    return at(wizard, OfferLooks(draft=draft, looks=looks, until_s=now.monotonic_s + wizard.rules.idle_s)), ()


@leads_to(Stalled)
def stall(wizard: Wizard, state: Capture, given: Tick, now: Now) -> Step:
    """Who does not turn is taken as they stand; without a good picture for a while that is said, and the way without
    a face offered again."""
    if now.monotonic_s < state.until_s:
        patient = now.monotonic_s < state.until_s - wizard.rules.capture_s + wizard.rules.patience_s
        return at(wizard, replace(state, as_they_stand=state.as_they_stand or not patient)), ()
    return at(wizard, Stalled(capture=state, until_s=now.monotonic_s + wizard.rules.idle_s)), (
        Chime(sound=Sound.REFUSED),
    )


@leads_to(NoCamera)
def lose_camera(wizard: Wizard, state: Capture | SelfTest, given: CameraChanged, now: Now) -> Step:
    wizard, _ = note_camera(wizard, state, given, now)
    return before_camera(wizard, state, now) if wizard.memory.camera_lost else (wizard, ())


@leads_to(Capture, SelfTest)
def camera_back(wizard: Wizard, state: NoCamera, given: CameraChanged, now: Now) -> Step:
    """It goes on where it was, with all its time; a self-test begins anew."""
    wizard, _ = note_camera(wizard, state, given, now)
    if wizard.memory.camera_lost:
        return wizard, ()
    match state.waiting:
        case Capture() as capture:
            return at(wizard, replace(capture, until_s=now.monotonic_s + wizard.rules.capture_s)), ()
        case SelfTest(draft=draft):
            return at(wizard, SelfTest(draft=draft, until_s=now.monotonic_s + wizard.rules.test_s)), ()


@leads_to()
def note_camera(wizard: Wizard, state: State, given: CameraChanged, now: Now) -> Step:
    lost = {"lost": True, "ok": False}.get(given.camera.state, wizard.memory.camera_lost)
    return replace(wizard, memory=replace(wizard.memory, camera_lost=lost)), ()


@leads_to(Duplicate, ChoosePin, SelfTest, NoCamera)
def hear_search(wizard: Wizard, state: Checking, given: Searched, now: Now) -> Step:
    """Nobody else's face goes on; one that resembles another goes on and is told; one enrolled before does not."""
    if given.check != state.check:
        return wizard, ()
    draft = replace(state.draft, searched=len(state.draft.samples))
    match given.found:
        case Found.SAME_FACE:
            until_s = now.monotonic_s + wizard.rules.idle_s
            refused = Duplicate(employee=draft.employee, other=given.other or "", until_s=until_s)
            return at(wizard, refused), (Chime(sound=Sound.REFUSED),)
        case Found.LOOK_ALIKE:
            known = dict.fromkeys((*draft.look_alikes, *((given.other,) if given.other else ())))
            return after_check(wizard, replace(draft, look_alikes=tuple(known)), now)
        case Found.NOBODY:
            return after_check(wizard, draft, now)


@leads_to(Cancelled)
def search_gone(wizard: Wizard, state: Checking, given: Tick, now: Now) -> Step:
    """A search without an answer lets nobody through: it may be asked again, or left."""
    if now.monotonic_s < state.until_s:
        return wizard, ()
    if state.unanswered:
        return cancelled(wizard, Why.LEFT_ALONE)
    until_s = now.monotonic_s + wizard.rules.idle_s
    return at(wizard, replace(state, unanswered=True, until_s=until_s)), (Chime(sound=Sound.REFUSED),)


@leads_to(Stalled, Cancelled)
def walk(wizard: Wizard, state: SelfTest, given: Saw, now: Now) -> Step:
    """Away from the kiosk first, then up to it; the first good look is the question. What is no person ends it."""
    if given.pad is PadVerdict.ATTACK:
        return refused(wizard, state.draft, now)
    quality = given.quality
    hint = quality.reason if quality is not None else None
    away = quality is None or hint is Reason.TOO_FAR
    match state.walk:
        case Walk.STEP_BACK if away:
            return at(wizard, replace(state, walk=Walk.WALK_UP, hint=None)), ()
        case Walk.WALK_UP if quality is not None and hint is None and given.vector is not None:
            wizard, check = asked(wizard)
            until_s = now.monotonic_s + wizard.rules.answer_s
            draft = state.draft
            wizard = at(wizard, replace(state, walk=Walk.RECOGNISING, check=check, hint=None, until_s=until_s))
            return wizard, (Recognise(check=check, employee=draft.employee, probe=given.vector, samples=draft.samples),)
        case Walk.WALK_UP:
            return at(wizard, replace(state, hint=hint)), ()
    return wizard, ()


@leads_to(Saving, SelfTestFailed)
def hear_test(wizard: Wizard, state: SelfTest, given: Recognised, now: Now) -> Step:
    if state.walk is not Walk.RECOGNISING or given.check != state.check:
        return wizard, ()
    if given.employee == state.draft.employee:
        wizard, effects = saving(wizard, state.draft, now)
        return wizard, (Chime(sound=Sound.RECORDED), *effects)
    return _test_failed(wizard, state, now)


@leads_to(SelfTestFailed)
def give_up_test(wizard: Wizard, state: SelfTest, given: Tick, now: Now) -> Step:
    """Nobody walked up, or nothing was said of who did: a try that failed."""
    return (wizard, ()) if now.monotonic_s < state.until_s else _test_failed(wizard, state, now)


def _test_failed(wizard: Wizard, state: SelfTest, now: Now) -> Step:
    draft, rules = replace(state.draft, failed=state.draft.failed + 1), wizard.rules
    chime = Chime(sound=Sound.REFUSED)
    if draft.failed < rules.test_tries:
        return at(wizard, SelfTest(draft=draft, until_s=now.monotonic_s + rules.test_s)), (chime,)
    return at(wizard, SelfTestFailed(draft=draft, until_s=now.monotonic_s + rules.idle_s)), (chime,)
