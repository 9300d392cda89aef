"""The visit machine: every pair of its table, and random lives that keep its promises."""

from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

import hypothesis.strategies as some
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sync.messages import Direction, Method, PadVerdict
from terminal import visit
from terminal.sighting import Challenge
from terminal.visit.signals import (
    BACK_BUTTON,
    BACKSPACE,
    CANCEL,
    CANNOT_BUTTON,
    CHANGE_BUTTON,
    CONFIRM_BUTTON,
    DESK_BUTTON,
    EASE_BUTTON,
    ENROL_BUTTON,
    ENTER,
    LANGUAGE_BUTTON,
    NOT_ME_BUTTON,
    PAGE_BUTTON,
    PIN_BUTTON,
    TODAY_BUTTON,
    CameraChanged,
    CheckPin,
    CommitFailed,
    Committed,
    Correct,
    Corrected,
    ErrandOver,
    Input,
    NoteAttack,
    PinAnswered,
    PinVerdict,
    Record,
    Saw,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Desk,
    DeskPage,
    Enrolling,
    Idle,
    Recorded,
    Recording,
    State,
)
from tests.terminal.made import SEVEN, event, now, punch, rules, served, sighting
from tests.terminal.visit_life import Life, attacks, camera, open_desk, typed_in

STATES: tuple[type[State], ...] = get_args(State)
INPUTS: tuple[type[Input], ...] = get_args(Input)


# --- the table ------------------------------------------------------------------------------------------------------


def lives() -> Iterator[tuple[type[State], Life]]:
    """Yield a life in each state of the machine."""
    for state in STATES:
        life = Life()
        match state.__name__:
            case "Looking":
                life.see(1)
            case "Challenged":
                life.see(1, challenge=Challenge.BLINK)
            case "Refused":
                life.see(1, "1001", pad=PadVerdict.ATTACK)
            case "Held":
                attacks(life, 5)
                life.wait(3)
            case "Correcting":
                life.see(1, "1001")
                life.visit, _ = visit.step(life.visit, Tapped(button=CHANGE_BUTTON), now(life.at_s))
            case "History":
                life.administrator = True
                life.see(1, "1001")
                life.give(Tapped(button=TODAY_BUTTON))
            case "Desk":
                open_desk(life)
            case "Enrolling":
                life = Life(rules(enrols=True))
                open_desk(life)
                life.give(Tapped(button=ENROL_BUTTON))
            case "Recording":
                life.visit, _ = visit.step(life.visit, Saw(sighting=sighting(served(1, "1001"))), now())
            case "Recorded":
                life.see(1, "1001")
            case "AlreadyRecorded":
                life.see(1, "1001", earlier=event(punch("1001")))
            case "NotRecognised":
                life.see(1, misses=1)
            case "PinNumber":
                life.type("1")
            case "PinCode":
                life.type("1", ENTER)
            case "PinChecking":
                typed_in(life)
            case "NotRecorded":
                life.card_works = False
                life.see(1, "1001")
                life.card_works = True
            case "CameraDown":
                life.give(camera("lost"))
        assert type(life.state) is state
        yield state, life


BUTTONS_OF_ALL = (
    PIN_BUTTON, CHANGE_BUTTON, NOT_ME_BUTTON, TODAY_BUTTON, DESK_BUTTON, EASE_BUTTON, BACK_BUTTON, CONFIRM_BUTTON,
    ENROL_BUTTON, CANNOT_BUTTON, *(f"{PAGE_BUTTON}{page}" for page in DeskPage), f"{PAGE_BUTTON}nowhere",
    f"{LANGUAGE_BUTTON}jv", f"{LANGUAGE_BUTTON}xx", "7", ENTER, BACKSPACE, CANCEL, "nowhere",
)  # fmt: skip
EXAMPLES: dict[type[Input], tuple[Input, ...]] = {
    Saw: (
        Saw(sighting=sighting(None)),
        Saw(sighting=sighting(served(1, "1001"))),
        Saw(sighting=sighting(served(2, "1002"))),
        Saw(sighting=sighting(served(3, misses=1))),
        Saw(sighting=sighting(served(4, ambiguous=True))),
        Saw(sighting=sighting(served(5, challenge=Challenge.TURN_LEFT))),
        Saw(sighting=sighting(served(6, "1001", pad=PadVerdict.ATTACK))),
    ),
    CameraChanged: tuple(camera(state) for state in ("ok", "starting", "lost")),
    Tapped: tuple(Tapped(button=button) for button in BUTTONS_OF_ALL),
    Typed: tuple(Typed(key=key) for key in (*"71x?+-*/", ENTER, BACKSPACE, CANCEL))
    + tuple(Typed(key=ENTER, burst=burst) for burst in ("1001", "no number", "739206")),
    Committed: (Committed(event=event(punch("1001", at=SEVEN))), Committed(event=event(punch("9")))),
    Corrected: tuple(
        Corrected(event=event(punch("1001", at=SEVEN + timedelta(seconds=0.1))), direction=direction)
        for direction in (Direction.OUT, Direction.IN, None)
    ),
    CommitFailed: (CommitFailed(),),
    PinAnswered: tuple(
        PinAnswered(check=1, verdict=verdict, employee="1001", administrator=administrator)
        for verdict in PinVerdict
        for administrator in (False, True)
    ),
    ErrandOver: (ErrandOver(),),
    Tick: (Tick(), Tick(speaking=True)),
}


