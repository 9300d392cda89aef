"""The transitions of a visit that the camera causes: a face is looked at, known, missed, asked, refused. *Pure*."""

from dataclasses import replace

from sync.messages import PadVerdict
from terminal.matching import Outcome
from terminal.sighting import ASKED_S, Served
from terminal.visit.doubting import hold_off, leave_to_pin, left, noted, refuse
from terminal.visit.signals import CameraChanged, Chime, Saw, Sound, Tick
from terminal.visit.states import (
    CameraDown,
    Challenged,
    Desk,
    Held,
    Idle,
    KeypadReason,
    Looking,
    NotRecognised,
    Now,
    PinChecking,
    PinCode,
    PinNumber,
    Recording,
    Refused,
    State,
    Visit,
)
from terminal.visit.steps import (
    Step,
    at,
    bounded,
    cues_of,
    employee_of,
    home,
    known,
    lasting,
    leads_to,
    mark_done,
    open_keypad,
    punch_face,
    remember,
    takes_no_face,
    with_camera,
)

_LOST_SIGHT_S = 1.0  # a face may blink out of detection this long and still be the one being looked at
_FORGET_TRIES_S = 5.0  # alone this long, the kiosk starts counting tries anew
_UNTOUCHED_S = 5.0  # an opened keypad nobody types on gives way to a known face after this long


@leads_to(Idle, Looking, Challenged, Refused, Held, Recording, NotRecognised, PinNumber)
def look(visit: Visit, state: Idle | Looking | Challenged | CameraDown, given: Saw, now: Now) -> Step:
    """Serve whoever is nearest."""
    visit = remember(visit, camera_lost=False)
    served = given.sighting.served
    if takes_no_face(visit, now):
        return hold_off(visit, served), ()
    visit, told = left(visit, state, now) if not _stays(state, served) else (visit, ())
    visit, effects = _attended(visit, state, given, now)
    return visit, (*told, *effects)


def _attended(visit: Visit, state: Idle | Looking | Challenged | CameraDown, given: Saw, now: Now) -> Step:
    served = given.sighting.served
    if served is None:
        return (at(visit, Idle(since_s=now.monotonic_s)), ()) if isinstance(state, CameraDown) else (visit, ())
    if served.track_id in visit.memory.done:
        return (visit, ()) if isinstance(state, Idle) else (at(visit, Idle(since_s=now.monotonic_s)), ())
    if now.monotonic_s < visit.memory.spared_until_s and employee_of(served) in visit.memory.spared:
        return at(mark_done(visit, served.track_id), Idle(since_s=now.monotonic_s)), ()
    return _decided(visit, given, now) or (at(visit, _looking(served, now)), ())


@leads_to(Looking, Challenged, Refused, Recording, NotRecognised, PinNumber)
def look_again(visit: Visit, state: NotRecognised | Refused, given: Saw, now: Now) -> Step:
    """The same face gets another look, and may be known this time; another face is served at once."""
    served = given.sighting.served
    if served is None or served.track_id in visit.memory.done:
        return visit, ()
    decided = _decided(visit, given, now)
    if decided is not None:
        return decided
    if served.track_id != state.track_id and not takes_no_face(visit, now):
        return at(visit, _looking(served, now)), ()
    return (at(visit, replace(state, hint=served.hint)), ()) if isinstance(state, NotRecognised) else (visit, ())


@leads_to(Recording)
def give_way(visit: Visit, state: PinNumber, given: Saw, now: Now) -> Step:
    """A keypad nobody types on gives way to a known face: it opened by itself, or was opened a while ago."""
    keypad = state.keypad
    waited = keypad.reason is not KeypadReason.ASKED or now.monotonic_s >= keypad.opened_at_s + _UNTOUCHED_S
    served = known(visit, given.sighting, now)
    if served is not None and waited and not keypad.touched:
        return punch_face(remember(visit, camera_lost=False), served, given, now)
    return hold(visit, state, given, now)


@leads_to()
def hold(visit: Visit, state: PinNumber | PinCode | PinChecking | Desk, given: Saw, now: Now) -> Step:
    """Nobody is punched by face while somebody types; whoever is seen meanwhile waits for the end of this visit."""
    visit = remember(visit, camera_lost=False)
    served = given.sighting.served
    if served is None:
        return visit, ()
    visit = remember(visit, missed=(served.track_id, served.misses))
    if served.track_id not in visit.memory.held:
        visit = remember(visit, held=bounded(visit.memory.held, served.track_id))
    return noted(visit, served, now)


