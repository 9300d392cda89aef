"""The visit machine: scenarios by name."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from sync.messages import Direction, DirectionBy, Method
from terminal import visit
from terminal.quality import Reason
from terminal.visit.signals import (
    BACKSPACE,
    CANCEL,
    ENTER,
    PIN_BUTTON,
    Committed,
    PinAnswered,
    PinVerdict,
    Record,
    Saw,
    Sound,
    Tapped,
    Typed,
)
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
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
)
from terminal.visit.steps import direction_of
from tests.terminal import visit_life
from tests.terminal.made import SEVEN, event, now, punch, rules, served, sighting
from tests.terminal.visit_life import Life, camera, typed_in

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
    monkeypatch.setattr(visit_life, "now", lambda seconds=0.0: replace(real(seconds), at=real(seconds).at + jump))
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


def test_rules_may_be_replaced() -> None:
    life = Life(replace(rules(), tries_before_pin=1, result_s=9.0))
    assert isinstance(life.see(1, misses=1), PinNumber)
