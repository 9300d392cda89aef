"""The collector: acknowledges after its commit and never before, whatever arrives and whatever is away."""

import itertools

import pytest

import sync.collector
from sync import chain, keys
from sync.messages import encode
from sync.mqtt import Event, LinkDown, Received
from sync.register import Register
from sync.register.events import count_events, payload_of
from sync.register.refusals import latest_rejected, refusal_counts
from sync.register.statuses import all_statuses
from tests.sync.collector.desk import Desk
from tests.sync.samples import EPOCH, ack_door, event, status
from tests.sync.samples import payload_of as sealed


def test_it_listens_to_every_terminal_at_every_connect(desk: Desk) -> None:
    desk.link.disconnect()
    desk.turn()
    desk.link.connect(session_present=True)
    desk.turn()
    assert desk.link.subscribed == [("hadir/v1/+/+/event", "hadir/v1/+/+/status")] * 2


def test_a_punch_is_acknowledged_after_its_commit_and_not_before(desk: Desk) -> None:
    desk.give(event(1))
    desk.turn()
    desk.turn(after_ms=49)
    assert (desk.acks(), desk.link.confirmed, count_events(desk.register)) == ([], [], 0)
    desk.turn(after_ms=2)
    assert desk.acks() == [(1, ())]
    assert count_events(desk.register) == 1
    assert len(desk.link.confirmed) == 1
    (ack,) = desk.words()
    assert (ack.office, ack.terminal, ack.epoch) == ("demo", "lobby-1", EPOCH)
    assert ack.upto_hash == chain.digest(sealed(event(1))).hex()
    assert not desk.link.published[-1].retain, "acknowledgements are never retained"


def test_a_full_batch_does_not_wait(desk: Desk) -> None:
    desk.give(*(event(seq) for seq in range(1, 8)))
    desk.turn()
    assert desk.acks() == [(5, ())]
    desk.turn()
    desk.turn(after_ms=51)
    assert desk.acks() == [(5, ()), (7, ())]


def test_a_kiosk_that_never_stops_talking_cannot_keep_the_others_from_their_commit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.give(event(1))
    flood = itertools.repeat(Received(topic=status().topic, payload=encode(status()), retained=False), 100_000)
    given = desk.link.next

    def endless(timeout_s: float) -> Event | None:
        return given(0) or next(flood)

    monkeypatch.setattr(desk.link, "next", endless)
    for _ in range(3):
        desk.turn(after_ms=51)
    assert desk.acks() == [(1, ())]
    assert next(flood, None) is not None, "a turn ends, whatever comes"


def test_one_ack_for_each_terminal_of_a_batch(desk: Desk) -> None:
    desk.take(event(1), event(2), event(1, terminal="lobby-2"))
    assert desk.acks() == [(2, ())]
    assert desk.acks("hadir/v1/demo/lobby-2/ack") == [(1, ())]


def test_what_lies_beyond_a_gap_is_named(desk: Desk) -> None:
    desk.take(event(1), event(3), event(4))
    assert desk.acks()[-1] == (1, (3, 4))
    desk.take(event(6))
    assert desk.acks()[-1] == (1, (6,))
    desk.take(event(2))
    assert desk.acks()[-1] == (4, ())


def test_a_known_event_is_acknowledged_again_and_no_new_row(desk: Desk) -> None:
    desk.take(event(1), event(2))
    desk.take(event(1))
    assert desk.acks() == [(2, ()), (2, (1,))]
    assert count_events(desk.register) == 2


def test_other_bytes_under_the_same_key_are_quarantined_and_alarmed(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.take(event(1, employee="1"))
    desk.take(event(1, employee="2"))
    assert "alarm event_conflict: terminal lobby-1" in caplog.text
    assert refusal_counts(desk.register).quarantined == 1
    assert payload_of(desk.register, 1) == sealed(event(1, employee="1"))
    assert desk.acks() == [(1, ()), (1, ())]
    digits = chain.digest(sealed(event(1, employee="2"))).hex()[:16]
    assert [ack.refused for ack in desk.words()] == [(), ((1, digits),)], "the kiosk has to know"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("hadir/v1/demo/lobby-1/event", b"garbage \xff\x00"),
        ("hadir/v1/demo/lobby-1/event", encode(event(9))),
        ("hadir/v1/demo/lobby-2/event", sealed(event(9))),
        ("hadir/v1/demo/lobby-1/event", sealed(event(9), keys.signer(keys.PrivateKey.generate()))),
        ("hadir/v1/demo/lobby-1/status", encode(event(9))),
        ("hadir/v1/demo/lobby-1/event", b"z" * 3_000_000),
    ],
)
def test_a_bad_message_is_rejected_and_the_next_good_one_is_fine(desk: Desk, topic: str, payload: bytes) -> None:
    desk.link.deliver(topic, payload)
    desk.take(event(1))
    assert desk.acks() == [(1, ())]
    (row,) = latest_rejected(desk.register)
    assert (row.topic, row.payload_bytes) == (topic, len(payload))
    assert len(desk.link.confirmed) == 2, "the broker need not keep what will never be good"