@pytest.mark.parametrize("given", INPUTS)
def test_every_pair_of_the_table_goes_where_it_says(given: type[Input]) -> None:
    for state, life in lives():
        allowed = visit.targets(state, given)
        for example in EXAMPLES[given]:
            for later_s in (0.0, 1.2, 60.0, 600.0):
                after, _ = visit.step(life.visit, example, now(life.at_s + later_s))
                assert type(after.state) in allowed, f"{state.__name__} x {example} -> {after.state}"


def test_the_table_has_every_pair_and_leads_to_every_state() -> None:
    assert set(visit.TABLE) == {(state, given) for state in STATES for given in INPUTS}
    reached = {target for state, given in visit.TABLE for target in visit.targets(state, given) if target is not state}
    assert reached == set(STATES)


def test_the_diagram_is_drawn_from_the_table() -> None:
    drawn = visit.diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> Idle\n")
    assert "    Recording --> Recorded: Committed: confirm\n" in drawn
    assert "    PinChecking --> Recording: PinAnswered: hear_desk\n" in drawn
    for state in STATES:
        assert f"--> {state.__name__}" in drawn
    green = [line for line in drawn.splitlines() if "--> Recorded" in line or "--> AlreadyRecorded" in line]
    ways = ("Recording --> ", "Correcting --> ")
    assert all(line.strip().startswith(ways) for line in green), "only the card's word turns it green"
    assert [line.split(": ", 1)[1] for line in green if "Correcting" in line] == ["Corrected: corrected"]


# --- random lives ---------------------------------------------------------------------------------------------------

TRACKS = some.integers(1, 12)
EMPLOYEES = some.sampled_from(["1001", "1002", None])
KEYS = some.sampled_from([*"0123456789x.-+*/'", ENTER, BACKSPACE, CANCEL, "", "💥"])
BUTTONS = some.sampled_from([*"0123456789", *BUTTONS_OF_ALL])


