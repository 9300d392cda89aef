"""The visit machine: scenarios by name, every pair of its table, and random lives that keep its promises."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import hypothesis.strategies as some
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import structs

from sync.messages import Direction, DirectionBy, Method, PadVerdict
from terminal import visit
from terminal.quality import Reason
from terminal.sighting import CameraState, Challenge
from terminal.visit.signals import (
    BACK_BUTTON,
    BACKSPACE,
    CANCEL,
    CHANGE_BUTTON,
    CONFIRM_BUTTON,
    DESK_BUTTON,
    EASE_BUTTON,
    ENTER,
    LANGUAGE_BUTTON,
    NOT_ME_BUTTON,
    PAGE_BUTTON,
    PIN_BUTTON,
    TODAY_BUTTON,
    CameraChanged,
    CheckPin,
    Chime,
    CommitFailed,
    Committed,
    Correct,
    Corrected,
    Input,
    NoteDesk,
    PinAnswered,
    PinVerdict,
    Record,
    Restart,
    Saw,
    SetLanguage,
    Sound,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Desk,
    DeskPage,
    Idle,
    KeypadReason,
    Looking,
    NotRecognised,
    NotRecorded,
    PinChecking,
    PinCode,
    PinNumber,
    PinProblem,
    Recorded,
    Recording,
    State,
    VisitRules,
)
from terminal.visit.steps import direction_of
from tests.terminal.made import SEVEN, event, now, punch, rules, served, sighting

STATES: tuple[type[State], ...] = get_args(State)
INPUTS: tuple[type[Input], ...] = get_args(Input)


class Life:
    """A visit driven by hand, with a card that commits when told to."""

    def __init__(self, policy: VisitRules | None = None) -> None:
        self.at_s = 0.0
        self.visit = visit.start(policy or rules(), now())
        self.chimes: list[Sound] = []
        self.checks: list[CheckPin] = []
        self.records: list[Record] = []
        self.corrections: list[Correct] = []
        self.desk: list[tuple[str, str]] = []
        self.wishes: list[SetLanguage | Restart] = []
        self.card_works = True
        self.administrator = False
        self.seq = 0

    @property
    def state(self) -> State:
        return self.visit.state

    def give(self, given: Input, *, after_s: float = 0.0) -> State:
        """Let time pass and something happen; the card answers at once."""
        self.at_s += after_s
        self.visit, effects = visit.step(self.visit, given, now(self.at_s))
        for effect in effects:
            match effect:
                case Chime():
                    self.chimes.append(effect.sound)
                case CheckPin():
                    self.checks.append(effect)
                case Record():
                    self.records.append(effect)
                    self.give(self.commit(effect))
                case Correct():
                    self.corrections.append(effect)
                    works = Corrected(event=effect.event, direction=effect.direction)
                    self.give(works if self.card_works else CommitFailed())
                case NoteDesk():
                    self.desk.append((effect.employee, effect.action))
                    if not self.card_works:
                        self.give(CommitFailed())
                case SetLanguage() | Restart():
                    self.wishes.append(effect)
        return self.visit.state

    def commit(self, effect: Record) -> Committed | CommitFailed:
        if not self.card_works:
            return CommitFailed()
        self.seq += 1
        return Committed(
            event=event(effect.punch, self.seq), first_event=effect.first, administrator=self.administrator
        )

    def see(
        self, track_id: int | None = None, employee: str | None = None, *, after_s: float = 0.1, **more: Any
    ) -> State:
        self.at_s += after_s
        earlier = more.pop("earlier", None)
        person = served(track_id, employee, **more) if track_id is not None else None
        return self.give(Saw(sighting=sighting(person, self.at_s), earlier=earlier))

    def type(self, *keys: str) -> State:
        for key in keys:
            self.give(Typed(key=key))
        return self.state

    def wait(self, seconds: float) -> State:
        return self.give(Tick(), after_s=seconds)

    def answer(self, verdict: PinVerdict, employee: str | None = None, **more: Any) -> State:
        return self.give(
            PinAnswered(check=self.checks[-1].check, verdict=verdict, employee=employee, gallery_version=7, **more)
        )


# --- by face --------------------------------------------------------------------------------------------------------


def test_a_known_face_becomes_one_green_screen() -> None:
    life = Life()
    assert isinstance(life.see(1), Looking)
    assert isinstance(life.see(1, "1001", since_s=0.1), Recorded)
    recorded = life.records[0].punch
    assert (recorded.employee, recorded.method, recorded.direction) == ("1001", Method.FACE, Direction.IN)
    assert recorded.direction_by is DirectionBy.SCHEDULE
    assert recorded.first_seen_at == SEVEN + timedelta(seconds=0.1)
    assert recorded.occurred_at == SEVEN + timedelta(seconds=0.2)
    assert (recorded.gallery_version, recorded.engine_id, recorded.score) == (7, "test-engine", 0.71)
    assert life.chimes == [Sound.RECORDED]


def test_nothing_is_green_before_the_card_has_it() -> None:
    life = Life()
    life.visit, effects = visit.step(life.visit, Saw(sighting=sighting(served(1, "1001"))), now())
    assert isinstance(life.state, Recording)
    assert effects == (Record(punch=life.state.punch, first=None),)
    assert isinstance(life.see(1, "1001"), Recording), "a second look does not punch a second time"
    assert life.records == []


def test_someone_who_stays_after_the_result_is_not_punched_again() -> None:
    life = Life()
    life.see(1, "1001")
    for _ in range(100):
        life.see(1, "1001")
        life.wait(0.1)
    assert isinstance(life.state, Idle)
    assert len(life.records) == 1


def test_the_next_face_pre_empts_the_result_at_once() -> None:
    life = Life()
    life.see(1, "1001")
    assert isinstance(life.see(2), Recorded), "a face not yet known lets the result stand"
    state = life.see(2, "1002", after_s=0.05)
    assert isinstance(state, Recorded)
    assert state.event.punch.employee == "1002"


def test_a_track_that_breaks_during_its_own_result_is_the_same_visit() -> None:
    life = Life()
    life.see(1, "1001")
    life.see(2, "1001")
    life.wait(3)
    assert isinstance(life.see(2, "1001"), Idle)
    assert len(life.records) == 1


def test_the_result_ends_by_itself() -> None:
    life = Life()
    life.see(1, "1001")
    assert isinstance(life.wait(2.4), Recorded)
    assert isinstance(life.wait(0.2), Idle)


def test_a_repeat_within_the_window_is_kept_and_answered_with_the_first() -> None:
    life = Life()
    first = event(punch("1001", at=SEVEN - timedelta(seconds=59)))
    state = life.see(1, "1001", after_s=0, earlier=first)
    assert isinstance(state, AlreadyRecorded)
    assert state.first is first
    assert life.records[0].first is first
    assert life.chimes == [Sound.ALREADY]


def test_after_the_window_it_is_a_punch_of_its_own() -> None:
    life = Life()
    first = event(punch("1001", at=SEVEN - timedelta(seconds=61)))
    assert isinstance(life.see(1, "1001", after_s=0, earlier=first), Recorded)
    assert life.records[0].first is None


def test_a_clock_set_back_does_not_make_everything_a_repeat() -> None:
    life = Life()
    later = event(punch("1001", at=SEVEN + timedelta(hours=3)))
    assert isinstance(life.see(1, "1001", earlier=later), Recorded)


@pytest.mark.parametrize(
    ("hours", "expected"), [(0.0, Direction.IN), (4.99, Direction.IN), (5.0, Direction.OUT), (9.0, Direction.OUT)]
)
def test_the_direction_follows_the_hour_in_the_offices_zone(hours: float, expected: Direction) -> None:
    assert direction_of(SEVEN + timedelta(hours=hours), earlier=None, rules=rules()) is expected


def test_a_repeat_keeps_the_direction_of_the_first() -> None:
    first = event(punch("1001", direction=Direction.IN))
    first = event(structs.replace(first.punch, occurred_at=SEVEN + timedelta(hours=5)))
    at = SEVEN + timedelta(hours=5, seconds=10)
    assert direction_of(at, earlier=first, rules=rules()) is Direction.IN


def test_a_card_that_fails_is_not_thanked_and_the_same_face_may_try_again() -> None:
    life = Life()
    life.card_works = False
    assert isinstance(life.see(1, "1001"), NotRecorded)
    assert life.chimes == [Sound.ALARM]
    assert isinstance(life.see(1, "1001"), NotRecorded), "it does not hammer a card that just failed"
    assert len(life.records) == 1
    life.card_works = True
    life.wait(3)
    assert isinstance(life.see(1, "1001"), Recorded)


def test_a_card_that_never_answers_did_not_thank() -> None:
    life = Life()
    life.visit, _ = visit.step(life.visit, Saw(sighting=sighting(served(1, "1001"))), now())
    assert isinstance(life.wait(9), Recording)
    assert isinstance(life.wait(2), NotRecorded)


def test_the_answer_for_another_punch_turns_nothing_green() -> None:
    life = Life()
    life.visit, _ = visit.step(life.visit, Saw(sighting=sighting(served(1, "1001"))), now())
    assert isinstance(life.give(Committed(event=event(punch("1002")))), Recording)


def test_a_face_that_blinks_out_is_still_being_looked_at() -> None:
    life = Life()
    life.see(1)
    life.see(None, after_s=0.5)
    assert isinstance(life.wait(0.2), Looking)
    assert isinstance(life.wait(0.5), Idle)


def test_the_hint_is_that_of_the_newest_look() -> None:
    life = Life()
    state = life.see(1, hint=Reason.TOO_FAR)
    assert isinstance(state, Looking)
    assert state.hint is Reason.TOO_FAR
    state = life.see(1)
    assert isinstance(state, Looking)
    assert state.hint is None


# --- not recognised -------------------------------------------------------------------------------------------------


def test_a_stranger_is_told_so_and_offered_the_keypad_once() -> None:
    life = Life()
    assert isinstance(life.see(1, misses=1), NotRecognised)
    assert isinstance(life.see(1, misses=1), NotRecognised)
    assert isinstance(life.see(1, misses=2), NotRecognised)
    state = life.see(1, misses=3)
    assert isinstance(state, PinNumber)
    assert state.keypad.reason is KeypadReason.NOT_RECOGNISED
    assert life.chimes == [Sound.REFUSED] * 3
    life.type(CANCEL)
    assert isinstance(life.see(1, misses=4), Looking), "the keypad does not come back by itself for the same face"
    assert life.records == []


def test_tries_count_across_tracks_that_break() -> None:
    life = Life()
    life.see(1, misses=1)
    life.see(2, misses=1)
    assert isinstance(life.see(3, misses=1), PinNumber)


def test_tries_are_forgotten_when_the_kiosk_was_left_alone() -> None:
    life = Life()
    life.see(1, misses=1)
    life.see(2, misses=1)
    life.wait(3)
    assert isinstance(life.wait(6), Idle)
    assert isinstance(life.see(3, misses=1), NotRecognised)


def test_a_second_look_may_succeed() -> None:
    life = Life()
    life.see(1, misses=1)
    assert isinstance(life.see(1, "1001"), Recorded)


def test_an_ambiguous_face_is_asked_for_its_pin_and_never_picked_later() -> None:
    life = Life()
    state = life.see(1, ambiguous=True)
    assert isinstance(state, PinNumber)
    assert state.keypad.reason is KeypadReason.AMBIGUOUS
    assert isinstance(life.see(1, "1001"), PinNumber)
    life.type(CANCEL)
    assert isinstance(life.see(1, "1001"), Idle)
    assert life.records == []


def test_a_keypad_that_opened_by_itself_gives_way_to_the_next_known_face() -> None:
    life = Life()
    for misses in (1, 2, 3):
        life.see(1, misses=misses)
    assert isinstance(life.see(2, "1002"), Recorded)


# --- by PIN ---------------------------------------------------------------------------------------------------------


def typed_in(life: Life, number: str = "1001", pin: str = "739206") -> State:
    life.give(Tapped(button=PIN_BUTTON))
    life.type(*number, ENTER)
    return life.type(*pin, ENTER)


def test_number_and_pin_become_a_punch_of_the_moment_ok_was_pressed() -> None:
    life = Life()
    assert isinstance(typed_in(life), PinChecking)
    assert (life.checks[0].number, life.checks[0].pin) == ("1001", "739206")
    life.wait(0.3)
    assert isinstance(life.answer(PinVerdict.OK, "1001"), Recorded)
    made = life.records[0].punch
    assert (made.method, made.employee, made.occurred_at) == (Method.PIN, "1001", SEVEN)
    assert made.score is None
    assert made.gallery_version == 7


@pytest.mark.parametrize("jump", [timedelta(days=300), -timedelta(hours=2)])
def test_a_clock_that_is_set_while_somebody_types_moves_their_arrival_along(
    jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life()
    life.see(1, misses=1, since_s=-20)
    life.type("1")
    real = now
    monkeypatch.setitem(globals(), "now", lambda seconds=0.0: replace(real(seconds), at=real(seconds).at + jump))
    life.at_s += 5
    life.type(*"001", ENTER, *"739206", ENTER)
    life.answer(PinVerdict.OK, "1001")
    made = life.records[0].punch
    assert made.occurred_at == SEVEN + timedelta(seconds=5.1) + jump
    assert abs(made.first_seen_at - (SEVEN - timedelta(seconds=20) + jump)) < timedelta(milliseconds=1)


def test_a_failed_face_before_the_keypad_costs_no_minute() -> None:
    life = Life()
    life.see(1, misses=1, since_s=-20)
    typed_in(life)
    life.answer(PinVerdict.OK, "1001")
    assert life.records[0].punch.first_seen_at == SEVEN - timedelta(seconds=20)


def test_a_keyboard_needs_no_touch() -> None:
    life = Life()
    life.type("1", "0", "0", "1", ENTER, *"739206", ENTER)
    assert life.checks[0].number == "1001"


def test_buttons_and_keys_do_the_same() -> None:
    life = Life()
    life.give(Tapped(button=PIN_BUTTON))
    for button in ("1", "0", BACKSPACE, "2", ENTER):
        life.give(Tapped(button=button))
    assert isinstance(life.state, PinCode)
    assert life.state.number == "12"


def test_wrong_pin_keeps_the_number_and_clears_the_digits() -> None:
    life = Life()
    typed_in(life)
    state = life.answer(PinVerdict.REFUSED)
    assert isinstance(state, PinCode)
    assert (state.number, state.code, state.problem) == ("1001", "", PinProblem.WRONG)
    life.type(BACKSPACE)
    assert isinstance(life.state, PinNumber)
    assert life.state.number == "1001"


def test_a_delay_is_said_with_its_end() -> None:
    life = Life()
    typed_in(life)
    state = life.answer(PinVerdict.WAIT, wait_s=30)
    assert isinstance(state, PinCode)
    assert (state.problem, state.wait_until_s) == (PinProblem.WAIT, 1030.0)


def test_what_is_missing_is_said() -> None:
    life = Life()
    life.type(ENTER)
    assert isinstance(life.state, PinNumber)
    life.type(ENTER)
    assert isinstance(life.state, PinNumber)
    assert life.state.problem is PinProblem.NO_NUMBER
    life.type("1", ENTER, "7", "3", ENTER)
    assert isinstance(life.state, PinCode)
    assert life.state.problem is PinProblem.TOO_SHORT
    assert life.checks == []


def test_six_digits_are_all_there_is_room_for() -> None:
    life = Life()
    life.type("1", ENTER, *"73920611")
    assert isinstance(life.state, PinCode)
    assert life.state.code == "739206"


@pytest.mark.parametrize("key", ["", "'", ";", "\x00", "é", "٣", "ab", " ", "-", "💥", "\u202e", "0" * 10_000])
def test_odd_keys_are_not_part_of_a_number(key: str) -> None:
    life = Life()
    assert isinstance(life.type(key), Idle)


def test_a_number_has_an_end() -> None:
    life = Life()
    life.type(*("9" * 5000))
    assert isinstance(life.state, PinNumber)
    assert life.state.number == "9" * 32


def test_neither_digits_nor_keys_show_in_a_log() -> None:
    life = Life()
    life.type("1", ENTER, *"739206")
    assert "739206" not in repr(life.visit)
    life.type(ENTER)
    assert "739206" not in repr(life.checks[0])
    assert "739206" not in repr(Typed(key="739206"))


def test_the_keypad_closes_when_left_alone() -> None:
    life = Life()
    life.type("1")
    assert isinstance(life.wait(29), PinNumber)
    life.type("2")
    assert isinstance(life.wait(29), PinNumber)
    assert isinstance(life.wait(2), Idle)


def test_nobody_holds_an_early_arrival_open_for_a_friend() -> None:
    life = Life()
    life.type("1")
    for _ in range(13):
        life.type("1", BACKSPACE)
        life.wait(10)
    assert isinstance(life.state, PinNumber)
    assert life.state.keypad.arrived_at == SEVEN + timedelta(seconds=120), "it closed, and a new arrival began"


def test_a_match_does_not_steal_the_keypad_and_a_bystander_is_not_punched() -> None:
    life = Life()
    life.type("1")
    assert isinstance(life.see(5, "1002"), PinNumber)
    life.type("0", "0", "1", ENTER, *"739206")
    assert isinstance(life.see(5, "1002"), PinCode)
    life.type(ENTER)
    assert isinstance(life.see(5, "1002"), PinChecking)
    life.answer(PinVerdict.OK, "1001")
    state = life.see(5, "1002")
    assert isinstance(state, Recorded)
    assert state.event.punch.employee == "1001", "the one who typed sees the whole result"
    assert len(life.records) == 1
    life.wait(3)
    life.see(5, "1002")
    assert [record.punch.employee for record in life.records] == ["1001", "1002"], "then the next in line has a turn"


def test_whoever_typed_a_pin_is_not_punched_by_face_as_well() -> None:
    life = Life()
    life.see(5, misses=1)
    typed_in(life)
    life.see(5, misses=1)
    life.answer(PinVerdict.OK, "1001")
    life.see(5, "1001")
    life.wait(3)
    life.see(5, "1001")
    assert len(life.records) == 1


def test_a_keypad_opened_and_left_gives_way_after_a_while() -> None:
    life = Life()
    life.give(Tapped(button=PIN_BUTTON))
    assert isinstance(life.see(5, "1002", after_s=1), PinNumber)
    assert isinstance(life.see(5, "1002", after_s=5), Recorded)


def test_cancel_is_heard_while_checking_and_the_late_answer_records_nothing() -> None:
    life = Life()
    typed_in(life)
    assert isinstance(life.type(CANCEL), Idle)
    assert isinstance(life.answer(PinVerdict.OK, "1001"), Idle)
    assert life.records == []


def test_the_answer_to_an_earlier_check_is_not_the_answer() -> None:
    life = Life()
    typed_in(life)
    life.type(CANCEL)
    typed_in(life, "1002", "111222")
    late = PinAnswered(check=life.checks[0].check, verdict=PinVerdict.OK, employee="1001", gallery_version=7)
    assert isinstance(life.give(late), PinChecking)
    assert life.records == []


def test_a_desk_that_never_answers_lets_try_again() -> None:
    life = Life()
    typed_in(life)
    state = life.wait(11)
    assert isinstance(state, PinCode)
    assert state.problem is PinProblem.NO_ANSWER


def test_the_next_in_line_may_type_while_the_result_still_shows() -> None:
    life = Life()
    life.see(1, "1001")
    assert isinstance(life.give(Tapped(button=PIN_BUTTON)), PinNumber)


# --- the camera -----------------------------------------------------------------------------------------------------


def camera(state: str) -> CameraChanged:
    return CameraChanged(camera=CameraState(state=state))


def test_without_a_camera_the_kiosk_works_by_pin_and_is_back_by_itself() -> None:
    life = Life()
    assert isinstance(life.give(camera("lost")), CameraDown)
    typed_in(life)
    assert isinstance(life.answer(PinVerdict.OK, "1001"), Recorded)
    assert isinstance(life.wait(3), CameraDown)
    assert isinstance(life.give(camera("starting")), CameraDown)
    assert isinstance(life.give(camera("ok")), Idle)


def test_a_sighting_is_proof_of_a_camera() -> None:
    life = Life()
    life.give(camera("lost"))
    assert isinstance(life.see(None), Idle)


def test_a_camera_lost_while_somebody_types_does_not_throw_them_out() -> None:
    life = Life()
    life.type("1")
    assert isinstance(life.give(camera("lost")), PinNumber)
    assert isinstance(life.type(CANCEL), CameraDown)


def test_a_camera_lost_under_a_result_lets_it_stand() -> None:
    life = Life()
    life.see(1, "1001")
    assert isinstance(life.give(camera("lost")), Recorded)
    assert isinstance(life.wait(3), CameraDown)


def open_desk(life: Life) -> State:
    """The administrator's face, their day, the button, the PIN."""
    life.administrator = True
    life.see(1, "1001")
    life.give(Tapped(button=TODAY_BUTTON))
    life.give(Tapped(button=DESK_BUTTON))
    life.type(*"739206", ENTER)
    return life.answer(PinVerdict.OK, "1001", administrator=True)


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
            case "Correcting":
                life.see(1, "1001")
                life.visit, _ = visit.step(life.visit, Tapped(button=CHANGE_BUTTON), now(life.at_s))
            case "History":
                life.administrator = True
                life.see(1, "1001")
                life.give(Tapped(button=TODAY_BUTTON))
            case "Desk":
                open_desk(life)
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
    *(f"{PAGE_BUTTON}{page}" for page in DeskPage), f"{PAGE_BUTTON}nowhere", f"{LANGUAGE_BUTTON}jv",
    f"{LANGUAGE_BUTTON}xx", "7", ENTER, BACKSPACE, CANCEL, "nowhere",
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
    Tick: (Tick(),),
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