@leads_to(CameraDown)
def lose_camera(
    visit: Visit, state: Idle | Looking | Challenged | Refused | Held | NotRecognised, given: CameraChanged, now: Now
) -> Step:
    visit = with_camera(visit, given)
    return (home(visit, now), ()) if visit.memory.camera_lost else (visit, ())


@leads_to(Idle)
def camera_back(visit: Visit, state: CameraDown, given: CameraChanged, now: Now) -> Step:
    visit = with_camera(visit, given)
    return (visit, ()) if visit.memory.camera_lost else (home(visit, now), ())


@leads_to()
def note_camera(visit: Visit, state: State, given: CameraChanged, now: Now) -> Step:
    """Whoever is being answered or types is left alone; the end of their visit leads to the right screen."""
    return with_camera(visit, given), ()


@leads_to(Idle)
def lose_sight(visit: Visit, state: Looking | Challenged, given: Tick, now: Now) -> Step:
    if now.monotonic_s < state.seen_at_s + _LOST_SIGHT_S:
        return visit, ()
    visit, told = left(visit, state, now)
    return home(visit, now), told


@leads_to(Held)
def rest(visit: Visit, state: Idle, given: Tick, now: Now) -> Step:
    if takes_no_face(visit, now):
        return hold_off(visit, None), ()
    return forget(visit, state, given, now)


@leads_to()
def forget(visit: Visit, state: Idle | CameraDown, given: Tick, now: Now) -> Step:
    alone = now.monotonic_s >= state.since_s + _FORGET_TRIES_S
    return (remember(visit, tries=0), ()) if alone and visit.memory.tries else (visit, ())


def _looking(served: Served, now: Now) -> Looking:
    return Looking(
        track_id=served.track_id, arrived_at=served.first_seen_at, hint=served.hint, seen_at_s=now.monotonic_s
    )


def _challenged(visit: Visit, served: Served, now: Now) -> Challenged:
    asked, before = served.challenge, visit.state
    assert asked is not None  # noqa: S101 - the caller has looked
    if isinstance(before, Challenged) and (before.track_id, before.challenge) == (served.track_id, asked):
        return replace(before, seen_at_s=now.monotonic_s, cues=cues_of(served))
    return Challenged(
        track_id=served.track_id,
        arrived_at=served.first_seen_at,
        challenge=asked,
        seen_at_s=now.monotonic_s,
        since_s=now.monotonic_s,
        until_s=lasting(visit, ASKED_S, now),
        employee=employee_of(served),
        cues=cues_of(served),
    )


def _stays(state: State, served: Served | None) -> bool:
    """Return whether whoever was looked at still is, or is only out of sight for a moment."""
    return served is None or not isinstance(state, Challenged) or state.track_id == served.track_id


def _decided(visit: Visit, given: Saw, now: Now) -> Step | None:
    """Return the step that an identification of the served person asks for, None while there is nothing to say."""
    served = given.sighting.served
    if served is None or served.track_id in visit.memory.done:
        return None
    if served.pad is PadVerdict.ATTACK:
        return refuse(visit, served, now)
    if takes_no_face(visit, now):
        return None
    if served.pin_left:
        return leave_to_pin(visit, served, now)
    if served.challenge is not None:
        return at(visit, _challenged(visit, served, now)), ()
    if known(visit, given.sighting, now):
        return punch_face(visit, served, given, now)
    found = served.identification
    if found is not None and found.outcome is Outcome.AMBIGUOUS:
        visit = mark_done(visit, served.track_id)  # two people are as like: a later look never picks one silently
        return open_keypad(visit, KeypadReason.AMBIGUOUS, served.first_seen_at, now), (Chime(sound=Sound.REFUSED),)
    return _missed(visit, served, now)


def _missed(visit: Visit, served: Served, now: Now) -> Step | None:
    """Count a new miss: say so, or open the keypad when it was one of too many. A track gets the keypad once."""
    track_id, answered = visit.memory.missed
    already = answered if track_id == served.track_id else 0
    if served.misses <= already or served.track_id in visit.memory.quiet:
        return None
    tries = visit.memory.tries + 1
    visit = remember(visit, missed=(served.track_id, served.misses), tries=tries)
    if tries >= visit.rules.tries_before_pin:
        visit = remember(visit, tries=0, quiet=bounded(visit.memory.quiet, served.track_id))
        keypad = open_keypad(visit, KeypadReason.NOT_RECOGNISED, served.first_seen_at, now)
        return keypad, (Chime(sound=Sound.REFUSED),)
    state = NotRecognised(
        track_id=served.track_id,
        arrived_at=served.first_seen_at,
        hint=served.hint,
        since_s=now.monotonic_s,
        until_s=lasting(visit, visit.rules.result_s, now),
    )
    return at(visit, state), (Chime(sound=Sound.REFUSED),)
