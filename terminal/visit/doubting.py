"""What follows for a visit when somebody is not shown to be a living person: told once, and after many no face. *Pure*.

An attack is refused, noted and counted; a near miss, where what was asked was not done, is noted and leads to the PIN.
Who was asked and left, chose the PIN or said that they cannot, is told of only where a cue told against them: nobody is
suspected for not wanting to turn their head, or not being able to. A PIN typed in the same visit says so, for the
review desk.
"""

from collections.abc import Iterable

from msgspec import structs

from sync.messages import PadVerdict, Punch
from terminal.sighting import Served
from terminal.visit.signals import Chime, Effect, NoteAttack, Saw, Sound, Tick
from terminal.visit.states import (
    CameraDown,
    Challenged,
    Doubt,
    Held,
    Idle,
    Keypad,
    KeypadReason,
    Memory,
    Now,
    Refused,
    State,
    Visit,
    VisitRules,
)
from terminal.visit.steps import (
    Step,
    at,
    bounded,
    cues_of,
    employee_of,
    home,
    lasting,
    leads_to,
    mark_done,
    open_keypad,
    remember,
    takes_no_face,
)

NOT_SHOWN_LIVE = "not_shown_live"
"""The review code of a PIN punch by somebody whose face had just not been shown to be a living person's."""
SAME_VISIT_S = 15.0
"""A keypad opened so long after a face was doubted is still that person's: the screen that refuses stays for four."""
_MOST_REVIEW = 8


def recalled(rules: VisitRules, ago_s: Iterable[float], now: Now) -> Memory:
    """Return the memory of a kiosk that starts, and had attacks so many seconds ago: a restart ends no delay."""
    visit = Visit(state=Idle(since_s=now.monotonic_s), memory=Memory(), rules=rules)
    for ago in sorted(ago_s, reverse=True):
        visit = _counted(visit, now.monotonic_s - ago)
    return visit.memory


def refuse(visit: Visit, served: Served, now: Now) -> Step:
    """What is no person is refused and noted, once; the track is through with."""
    visit, note = _attack(visit, served, now)
    refused = Refused(
        track_id=served.track_id,
        arrived_at=served.first_seen_at,
        since_s=now.monotonic_s,
        until_s=lasting(visit, visit.rules.result_s, now),
    )
    return at(visit, refused), (note, Chime(sound=Sound.REFUSED))


def noted(visit: Visit, served: Served, now: Now) -> tuple[Visit, tuple[Effect, ...]]:
    """What is no person is noted, once, and whatever is going on goes on: a picture held up beside a PIN, too."""
    if served.pad is not PadVerdict.ATTACK or served.track_id in visit.memory.done:
        return visit, ()
    visit, note = _attack(visit, served, now)
    return visit, (note,)


def leave_to_pin(visit: Visit, served: Served, now: Now) -> Step:
    """What was asked was not done: the keypad is open, and no later look at this track counts."""
    effects: tuple[Effect, ...] = ()
    employee, cues, asked = employee_of(served), cues_of(served), visit.state
    told = bool(cues) or not (isinstance(asked, Challenged) and asked.cannot)
    if told and isinstance(asked, Challenged) and asked.track_id == served.track_id:
        visit, effects = _near_miss(visit, served.track_id, employee, cues, now)
    visit = doubted(mark_done(visit, served.track_id), employee, cues, now, listed=told)
    visit = open_keypad(visit, KeypadReason.NOT_RECOGNISED, served.first_seen_at, now)
    return visit, (*effects, Chime(sound=Sound.REFUSED))


def left(visit: Visit, state: State, now: Now) -> tuple[Visit, tuple[Effect, ...]]:
    """Somebody is no longer served who may have been asked something: where a cue told against them, that is noted."""
    if not isinstance(state, Challenged) or not state.cues:
        return visit, ()
    return _near_miss(visit, state.track_id, state.employee, state.cues, now)


def doubted(
    visit: Visit,
    employee: str | None,
    cues: tuple[str, ...],
    now: Now,
    *,
    verdict: PadVerdict = PadVerdict.UNDECIDED,
    listed: bool = True,
) -> Visit:
    """Whoever stands there was not shown to be a living person: the PIN they type now says so."""
    until_s = now.monotonic_s + SAME_VISIT_S
    doubt = Doubt(employee=employee, verdict=verdict, cues=cues, listed=listed, until_s=until_s)
    return remember(visit, doubt=doubt)


