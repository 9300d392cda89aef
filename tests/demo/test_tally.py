"""The run's numbers: every kind of right and wrong that a register can hold."""

from datetime import UTC, datetime, timedelta

from demo.clip import WalkUp
from demo.tally import Tally, tally
from sync.messages import ClockQuality, Direction, Method
from sync.register.events import RegisteredEvent, TimedBy

BEGAN = datetime(2026, 8, 17, 0, 0, tzinfo=UTC)
PEOPLE = {"1001": "Ana", "1002": "Budi"}
ANA = WalkUp(employee="1001", name="Ana", starts_s=2, ends_s=7)
STRANGER = WalkUp(employee=None, name="Citra", starts_s=10, ends_s=15)
BUDI = WalkUp(employee="1002", name="Budi", starts_s=20, ends_s=26)
DIAN = WalkUp(employee=None, name="Dian", starts_s=24, ends_s=28)
TRUTH = (ANA, STRANGER, BUDI, DIAN)


def punch(number: str, at_s: float, *, method: Method = Method.FACE, seq: int = 1) -> RegisteredEvent:
    at = BEGAN + timedelta(seconds=at_s)
    return RegisteredEvent(
        id=seq,
        terminal="lobby-1",
        epoch="a" * 32,
        seq=seq,
        office="demo",
        employee=number,
        method=method,
        direction=Direction.IN,
        occurred_at=at,
        first_seen_at=at - timedelta(seconds=1),
        received_at=at,
        clock=ClockQuality.SYNCED,
        repeat_of=None,
        receipt="7KQ2MX4D9B",
        recorded_at=at,
        clock_jump_ms=None,
        counted_at=at - timedelta(seconds=1),
        timed_by=TimedBy.CLOCK,
        earliest_at=None,
        latest_at=None,
    )


def judged(
    *events: RegisteredEvent,
    ended_s: float = 40,
    began_s: tuple[float, ...] = (0,),
    before: dict[str, str] = PEOPLE,
    after: dict[str, str] | None = None,
) -> Tally:
    return tally(
        events,
        TRUTH,
        began=[BEGAN + timedelta(seconds=each) for each in began_s],
        ended=BEGAN + timedelta(seconds=ended_s),
        people_before=before,
        people_after=before if after is None else after,
    )


def test_all_went_well() -> None:
    result = judged(punch("1001", 4), punch("1002", 22))
    assert (result.visits, result.recorded, result.wrong) == (2, 2, 0)
    assert (result.strangers, result.strangers_named, result.register_events, result.unfinished) == (2, 0, 2, 0)


def test_a_missed_visit_is_wrong() -> None:
    result = judged(punch("1001", 4))
    assert (result.visits, result.recorded, result.wrong) == (2, 1, 1)


def test_another_name_is_wrong_twice_over() -> None:
    result = judged(punch("1002", 4), punch("1002", 22))
    assert (result.recorded, result.wrong, result.strangers_named) == (1, 2, 0)


def test_a_stranger_under_a_name_is_told() -> None:
    result = judged(punch("1001", 4), punch("1001", 12), punch("1002", 22))
    assert (result.recorded, result.wrong, result.strangers_named) == (2, 1, 1)


def test_f3_a_photo_held_up_is_no_visit_and_whoever_is_taken_for_it_is_told() -> None:
    photo = WalkUp(employee=None, name="Citra", starts_s=30, ends_s=36, shows="1001")

    def with_photo(*events: RegisteredEvent) -> Tally:
        return tally(
            events,
            (*TRUTH, photo),
            began=[BEGAN],
            ended=BEGAN + timedelta(seconds=40),
            people_before={**PEOPLE, "1003": "Citra"},
            people_after={**PEOPLE, "1003": "Citra"},
        )

    right = (punch("1001", 4), punch("1003", 12), punch("1002", 22))
    refused = with_photo(*right)
    assert (refused.visits, refused.recorded, refused.wrong) == (3, 3, 0)
    assert (refused.strangers, refused.attacks, refused.attacks_recorded) == (1, 1, 0)
    passed = with_photo(*right, punch("1001", 33))
    assert (passed.wrong, passed.attacks, passed.attacks_recorded) == (0, 1, 1)


def test_a_name_while_nobody_is_there_is_wrong() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), punch("1001", 18))
    assert (result.wrong, result.strangers_named) == (1, 0)


def test_a_decision_just_after_the_last_look_counts() -> None:
    assert judged(punch("1001", 7.4), punch("1002", 22)).wrong == 0


def test_walk_ups_that_the_end_cut_off_are_not_judged() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), ended_s=25)
    assert (result.visits, result.recorded, result.wrong, result.unfinished) == (1, 1, 0, 2)
    assert result.register_events == 2


def test_a_second_round_is_judged_like_the_first() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), punch("1001", 42), began_s=(0, 38), ended_s=38 + 20)
    assert (result.visits, result.recorded, result.wrong, result.strangers) == (3, 3, 0, 3)


def test_a_kiosk_that_died_during_a_walk_up_began_a_new_round() -> None:
    result = judged(punch("1001", 9), punch("1002", 27), began_s=(0, 5), ended_s=33.5)
    assert (result.visits, result.recorded, result.wrong, result.unfinished) == (2, 2, 0, 1)


def test_a_pin_in_between_is_counted_apart() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), punch("1001", 12, method=Method.PIN))
    assert (result.wrong, result.strangers_named, result.pin_events, result.register_events) == (0, 0, 1, 3)


def test_a_stranger_who_was_enrolled_meanwhile_is_a_visitor() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), punch("1005", 12), after={**PEOPLE, "1005": "Citra"})
    assert (result.visits, result.recorded, result.wrong, result.strangers) == (3, 3, 0, 1)


def test_a_stranger_who_was_enrolled_too_late_is_no_miss() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), after={**PEOPLE, "1005": "Citra"})
    assert (result.visits, result.wrong) == (2, 0)


def test_a_stranger_enrolled_before_must_be_recorded() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), before={**PEOPLE, "1005": "Citra"})
    assert (result.visits, result.recorded, result.wrong, result.strangers) == (3, 2, 1, 1)


def test_somebody_withdrawn_before_is_a_stranger() -> None:
    result = judged(punch("1001", 4), punch("1002", 22), before={"1001": "Ana"})
    assert (result.visits, result.strangers, result.strangers_named, result.wrong) == (1, 3, 1, 1)


def test_a_live_camera_has_no_truth() -> None:
    result = tally([punch("1001", 4)], None, began=[], ended=BEGAN, people_before=PEOPLE, people_after=PEOPLE)
    assert (result.visits, result.recorded, result.wrong, result.strangers_named) == (None, None, None, None)
    assert result.register_events == 1
