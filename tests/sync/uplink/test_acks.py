"""What the uplink takes for the collector's word, and what it does not."""

import pytest

from tests.sync.uplink.desk import ACKS, Desk


@pytest.mark.parametrize(
    "other",
    [
        {"terminal": "lobby-2"},
        {"office": "other"},
    ],
)
def test_a_forged_ack_for_somebody_else_marks_nothing_and_is_told(desk: Desk, other: dict[str, str]) -> None:
    desk.punch()
    desk.turn()
    desk.acknowledge(1, **other)
    assert desk.outbox.depth() == 1
    desk.turn()
    assert desk.statuses()[-1].alarms == ("ack_refused",)


def test_an_ack_for_an_earlier_card_marks_nothing_and_is_no_alarm(desk: Desk) -> None:
    desk.punch()
    desk.turn()
    desk.turn()
    desk.clock += 1
    desk.acknowledge(1, epoch="0" * 32)
    assert desk.outbox.depth() == 1
    desk.turn(after_s=10)
    assert desk.statuses()[-1].alarms == ()
    assert desk.sent() == [1, 1], "but the collector is there, and should have had it"


def test_a_collector_that_comes_back_is_sent_at_once_what_it_lacks(desk: Desk) -> None:
    for _ in range(3):
        desk.punch()
    desk.turn()
    desk.turn()
    desk.clock += 1
    desk.acknowledge(0)
    assert desk.sent() == [1, 2, 3, 1, 2, 3]
    desk.turn()
    desk.acknowledge(0)
    assert desk.sent() == [1, 2, 3, 1, 2, 3], "once"


@pytest.mark.parametrize("payload", [b"\xff\x00", b"{}", b"[" * 50_000, b'{"type":"ack"}', b"null", b"1" * 20_000])
def test_garbage_as_an_ack_marks_nothing_and_the_next_good_one_counts(desk: Desk, payload: bytes) -> None:
    desk.punch()
    desk.turn()
    desk.link.deliver(ACKS, payload)
    desk.turn()
    assert desk.outbox.depth() == 1
    desk.acknowledge(1)
    assert desk.outbox.depth() == 0


def test_an_ack_from_the_future_marks_nothing(desk: Desk) -> None:
    desk.punch()
    desk.turn()
    desk.acknowledge(99)
    assert desk.outbox.depth() == 1


def test_a_message_nobody_asked_for_is_passed_over(desk: Desk) -> None:
    desk.link.deliver("hadir/v1/demo/lobby-2/ack", b"{}")
    desk.turn()
    assert desk.statuses()[-1].alarms == ()