def chose_pin(visit: Visit, state: Challenged, now: Now) -> Visit:
    """Somebody would rather type than do what was asked, which is everybody's right: listed only where a cue told."""
    return doubted(visit, state.employee, state.cues, now, listed=bool(state.cues))


def vouched(punch: Punch, keypad: Keypad, doubt: Doubt | None) -> Punch:
    """Return the PIN `punch` with the doubt of the same visit: about this employee's face, or about nobody's."""
    if doubt is None or keypad.opened_at_s > doubt.until_s or doubt.employee not in (None, punch.employee):
        return punch
    review = (*punch.review, NOT_SHOWN_LIVE)[:_MOST_REVIEW] if doubt.listed else punch.review
    return structs.replace(punch, pad=doubt.verdict, cues=doubt.cues, review=review)


# --- while no face is taken -----------------------------------------------------------------------------------------


def hold_off(visit: Visit, served: Served | None) -> Visit:
    """No face is taken now; the arrival of whoever waits stays theirs."""
    waits = served is not None and served.track_id not in visit.memory.done
    arrived_at = served.first_seen_at if served is not None and waits else None
    return at(visit, Held(arrived_at=arrived_at, until_s=visit.memory.held_until_s))


@leads_to()
def wait_out(visit: Visit, state: Held, given: Saw, now: Now) -> Step:
    """Nobody is looked at longer than to note what is no person."""
    visit = remember(visit, camera_lost=False)
    served = given.sighting.served
    visit, told = noted(visit, served, now) if served is not None else (visit, ())
    return hold_off(visit, served), told


@leads_to(Idle, CameraDown)
def take_faces_again(visit: Visit, state: Held, given: Tick, now: Now) -> Step:
    return (visit, ()) if takes_no_face(visit, now) else (home(visit, now), ())


@leads_to(Idle, CameraDown, Held)
def end_refusal(visit: Visit, state: Refused, given: Tick, now: Now) -> Step:
    if now.monotonic_s < state.until_s:
        return visit, ()
    if takes_no_face(visit, now) and not visit.memory.camera_lost:
        return hold_off(visit, None), ()
    return home(visit, now), ()


# --- counting -------------------------------------------------------------------------------------------------------


def _attack(visit: Visit, served: Served, now: Now) -> tuple[Visit, NoteAttack]:
    held_before = takes_no_face(visit, now)
    visit = mark_done(_counted(visit, now.monotonic_s), served.track_id)
    note = NoteAttack(
        track_id=served.track_id,
        employee=employee_of(served),
        verdict=PadVerdict.ATTACK,
        cues=cues_of(served),
        held=takes_no_face(visit, now) and not held_before,
        at=now.at,
    )
    return doubted(visit, employee_of(served), cues_of(served), now, verdict=PadVerdict.ATTACK), note


def _counted(visit: Visit, now_s: float) -> Visit:
    """One more attack: with too many in the window no face is taken for a while, and the count begins anew.

    Those of the meantime are not counted, or a photo held up every half minute would keep everybody out.
    """
    if now_s < visit.memory.held_until_s:
        return visit
    since_s = now_s - visit.rules.attack_window_s
    attacks = (*(each for each in visit.memory.attacks if each > since_s), now_s)
    if len(attacks) < visit.rules.attacks_before_delay:
        return remember(visit, attacks=attacks)
    return remember(visit, attacks=(), held_until_s=now_s + visit.rules.delay_s)


def _near_miss(
    visit: Visit, track_id: int, employee: str | None, cues: tuple[str, ...], now: Now
) -> tuple[Visit, tuple[Effect, ...]]:
    if track_id in visit.memory.noted:
        return visit, ()
    note = NoteAttack(
        track_id=track_id, employee=employee, verdict=PadVerdict.UNDECIDED, cues=cues, held=False, at=now.at
    )
    return remember(visit, noted=bounded(visit.memory.noted, track_id)), (note,)
