"""What the transitions of a visit are made of. *Pure*; `visit` has the table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.messages import AttendanceEvent, Direction, Punch
from terminal.visit.signals import CameraChanged, Effect, Input, Record
from terminal.visit.states import (
    CameraDown,
    Idle,
    Keypad,
    KeypadReason,
    Looking,
    NotRecognised,
    Now,
    PinNumber,
    Recording,
    State,
    Visit,
    VisitRules,
)

_RECORDING_S = 10.0
_KEYPAD_TIMEOUTS = 4  # a keypad closes for good after this many timeouts, however busily it is typed on
_REMEMBERED_TRACKS = 64

Step = tuple[Visit, tuple[Effect, ...]]
Transition = Callable[[Visit, Any, Any, Now], Step]
TARGETS: dict[Transition, tuple[type[State], ...]] = {}


def leads_to(*states: type[State]) -> Callable[[Transition], Transition]:
    """Say of a transition where it may lead, beside staying where it is."""

    def note(transition: Transition) -> Transition:
        TARGETS[transition] = states
        return transition

    return note


@leads_to()
def stay(visit: Visit, state: State, given: Input, now: Now) -> Step:
    return visit, ()


def direction_of(at: datetime, *, repeats: AttendanceEvent | None, rules: VisitRules) -> Direction:
    """Return the direction of a punch at `at`: that of the punch it repeats, else by the hour in the office's zone."""
    if repeats is not None:
        return repeats.punch.direction
    return Direction.IN if at.astimezone(rules.zone).hour < rules.direction_change_hour else Direction.OUT


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
    return state.arrived_at if isinstance(state, Looking | NotRecognised) else now.at


def record(visit: Visit, punch: Punch, first: AttendanceEvent | None, track_id: int | None, now: Now) -> Step:
    state = Recording(punch=punch, first=first, track_id=track_id, until_s=now.monotonic_s + _RECORDING_S)
    return at(visit, state), (Record(punch=punch, first=first),)


def repeated(at: datetime, earlier: AttendanceEvent | None, rules: VisitRules) -> AttendanceEvent | None:
    """Return `earlier` if a punch at `at` repeats it; a clock set back makes a gap, not a repeat for ever."""
    if earlier is None:
        return None
    return earlier if abs((at - earlier.punch.occurred_at).total_seconds()) <= rules.repeat_window_s else None


def open_keypad(visit: Visit, reason: KeypadReason, arrived_at: datetime, now: Now) -> Visit:
    keypad = Keypad(
        reason=reason,
        arrived_at=arrived_at,
        arrived_s=now.monotonic_s - max(0.0, (now.at - arrived_at).total_seconds()),
        opened_at_s=now.monotonic_s,
        touched=False,
        idle_until_s=now.monotonic_s + visit.rules.pin_timeout_s,
        closes_at_s=now.monotonic_s + visit.rules.pin_timeout_s * _KEYPAD_TIMEOUTS,
    )
    return at(remember(visit, held=()), PinNumber(keypad=keypad))
