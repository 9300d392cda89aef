"""The transitions of a visit that cameras and cards cause: a face is served, a punch is committed. *Pure*."""

from dataclasses import replace

from sync.messages import DirectionBy, Method, Punch
from terminal.matching import Outcome
from terminal.sighting import Served, Sighting
from terminal.visit.signals import CameraChanged, Chime, CommitFailed, Committed, Saw, Sound, Tick
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Idle,
    KeypadReason,
    Looking,
    NotRecognised,
    NotRecorded,
    Now,
    PinChecking,
    PinCode,
    PinNumber,
    Recorded,
    Recording,
    State,
    Visit,
)
from terminal.visit.steps import (
    Step,
    at,
    bounded,
    direction_of,
    home,
    leads_to,
    mark_done,
    open_keypad,
    record,
    remember,
    repeated,
    with_camera,
)

_LOST_SIGHT_S = 1.0  # a face may blink out of detection this long and still be the one being looked at
_FORGET_TRIES_S = 5.0  # alone this long, the kiosk starts counting tries anew
_UNTOUCHED_S = 5.0  # an opened keypad nobody types on gives way to a known face after this long


@leads_to(Idle, Looking, Recording, NotRecognised, PinNumber)
def look(visit: Visit, state: Idle | Looking | CameraDown, given: Saw, now: Now) -> Step:
    """Serve whoever is nearest."""
    visit = remember(visit, camera_lost=False)
    served = given.sighting.served
    if served is None:
        return (at(visit, Idle(since_s=now.monotonic_s)), ()) if isinstance(state, CameraDown) else (visit, ())
    if served.track_id in visit.memory.done:
        return (visit, ()) if isinstance(state, Idle) else (at(visit, Idle(since_s=now.monotonic_s)), ())
    return _decided(visit, given, now) or (at(visit, _looking(served, now)), ())


@leads_to(Looking, Recording, PinNumber)
def look_again(visit: Visit, state: NotRecognised, given: Saw, now: Now) -> Step:
    """The same face gets another look, and may be known this time; another face is served at once."""
    served = given.sighting.served
    if served is None or served.track_id in visit.memory.done:
        return visit, ()
    decided = _decided(visit, given, now)
    if decided is not None:
        return decided
    if served.track_id != state.track_id:
        return at(visit, _looking(served, now)), ()
    return at(visit, replace(state, hint=served.hint)), ()


@leads_to(Recording)
def pre_empt(visit: Visit, state: Recorded | AlreadyRecorded | NotRecorded, given: Saw, now: Now) -> Step:
    """The next known face takes the screen; whoever stays, or was waiting beside a keypad, waits for its end."""
    visit = remember(visit, camera_lost=False)
    served = _known(visit, given.sighting)
    if served is None or served.track_id == state.track_id:
        return visit, ()
    if not isinstance(state, NotRecorded) and _employee(served) == state.event.punch.employee:
        return mark_done(visit, served.track_id), ()  # the same person, whose track broke or who typed a PIN
    if served.track_id in visit.memory.held:
        return visit, ()
    return _punch_face(visit, served, given, now)


@leads_to(Recording)
def give_way(visit: Visit, state: PinNumber, given: Saw, now: Now) -> Step:
    """A keypad nobody types on gives way to a known face: it opened by itself, or was opened a while ago."""
    keypad = state.keypad
    waited = keypad.reason is not KeypadReason.ASKED or now.monotonic_s >= keypad.opened_at_s + _UNTOUCHED_S
    served = _known(visit, given.sighting)
    if served is not None and waited and not keypad.touched:
        return _punch_face(remember(visit, camera_lost=False), served, given, now)
    return hold(visit, state, given, now)


@leads_to()
def hold(visit: Visit, state: PinNumber | PinCode | PinChecking, given: Saw, now: Now) -> Step:
    """Nobody is punched by face while somebody types; whoever is seen meanwhile waits for the end of this visit."""
    visit = remember(visit, camera_lost=False)
    served = given.sighting.served
    if served is None:
        return visit, ()
    visit = remember(visit, missed=(served.track_id, served.misses))
    if served.track_id not in visit.memory.held:
        visit = remember(visit, held=bounded(visit.memory.held, served.track_id))
    return visit, ()


@leads_to(CameraDown)
def lose_camera(visit: Visit, state: Idle | Looking | NotRecognised, given: CameraChanged, now: Now) -> Step:
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


