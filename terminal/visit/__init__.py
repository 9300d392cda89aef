"""One person's visit as a state machine: what was seen, tapped and typed becomes at most one committed punch. *Pure*.

`step` looks up TABLE by the type of the state and the type of the input, and runs the transition that stands there;
`diagram` draws the same table. Each transition says where it may lead. The values are in `states` and `signals`.

What holds whatever happens: green comes only after Committed; a track is punched once, and one that was ambiguous never
by its face; the next face pre-empts a result but never a keypad in use; every way leads back to Idle or CameraDown; no
face is taken while too many attacks have been.
"""

from terminal.machine import drawn, targets_of
from terminal.visit.asking import tap_asked, type_asked, wait_asked
from terminal.visit.desk import close_desk, desk_unnoted, end_errand, use_desk
from terminal.visit.doubting import end_refusal, take_faces_again, wait_out
from terminal.visit.keypad import (
    cancel_only,
    close,
    desk_gone,
    hear_desk,
    start_typing,
    tap,
    type_code,
    type_number,
)
from terminal.visit.results import (
    apologise,
    confirm,
    corrected,
    end_result,
    give_up,
    pre_empt,
    tap_result,
    type_result,
    use_history,
)
from terminal.visit.serving import (
    camera_back,
    forget,
    give_way,
    hold,
    look,
    look_again,
    lose_camera,
    lose_sight,
    note_camera,
    rest,
)
from terminal.visit.signals import (
    CameraChanged,
    CommitFailed,
    Committed,
    Corrected,
    ErrandOver,
    Input,
    PinAnswered,
    Saw,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Challenged,
    Correcting,
    Desk,
    Enrolling,
    Held,
    History,
    Idle,
    Looking,
    Memory,
    NotRecognised,
    NotRecorded,
    Now,
    PinChecking,
    PinCode,
    PinNumber,
    Recorded,
    Recording,
    Refused,
    State,
    Visit,
    VisitRules,
)
from terminal.visit.steps import TARGETS, Step, Transition, eased, home, remember, stay


def start(rules: VisitRules, now: Now, *, memory: Memory | None = None) -> Visit:
    """Return the machine as it is when the kiosk starts: idle, remembering nothing.

    `memory` is that of a visit that was broken off: tracks done with stay done with, or they would punch again.
    """
    visit = Visit(state=Idle(since_s=now.monotonic_s), memory=memory or Memory(), rules=rules)
    return home(visit, now)


def step(visit: Visit, given: Input, now: Now) -> Step:
    """Return the visit after `given` happened at `now`, and what the kiosk has to do for it, in order."""
    if isinstance(given, Tapped | Typed) and eased(visit, now):
        visit = remember(visit, ease_until_s=now.monotonic_s + visit.rules.ease_s)
    return TABLE[type(visit.state), type(given)](visit, visit.state, given, now)


def diagram() -> str:
    """Return the table as a Mermaid state diagram; a transition that only stays where it is, is not drawn."""
    return drawn(TABLE, TARGETS, first=Idle)


def targets(state: type[State], given: type[Input]) -> tuple[type[State], ...]:
    """Return the states to which this pair of the table may lead."""
    return targets_of(TABLE, TARGETS, state, given)


_COLUMNS: tuple[type[Input], ...] = (
    Saw, CameraChanged, Tapped, Typed, Committed, Corrected, CommitFailed, PinAnswered, Tick, ErrandOver,
)  # fmt: skip
# fmt: off
_ROWS: dict[type[State], tuple[Transition, ...]] = {
    # the last two of each row are those of Tick and of ErrandOver
    #                 Saw         CameraChanged Tapped      Typed         Committed Corrected CommitFailed  PinAnswered
    Idle:            (look,       lose_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      rest,        stay),
    Looking:         (look,       lose_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      lose_sight,  stay),
    Challenged:      (look,       lose_camera, tap_asked,   type_asked,   stay,    stay,      stay,         stay,
                      wait_asked,  stay),
    Refused:         (look_again, lose_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      end_refusal, stay),
    Held:            (wait_out,   lose_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      take_faces_again, stay),
    Recording:       (stay,       note_camera, stay,        stay,         confirm, stay,      apologise,    stay,
                      give_up,     stay),
    Recorded:        (pre_empt,   note_camera, tap_result,  type_result,  stay,    stay,      stay,         stay,
                      end_result,  stay),
    AlreadyRecorded: (pre_empt,   note_camera, tap_result,  type_result,  stay,    stay,      stay,         stay,
                      end_result,  stay),
    Correcting:      (stay,       note_camera, stay,        stay,         stay,    corrected, apologise,    stay,
                      give_up,     stay),
    History:         (pre_empt,   note_camera, use_history, use_history,  stay,    stay,      stay,         stay,
                      end_result,  stay),
    NotRecognised:   (look_again, lose_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      end_result,  stay),
    PinNumber:       (give_way,   note_camera, type_number, type_number,  stay,    stay,      stay,         stay,
                      close,       stay),
    PinCode:         (hold,       note_camera, type_code,   type_code,    stay,    stay,      stay,         stay,
                      close,       stay),
    PinChecking:     (hold,       note_camera, cancel_only, cancel_only,  stay,    stay,      stay,         hear_desk,
                      desk_gone,   stay),
    NotRecorded:     (pre_empt,   note_camera, tap,         start_typing, stay,    stay,      stay,         stay,
                      end_result,  stay),
    CameraDown:      (look,       camera_back, tap,         start_typing, stay,    stay,      stay,         stay,
                      forget,      stay),
    Desk:            (hold,       note_camera, use_desk,    use_desk,     stay,    stay,      desk_unnoted, stay,
                      close_desk,  stay),
    Enrolling:       (hold,       note_camera, stay,        stay,         stay,    stay,      desk_unnoted, stay,
                      stay,        end_errand),
}
# fmt: on
TABLE: dict[tuple[type[State], type[Input]], Transition] = {
    (state, given): transition for state, row in _ROWS.items() for given, transition in zip(_COLUMNS, row, strict=True)
}