class RandomLives(RuleBasedStateMachine):
    """Whatever happens in whatever order: never green without a commit, never two commits of one track."""

    def __init__(self) -> None:
        super().__init__()
        self.visit = visit.start(rules(enrols=True), now())
        self.at_s = 0.0
        self.asked: Record | None = None
        self.committed: list[int | None] = []
        self.seq = 0
        self.last_check: CheckPin | None = None
        self.correct: Correct | None = None
        self.seen: set[str] = set()
        self.refused: list[int] = []

    def give(self, given: Input) -> None:
        before = type(self.visit.state)
        held = self.at_s + now().monotonic_s < self.visit.memory.held_until_s
        self.visit, effects = visit.step(self.visit, given, now(self.at_s))
        after = type(self.visit.state)
        assert after in visit.targets(before, type(given))
        green = (Recorded, AlreadyRecorded)
        if after in green and before not in green:
            assert isinstance(given, Committed | Corrected)
        if after is Desk and before is not Desk:
            assert isinstance(given, PinAnswered), "by PIN"
            assert given.administrator
            assert self.visit.state.employee in self.seen, "and by face"
        records = [effect for effect in effects if isinstance(effect, Record)]
        assert len(records) <= 1
        if records:
            assert after is Recording
            self.asked = records[0]
            assert not held or records[0].punch.method is not Method.FACE, "no face while it is held"
        for effect in effects:
            if isinstance(effect, CheckPin):
                self.last_check = effect
            if isinstance(effect, Correct):
                self.correct = effect
            if isinstance(effect, NoteAttack) and effect.verdict is PadVerdict.ATTACK:
                assert effect.track_id not in self.refused, "told once"
                self.refused.append(effect.track_id)

    @rule(seconds=some.floats(0.01, 40), sees=some.booleans())
    def time_passes(self, seconds: float, sees: bool) -> None:
        self.at_s += seconds
        self.give(Tick())

    @rule(track=TRACKS, employee=EMPLOYEES, misses=some.integers(0, 4), ambiguous=some.booleans())
    def somebody_is_seen(self, track: int, employee: str | None, misses: int, ambiguous: bool) -> None:
        self.at_s += 0.07
        person = served(track, employee, misses=misses, ambiguous=ambiguous)
        self.seen |= {employee} if employee else set()
        self.give(Saw(sighting=sighting(person, self.at_s)))

    @rule(track=TRACKS, employee=EMPLOYEES, pad=some.sampled_from(PadVerdict), asked=some.booleans())
    def somebody_is_doubted(self, track: int, employee: str | None, pad: PadVerdict, asked: bool) -> None:
        self.at_s += 0.07
        person = served(track, employee, pad=pad, challenge=Challenge.BLINK if asked else None)
        self.seen |= {employee} if employee else set()
        before = self.visit.state
        self.give(Saw(sighting=sighting(person, self.at_s)))
        if pad in (PadVerdict.ATTACK, PadVerdict.UNDECIDED):
            assert before is self.visit.state or not isinstance(self.visit.state, Recording)

    @rule()
    def nobody_is_seen(self) -> None:
        self.at_s += 0.07
        self.give(Saw(sighting=sighting(None, self.at_s)))

    @rule(state=some.sampled_from(["ok", "starting", "lost"]))
    def the_camera_changes(self, state: str) -> None:
        self.give(camera(state))

    @rule(key=KEYS)
    def a_key_is_typed(self, key: str) -> None:
        self.give(Typed(key=key))

    @rule(button=BUTTONS)
    def a_button_is_tapped(self, button: str) -> None:
        self.give(Tapped(button=button))

    @rule(number=some.sampled_from(["1001", "7"]), pin=some.sampled_from(["739206", "000000"]))
    def somebody_types_it_all(self, number: str, pin: str) -> None:
        self.give(Tapped(button=PIN_BUTTON))
        for key in (*number, ENTER, *pin, ENTER):
            self.give(Typed(key=key))

    @precondition(lambda self: self.last_check is not None)
    @rule(verdict=some.sampled_from(list(PinVerdict)), off=some.sampled_from([0, 0, 0, 1]))
    def the_desk_answers(self, verdict: PinVerdict, off: int) -> None:
        assert self.last_check is not None
        employee = self.last_check.number if verdict is PinVerdict.OK else None
        check = self.last_check.check - off
        self.give(
            PinAnswered(check=check, verdict=verdict, employee=employee, wait_s=30, administrator=employee == "1001")
        )

    @rule(works=some.booleans(), repeats=some.booleans())
    def the_card_answers(self, works: bool, repeats: bool) -> None:
        asked, self.asked = self.asked, None
        if asked is None or not works:
            self.give(CommitFailed())
            return
        state = self.visit.state
        waiting = isinstance(state, Recording)
        track = state.track_id if isinstance(state, Recording) else None
        self.seq += 1
        first = event(punch(asked.punch.employee)) if repeats else None
        administrator = asked.punch.employee == "1001"
        committed = event(asked.punch, self.seq)
        self.give(Committed(event=committed, first_event=first, administrator=administrator))
        if waiting and track is not None:
            assert track not in self.committed, "one punch for one track"
            self.committed.append(track)

    @rule(works=some.booleans(), other=some.booleans())
    def the_card_answers_a_correction(self, works: bool, other: bool) -> None:
        asked, self.correct = self.correct, None
        if asked is None:
            return
        direction = Direction.IN if other else asked.direction
        self.give(Corrected(event=asked.event, direction=direction) if works else CommitFailed())

    @precondition(lambda self: isinstance(self.visit.state, Enrolling))
    @rule()
    def the_errand_ends(self) -> None:
        self.give(ErrandOver())

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        memory = self.visit.memory
        assert max(len(memory.done), len(memory.quiet), len(memory.held)) <= 64

    def teardown(self) -> None:
        self.asked = None
        self.give(ErrandOver())
        for _ in range(6):
            self.at_s += 130
            self.give(Tick())
        assert isinstance(self.visit.state, Idle | CameraDown), "every way leads home"


RandomLives.TestCase.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRandomLives = RandomLives.TestCase