@leads_to(Recorded, AlreadyRecorded)
def confirm(visit: Visit, state: Recording, given: Committed, now: Now) -> Step:
    """The card has it: only here does a screen turn green."""
    asked, got = state.punch, given.event.punch
    if (got.employee, got.method, got.occurred_at) != (asked.employee, asked.method, asked.occurred_at):
        return visit, ()
    if state.track_id is not None:
        visit = mark_done(visit, state.track_id)
    visit = remember(visit, tries=0)
    since_s, until_s = now.monotonic_s, now.monotonic_s + visit.rules.result_s
    if given.first_event is None:
        recorded = Recorded(event=given.event, track_id=state.track_id, since_s=since_s, until_s=until_s)
        return at(visit, recorded), (Chime(sound=Sound.RECORDED),)
    already = AlreadyRecorded(
        event=given.event, first=given.first_event, track_id=state.track_id, since_s=since_s, until_s=until_s
    )
    return at(visit, already), (Chime(sound=Sound.ALREADY),)


@leads_to(NotRecorded)
def apologise(visit: Visit, state: Recording, given: CommitFailed, now: Now) -> Step:
    return _not_recorded(visit, state, now)


@leads_to(NotRecorded)
def give_up(visit: Visit, state: Recording, given: Tick, now: Now) -> Step:
    """A card that never answers is a card that did not thank."""
    return _not_recorded(visit, state, now) if now.monotonic_s >= state.until_s else (visit, ())


@leads_to(Idle)
def lose_sight(visit: Visit, state: Looking, given: Tick, now: Now) -> Step:
    return (home(visit, now), ()) if now.monotonic_s >= state.seen_at_s + _LOST_SIGHT_S else (visit, ())


@leads_to()
def forget(visit: Visit, state: Idle | CameraDown, given: Tick, now: Now) -> Step:
    alone = now.monotonic_s >= state.since_s + _FORGET_TRIES_S
    return (remember(visit, tries=0), ()) if alone and visit.memory.tries else (visit, ())


@leads_to(Idle, CameraDown)
def end_result(
    visit: Visit, state: Recorded | AlreadyRecorded | NotRecognised | NotRecorded, given: Tick, now: Now
) -> Step:
    return (home(visit, now), ()) if now.monotonic_s >= state.until_s else (visit, ())


def _looking(served: Served, now: Now) -> Looking:
    return Looking(
        track_id=served.track_id, arrived_at=served.first_seen_at, hint=served.hint, seen_at_s=now.monotonic_s
    )


def _employee(served: Served) -> str | None:
    found = served.identification
    return found.employee if found is not None and found.outcome is Outcome.MATCH else None


def _known(visit: Visit, sighting: Sighting) -> Served | None:
    """Return the served person if they may be punched by their face now."""
    served = sighting.served
    if served is None or served.track_id in visit.memory.done or _employee(served) is None:
        return None
    return served


def _decided(visit: Visit, given: Saw, now: Now) -> Step | None:
    """Return the step that an identification of the served person asks for, None while there is nothing to say."""
    served = given.sighting.served
    if served is None or served.track_id in visit.memory.done:
        return None
    if _known(visit, given.sighting):
        return _punch_face(visit, served, given, now)
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
        until_s=now.monotonic_s + visit.rules.result_s,
    )
    return at(visit, state), (Chime(sound=Sound.REFUSED),)


def _punch_face(visit: Visit, served: Served, given: Saw, now: Now) -> Step:
    sighting, found, employee = given.sighting, served.identification, _employee(served)
    if found is None or employee is None:
        return visit, ()
    first = repeated(sighting.taken_at, given.earlier, visit.rules)
    punch = Punch(
        employee=employee,
        method=Method.FACE,
        direction=direction_of(sighting.taken_at, repeats=first, rules=visit.rules),
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=sighting.taken_at,
        first_seen_at=served.first_seen_at,
        gallery_version=sighting.gallery_version,
        engine_id=sighting.engine_id,
        score=_short(found.score),
        margin=_short(found.margin),
    )
    return record(visit, punch, first, served.track_id, now)


def _short(score: float | None) -> float | None:
    """Return a score as far as it means anything: the card keeps every digit for a month."""
    return round(score, 4) if score is not None else None


def _not_recorded(visit: Visit, state: Recording, now: Now) -> Step:
    since_s = now.monotonic_s
    failed = NotRecorded(track_id=state.track_id, since_s=since_s, until_s=since_s + visit.rules.result_s)
    return at(visit, failed), (Chime(sound=Sound.REFUSED),)