TRACKS = some.integers(1, 6)
EMPLOYEES = some.sampled_from(["1001", "1002", None])
KEYS = some.sampled_from([*"0123456789x.-+*/'", ENTER, BACKSPACE, CANCEL, "", "💥"])
BUTTONS = some.sampled_from([*"0123456789", *BUTTONS_OF_ALL])


class RandomLives(RuleBasedStateMachine):
    """Whatever happens in whatever order: never green without a commit, never two commits of one track."""

    def __init__(self) -> None:
        super().__init__()
        self.visit = visit.start(rules(), now())
        self.at_s = 0.0
        self.asked: Record | None = None
        self.committed: list[int | None] = []
        self.seq = 0
        self.last_check: CheckPin | None = None
        self.correct: Correct | None = None
        self.seen: set[str] = set()

    def give(self, given: Input) -> None:
        before = type(self.visit.state)
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
        for effect in effects:
            if isinstance(effect, CheckPin):
                self.last_check = effect
            if isinstance(effect, Correct):
                self.correct = effect

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

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        memory = self.visit.memory
        assert max(len(memory.done), len(memory.quiet), len(memory.held)) <= 64

    def teardown(self) -> None:
        self.asked = None
        for _ in range(6):
            self.at_s += 130
            self.give(Tick())
        assert isinstance(self.visit.state, Idle | CameraDown), "every way leads home"


RandomLives.TestCase.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRandomLives = RandomLives.TestCase


def test_rules_may_be_replaced() -> None:
    life = Life(replace(rules(), tries_before_pin=1, result_s=9.0))
    assert isinstance(life.see(1, misses=1), PinNumber)
