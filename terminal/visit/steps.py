"""What the transitions of a visit are made of. *Pure*; `visit` has the table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.messages import AttendanceEvent, Direction, DirectionBy, Method, PadVerdict, Punch
from terminal.machine import noting
from terminal.matching import Outcome
from terminal.sighting import Served, Sighting
from terminal.visit import schedule
from terminal.visit.signals import CameraChanged, Chime, Effect, Input, Record, Saw, Sound
from terminal.visit.states import (
    CameraDown,
    Challenged,
    Held,
    Idle,
    Keypad,
    KeypadReason,
    Looking,
    NotRecognised,
    NotRecorded,
    Now,
    PinNumber,
    Recording,
    Refused,
    State,
    Visit,
    VisitRules,
)

_RECORDING_S = 10.0
_KEYPAD_TIMEOUTS = 4  # a keypad closes for good after this many timeouts, however busily it is typed on
_REMEMBERED_TRACKS = 64
_MOST_CUES = 8

Step = tuple[Visit, tuple[Effect, ...]]
Transition = Callable[[Visit, Any, Any, Now], Step]
TARGETS: dict[Transition, tuple[type[State], ...]] = {}
leads_to = noting(TARGETS)
"""Says of a transition where it may lead, beside staying where it is."""


@leads_to()
def stay(visit: Visit, state: State, given: Input, now: Now) -> Step:
    return visit, ()


def direction_of(at: datetime, *, earlier: AttendanceEvent | None, rules: VisitRules) -> Direction:
    """Return the direction of a punch at `at`: that of the `earlier` it repeats, else what schedule and it suggest."""
    if earlier is not None and repeated(at, earlier, rules) is not None:
        return earlier.punch.direction
    last = (earlier.punch.occurred_at, earlier.punch.direction) if earlier is not None else None
    return schedule.direction_of(at, last=last, schedule=rules.schedule, zone=rules.zone)


def eased(visit: Visit, now: Now) -> bool:
    """Return whether somebody asked for large letters and more time."""
    return now.monotonic_s < visit.memory.ease_until_s


def lasting(visit: Visit, seconds: float, now: Now) -> float:
    """Return when what lasts `seconds` ends, later for who asked for more time."""
    return now.monotonic_s + seconds * (visit.rules.slowness if eased(visit, now) else 1)


def at(visit: Visit, state: State) -> Visit:
    return replace(visit, state=state)


def remember(visit: Visit, **changes: Any) -> Visit:
    return replace(visit, memory=replace(visit.memory, **changes))


def mark_done(visit: Visit, track_id: int) -> Visit:
    return remember(visit, done=bounded(visit.memory.done, track_id))


def bounded(tracks: tuple[int, ...], track_id: int) -> tuple[int, ...]:
    return (*tracks, track_id)[-_REMEMBERED_TRACKS:]


def home(visit: Visit, now: Now) -> Visit:
    visit = remember(visit, held=())
    return at(visit, (CameraDown if visit.memory.camera_lost else Idle)(since_s=now.monotonic_s))


def with_camera(visit: Visit, given: CameraChanged) -> Visit:
    match given.camera.state:
        case "lost":
            return remember(visit, camera_lost=True)
        case "ok":
            return remember(visit, camera_lost=False)
    return visit  # starting: as good as it was until it is known


def arrived_at(state: State, now: Now) -> datetime:
    """Return since when the person before the kiosk is there: queueing and failed looks cost nobody a minute."""
    if not isinstance(state, Looking | NotRecognised | Challenged | Refused | Held):
        return now.at
    return state.arrived_at or now.at


def record(visit: Visit, punch: Punch, first: AttendanceEvent | None, track_id: int | None, now: Now) -> Step:
    state = Recording(punch=punch, first=first, track_id=track_id, until_s=now.monotonic_s + _RECORDING_S)
    return at(visit, state), (Record(punch=punch, first=first),)


def repeated(at: datetime, earlier: AttendanceEvent | None, rules: VisitRules) -> AttendanceEvent | None:
    """Return `earlier` if a punch at `at` repeats it; a clock set back makes a gap, not a repeat for ever."""
    if earlier is None:
        return None
    return earlier if abs((at - earlier.punch.occurred_at).total_seconds()) <= rules.repeat_window_s else None


def not_recorded(visit: Visit, track_id: int | None, now: Now) -> Step:
    """The card did not take what it was asked to keep, and that is said aloud."""
    failed = NotRecorded(track_id=track_id, since_s=now.monotonic_s, until_s=lasting(visit, visit.rules.result_s, now))
    return at(visit, failed), (Chime(sound=Sound.ALARM),)


def open_keypad(visit: Visit, reason: KeypadReason, arrived_at: datetime, now: Now) -> Visit:
    keypad = Keypad(
        reason=reason,
        arrived_at=arrived_at,
        arrived_s=now.monotonic_s - max(0.0, (now.at - arrived_at).total_seconds()),
        opened_at_s=now.monotonic_s,
        touched=False,
        idle_until_s=lasting(visit, visit.rules.pin_timeout_s, now),
        closes_at_s=lasting(visit, visit.rules.pin_timeout_s * _KEYPAD_TIMEOUTS, now),
    )
    return at(remember(visit, held=()), PinNumber(keypad=keypad))


def cues_of(served: Served) -> tuple[str, ...]:
    """Return the codes of what told against a living person, as many as a punch or a note holds."""
    return served.cues[:_MOST_CUES]


def employee_of(served: Served) -> str | None:
    """Return who this is, if that is known."""
    found = served.identification
    return found.employee if found is not None and found.outcome is Outcome.MATCH else None


def takes_no_face(visit: Visit, now: Now) -> bool:
    """Return whether there were so many attacks that the PIN is the only way in for a while."""
    return now.monotonic_s < visit.memory.held_until_s


def known(visit: Visit, sighting: Sighting, now: Now) -> Served | None:
    """Return the served person if they may be punched by their face now."""
    served = sighting.served
    if served is None or served.track_id in visit.memory.done or employee_of(served) is None:
        return None
    if takes_no_face(visit, now):
        return None
    return served if served.pad in (PadVerdict.NOT_CHECKED, PadVerdict.BONA_FIDE) else None


def punch_face(visit: Visit, served: Served, given: Saw, now: Now) -> Step:
    """Have the punch of whoever is served committed."""
    sighting, found, employee = given.sighting, served.identification, employee_of(served)
    if found is None or employee is None:
        return visit, ()
    first = repeated(sighting.taken_at, given.earlier, visit.rules)
    punch = Punch(
        employee=employee,
        method=Method.FACE,
        direction=direction_of(sighting.taken_at, earlier=given.earlier, rules=visit.rules),
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=sighting.taken_at,
        first_seen_at=served.first_seen_at,
        gallery_version=sighting.gallery_version,
        engine_id=sighting.engine_id,
        score=_short(found.score),
        margin=_short(found.margin),
        pad=served.pad,
        cues=cues_of(served),
    )
    return record(remember(visit, doubt=None), punch, first, served.track_id, now)


def _short(score: float | None) -> float | None:
    """Return a score as far as it means anything: the card keeps every digit for a month."""
    return round(score, 4) if score is not None else None
