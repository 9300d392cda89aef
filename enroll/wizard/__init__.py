"""One person's enrolment at the kiosk or a desk as a state machine, after the administrator has signed in. *Pure*.

`step` looks up TABLE by the type of the state and the type of the input, and runs the transition that stands there;
`diagram` draws the same table. Each transition says where it may lead. The values are in `states` and `signals`.

What holds whatever happens: nothing is stored before the one Enrol at the end, which never comes without the person's
decision, the text's version and its moment; a face that is enrolled under another number gets nothing; the way without
a face is open from the purpose on and keeps neither sample nor picture; every way leads to Done or Cancelled.
"""

from collections.abc import Iterable
from types import MappingProxyType

from enroll.wizard.choices import LANGUAGES, choices
from enroll.wizard.deciding import decide, find, finding, leave_alone
from enroll.wizard.finishing import (
    enrolled,
    enrolled_after_all,
    leave,
    leave_dark,
    not_enrolled,
    nothing_there,
    retry,
    save_gone,
    type_pin,
    use_checking,
    use_duplicate,
    use_failed,
    use_looks,
    use_stalled,
)
from enroll.wizard.looking import (
    camera_back,
    give_up_test,
    hear_search,
    hear_test,
    lose_camera,
    note_camera,
    search_gone,
    stall,
    walk,
    watch,
)
from enroll.wizard.signals import (
    CameraChanged,
    EnrolFailed,
    Enrolled,
    Input,
    Recognised,
    Saw,
    Searched,
    Tapped,
    Tick,
    Typed,
)
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    Memory,
    NoCamera,
    NotEnrolled,
    OfferLooks,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    State,
    Wizard,
)
from enroll.wizard.steps import TARGETS, Step, Transition, stay
from enroll.wizard.values import Entry, WizardRules
from terminal.machine import drawn, targets_of
from terminal.visit.states import Now

__all__ = ["LANGUAGES", "TABLE", "choices", "diagram", "is_over", "start", "step", "targets"]


def start(
    rules: WizardRules,
    now: Now,
    *,
    administrator: str,
    roster: Iterable[Entry],
    language: str = "id",
    camera_lost: bool = False,
) -> Wizard:
    """Return the machine as it is when the administrator, signed in by face and PIN, opens an enrolment.

    Raises ValueError for rules by which nobody could be enrolled.
    """
    if not rules.poses or rules.test_tries < 1 or rules.front_yaw >= rules.side_yaw:
        raise ValueError("an enrolment takes a pose or more, a try or more, and a side further out than the front")
    wizard = Wizard(
        state=FindEmployee(until_s=now.monotonic_s),
        memory=Memory(camera_lost=camera_lost),
        rules=rules,
        administrator=administrator,
        language=language,
        roster=MappingProxyType({entry.number: entry for entry in roster}),
    )
    return finding(wizard, now)


def step(wizard: Wizard, given: Input, now: Now) -> Step:
    """Return the enrolment after `given` happened at `now`, and what the desk has to do for it, in order."""
    return TABLE[type(wizard.state), type(given)](wizard, wizard.state, given, now)


def is_over(wizard: Wizard) -> bool:
    """Return whether this enrolment has come to its end."""
    return isinstance(wizard.state, Done | Cancelled)


def diagram() -> str:
    """Return the table as a Mermaid state diagram; a transition that only stays where it is, is not drawn."""
    return drawn(TABLE, TARGETS, first=FindEmployee, last=(Done, Cancelled))


def targets(state: type[State], given: type[Input]) -> tuple[type[State], ...]:
    """Return the states to which this pair of the table may lead."""
    return targets_of(TABLE, TARGETS, state, given)


_COLUMNS: tuple[type[Input], ...] = (
    Saw, CameraChanged, Tapped, Typed, Searched, Recognised, Enrolled, EnrolFailed, Tick,
)  # fmt: skip
# fmt: off
_ROWS: dict[type[State], tuple[Transition, ...]] = {
    # the last one of each row is that of Tick
    #                Saw    CameraChanged Tapped         Typed          Searched     Recognised Enrolled  EnrolFailed
    FindEmployee:   (stay,  note_camera,  find,          find,          stay,        stay,      stay,     stay,
                     leave_alone),
    Purpose:        (stay,  note_camera,  decide,        decide,        stay,        stay,      stay,     stay,
                     leave_alone),
    Capture:        (watch, lose_camera,  leave,         leave,         stay,        stay,      stay,     stay,
                     stall),
    Stalled:        (stay,  note_camera,  use_stalled,   use_stalled,   stay,        stay,      stay,     stay,
                     leave_alone),
    OfferLooks:     (stay,  note_camera,  use_looks,     use_looks,     stay,        stay,      stay,     stay,
                     leave_alone),
    Checking:       (stay,  note_camera,  use_checking,  use_checking,  hear_search, stay,      stay,     stay,
                     search_gone),
    Duplicate:      (stay,  note_camera,  use_duplicate, use_duplicate, stay,        stay,      stay,     stay,
                     leave_alone),
    ChoosePin:      (stay,  note_camera,  type_pin,      type_pin,      stay,        stay,      stay,     stay,
                     leave_alone),
    SelfTest:       (walk,  lose_camera,  leave,         leave,         stay,        hear_test, stay,     stay,
                     give_up_test),
    SelfTestFailed: (stay,  note_camera,  use_failed,    use_failed,    stay,        stay,      stay,     stay,
                     leave_alone),
    NoCamera:       (stay,  camera_back,  leave_dark,    leave_dark,    stay,        stay,      stay,     stay,
                     leave_alone),
    Saving:         (stay,  note_camera,  stay,          stay,          stay,        stay,      enrolled, not_enrolled,
                     save_gone),
    NotEnrolled:    (stay,  note_camera,  retry,         retry,         stay,        stay,      enrolled, not_enrolled,
                     leave_alone),
    Done:           (stay,  note_camera,  stay,          stay,          stay,        stay,      stay,     stay,
                     stay),
    Cancelled:      (stay,  note_camera,  stay,          stay,          stay,        stay,      enrolled_after_all,
                     nothing_there, stay),
}
# fmt: on
TABLE: dict[tuple[type[State], type[Input]], Transition] = {
    (state, given): transition for state, row in _ROWS.items() for given, transition in zip(_COLUMNS, row, strict=True)
}
