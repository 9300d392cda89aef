"""The window of punches under way: what goes again, when, and what never goes twice."""

import random

from sync.outbox import Place
from sync.window import OVERTAKEN_S, REMINDED_S, WAITING_PARCELS, Window


def window(size: int = 4) -> Window:
    return Window(size=size, resend_after_s=30, rng=random.Random(5))


def fill(target: Window, *seqs: int, now: float = 0.0, answered: bool = True) -> None:
    for seq in seqs:
        target.sent([Place(1, seq)], 100 + seq, now)
        if answered:
            assert target.answered(100 + seq)


def due(target: Window, now: float) -> list[int]:
    return [place.seq for places in target.due(now) for place in places]


def test_room_shrinks_with_what_is_under_way_and_comes_back_with_the_acknowledgement() -> None:
    rows = window()
    fill(rows, 1, 2, 3, 4)
    assert rows.room(live=True) == 0
    rows.acknowledged(1, 2, [4], 1.0)
    assert (rows.room(live=True), len(rows)) == (3, 1)


def test_a_row_goes_again_after_one_to_two_times_the_wait() -> None:
    rows = window(200)
    fill(rows, *range(1, 201))
    assert rows.due(29.9) == []
    assert 60 < len(rows.due(45)) < 140, "spread, not all at once"
    assert len(rows.due(60.1)) == 200
    assert due(rows, 60.1)[:2] == [1, 2]


def test_a_row_the_broker_has_not_answered_is_left_to_paho() -> None:
    rows = window()
    fill(rows, 1, answered=False)
    assert rows.due(10_000) == []
    assert rows.next_due() is None
    assert rows.unanswered_since() == 0.0
    rows.forgotten(5.0)
    assert rows.due(10_000) == []
    rows.answered(101)
    assert due(rows, 10_000) == [1]
    assert rows.unanswered_since() is None


def test_a_broker_that_forgot_the_session_gets_everything_again_at_once() -> None:
    rows = window()
    fill(rows, 1, 2)
    fill(rows, 3, answered=False)
    rows.forgotten(1.0)
    assert due(rows, 1.0) == [1, 2]
    rows.sent([Place(1, 1)], 201, 1.0)
    rows.sent([Place(1, 2)], 202, 1.0)
    rows.answered(201)
    rows.answered(202)
    assert rows.due(1.0) == []


def test_a_row_overtaken_by_a_later_one_goes_again_without_waiting() -> None:
    rows = window()
    fill(rows, 1, now=0.0)
    fill(rows, 2, now=1.0)
    fill(rows, 3, now=OVERTAKEN_S + 0.5)
    rows.acknowledged(1, 0, [3], 3.0)
    assert due(rows, 3.0) == [1], "2 left so shortly before 3 that it may be in the next batch"
    fill(rows, 1, now=3.0)
    fill(rows, 4, now=9.0)
    rows.acknowledged(1, 0, [4], 9.0)
    assert due(rows, 9.0) == [2], "row 1 had its hurry"


def test_a_row_still_without_a_word_after_the_ways_delay_and_a_little_goes_again() -> None:
    """What got lost last of all is not overtaken by anything, and nobody would speak of it before the long wait."""
    rows = window()
    fill(rows, 1, 2, now=0.0)
    delay = 0.5
    rows.acknowledged(1, 1, (), delay)
    patience = OVERTAKEN_S + delay
    assert due(rows, delay + patience - 0.01) == []
    assert due(rows, delay + patience) == [2]
    assert rows.next_due() == delay + patience
    fill(rows, 2, now=3.0)
    rows.acknowledged(1, 1, (), 3.0)
    assert rows.next_due() == 3.0 + 2 * OVERTAKEN_S, "twice as long for what was sent twice"
    fill(rows, 2, now=8.0)
    rows.acknowledged(1, 1, (), 8.0)
    rows.acknowledged(1, 1, (), 9.0)
    assert rows.next_due() == 8.0 + 4 * OVERTAKEN_S, "and no word puts it off"


def test_a_word_that_covers_a_parcel_in_part_is_of_an_earlier_life_and_the_rest_was_lost() -> None:
    """As after a broker's death: the collector had row 1 in another message, and the parcel went to nobody."""
    rows = window()
    rows.sent([Place(1, 1), Place(1, 2)], 100, 0.0)
    rows.answered(100)
    rows.acknowledged(1, 1, (), 0.5)
    assert due(rows, 0.5) == [2]


def test_an_answer_to_an_earlier_copy_changes_nothing() -> None:
    rows = window()
    fill(rows, 1)
    rows.sent([Place(1, 1)], 300, 50.0)
    assert not rows.answered(999)
    assert not rows.answered(101), "that copy was answered before"
    assert rows.due(10_000) == []
    assert rows.answered(300)
    assert due(rows, 10_000) == [1]


def test_a_parcel_stays_until_each_of_its_rows_is_acknowledged() -> None:
    rows = window()
    rows.sent([Place(1, 1), Place(1, 2), Place(2, 1)], 100, 0.0)
    rows.answered(100)
    rows.acknowledged(1, 1, [], 1.0)
    assert rows.places() == {Place(1, 2), Place(2, 1)}
    rows.acknowledged(2, 1, [], 1.0)
    assert rows.due(10_000) == [(Place(1, 2),)], "and goes again without the others"
    rows.gone([Place(1, 2)])
    assert len(rows) == 0


def test_whoever_punches_now_finds_room_beside_the_backlog() -> None:
    rows = window(WAITING_PARCELS + 2)
    fill(rows, *range(1, WAITING_PARCELS + 1))
    assert rows.room(live=False) == 0
    assert rows.room(live=True) == 2
    assert window(1).room(live=False) == 1, "one that may have but one under way still drains"


def test_a_word_that_covers_nothing_under_way_has_everything_that_left_before_it_sent_again_once() -> None:
    """The collector has just come, and says how far it is: what it should have had by now was lost."""
    rows = window(10)
    fill(rows, 5, 6, now=0.0)
    fill(rows, 7, now=10.0 - REMINDED_S / 2)
    fill(rows, 8, now=0.0, answered=False)
    rows.acknowledged(1, 4, (), 10.0)
    assert due(rows, 10.0) == [5, 6], "7 has just left, 8 is paho's"
    fill(rows, 5, 6, now=10.0)
    rows.acknowledged(1, 4, (), 10.5)
    assert due(rows, 10.5) == [7], "once each"
    rows.forgotten(13.0)
    fill(rows, 5, 6, 7, now=13.0)
    rows.acknowledged(1, 4, (), 14.0)
    assert due(rows, 14.0) == [5, 6, 7], "and once more for each broker that forgot"