def test_a_message_that_breaks_the_checks_themselves_is_rejected_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sync.collector.inspect

    def fragile(topic: str, payload: bytes, **more: object) -> object:
        if payload == b"poison":
            raise ZeroDivisionError
        return real(topic, payload, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sync.collector, "inspect", fragile)
    desk.link.deliver("hadir/v1/demo/lobby-1/event", b"poison")
    desk.take(event(1))
    assert desk.acks() == [(1, ())]
    assert latest_rejected(desk.register)[0].reason == "could not be looked at: ZeroDivisionError"


def test_the_latest_status_of_each_terminal_is_kept(desk: Desk) -> None:
    for depth in (3, 2, 1):
        value = status(outbox_depth=depth)
        desk.link.deliver(value.topic, encode(value))
    desk.turn()
    desk.turn(after_ms=51)
    (state,) = all_statuses(desk.register)
    assert state.status.outbox_depth == 1
    assert desk.acks() == []
    assert len(desk.link.confirmed) == 3


def test_every_connect_tells_each_kiosk_how_far_it_is(desk: Desk) -> None:
    desk.take(event(1, epoch="a" * 32))
    desk.take(event(1), event(3), event(1, terminal="lobby-2"))
    desk.link.disconnect()
    desk.turn()
    before = len(desk.link.published)
    desk.link.connect(session_present=True)
    desk.turn()
    told = [ack_door(each.payload) for each in desk.link.published[before:]]
    assert sorted((ack.terminal, ack.epoch, ack.upto, ack.extra) for ack in told) == [
        ("lobby-1", EPOCH, 1, ()),
        ("lobby-2", EPOCH, 1, ()),
    ]
    assert {len(ack.upto_hash) for ack in told} == {64}


def test_a_commit_while_disconnected_is_acknowledged_at_the_next_connect(desk: Desk) -> None:
    desk.give(event(1))
    desk.turn()
    desk.link.disconnect()
    desk.turn(after_ms=51)
    desk.turn()
    assert count_events(desk.register) == 1
    assert desk.acks() == []
    assert desk.link.confirmed == [], "a receipt of a lost connection is void"
    desk.link.connect()
    desk.turn()
    assert desk.acks() == [(1, ())]


def test_no_more_acks_are_under_way_than_allowed_and_later_ones_are_joined(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False, batch_rows=1000)
        desk.link.in_flight = 3
        desk.link.connect()
        desk.turn()
        desk.take(*(event(1, terminal=f"lobby-{number}") for number in range(6)))
        assert len(desk.link.published) == 3
        desk.take(*(event(seq, terminal="lobby-5") for seq in (2, 4)))
        desk.take(*(event(seq, terminal="lobby-5") for seq in (6,)))
        assert len(desk.link.published) == 3
        desk.link.answer_all()
        desk.turn()
        desk.link.answer_all()
        desk.turn()
        assert desk.acks("hadir/v1/demo/lobby-5/ack") == [(2, (4, 6))]
        assert len(desk.link.published) == 6


def test_a_broker_that_never_answers_is_left(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.link.connect()
        desk.turn()
        desk.take(event(1))
        desk.turn(after_ms=299_000)
        assert desk.link.drops == []
        desk.turn(after_ms=2000)
        assert desk.link.drops == ["the broker stopped answering"]


def test_a_refused_ack_is_alarmed(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.link.answering = False
    desk.take(event(1))
    desk.link.answer(desk.link.published[-1].mid, ok=False, reason="Not authorized")
    desk.turn()
    assert "alarm broker_refuses: Not authorized" in caplog.text


def test_a_link_that_goes_down_while_acks_leave_keeps_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> int:
        raise LinkDown("gone")

    with monkeypatch.context() as patch:
        patch.setattr(desk.link, "publish", down)
        desk.take(event(1))
    desk.turn()
    assert desk.acks() == [(1, ())]
