"""The uplink: punches leave at once, stay until the collector's word, and nothing that arrives can harm."""

from collections.abc import Callable
from pathlib import Path

from sync import chain, collector_key, keys
from sync.messages import (
    MAX_MESSAGE_BYTES,
    AttendanceEvent,
    encode,
)
from tests.sync.samples import SEVEN, SIGNER, ack, signed_ack
from tests.sync.uplink.desk import ACKS, EVENTS, GALLERY, STATUS, Desk


def test_a_punch_leaves_as_it_was_recorded_and_stays_until_the_collectors_word(desk: Desk) -> None:
    event = desk.punch()
    desk.turn()
    assert [chain.unseal(payload).body for payload in desk.link.on(EVENTS)] == [encode(event)]
    desk.turn()
    assert desk.outbox.depth() == 1, "the broker's answer frees nothing"
    desk.acknowledge(1)
    assert desk.outbox.depth() == 0
    desk.turn(after_s=1000)
    assert desk.sent() == [1]


def test_it_listens_for_acks_and_sets_before_anything_leaves(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.punch()
    desk.turn()
    assert desk.link.published == []
    desk.link.connect()
    desk.turn()
    assert desk.link.subscribed == [(ACKS, GALLERY, STATUS)]
    assert desk.sent() == [1]


def test_no_more_leave_than_may_be_under_way(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(in_flight=10)
    desk.link.connect()
    desk.turn()
    for _ in range(12):
        desk.punch()
        desk.turn()
    assert desk.sent() == list(range(1, 9)), "two places are kept for the status and a subscription"
    desk.acknowledge(3, 5)
    desk.turn()
    assert desk.sent() == list(range(1, 13))
    assert len(desk.link.on(EVENTS)) == 9, "what waited leaves together"


def test_a_backlog_leaves_many_rows_at_once_and_whoever_punches_now_goes_before_it(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(in_flight=5)
    for _ in range(100):
        desk.punch()
    desk.link.connect()
    desk.turn()
    assert len(desk.link.on(EVENTS)) == 1, "of three places, two are for live punches"
    waited = len(desk.sent())
    assert 10 < waited <= 20
    assert max(len(payload) for payload in desk.link.on(EVENTS)) <= MAX_MESSAGE_BYTES
    desk.punch()
    desk.turn()
    assert desk.sent()[-1] == 101
    desk.acknowledge(0, 101)
    assert desk.outbox.depth() == 100
    for _ in range(20):
        desk.acknowledge(max(seq for seq in desk.sent() if seq <= 100))
    assert desk.outbox.depth() == 0
    assert sorted(desk.sent()) == list(range(1, 102)), "each once"


def test_rows_the_centre_has_lost_are_sent_again(desk: Desk) -> None:
    for _ in range(4):
        desk.punch()
    desk.turn()
    desk.acknowledge(4)
    desk.acknowledge(1, missing=((2, 4),))
    assert desk.outbox.depth() == 3
    desk.turn()
    assert desk.sent() == [1, 2, 3, 4, 2, 3, 4]


def test_a_kiosk_that_learns_it_is_a_copy_goes_on_in_a_new_epoch_and_loses_nothing(desk: Desk) -> None:
    before = desk.outbox.epoch
    event = desk.punch()
    desk.turn()
    digits = chain.digest(desk.link.on(EVENTS)[0]).hex()[:16]
    desk.acknowledge(7, upto_hash="a" * 64, refused=((1, digits),))
    desk.turn()
    desk.turn()
    assert desk.outbox.epoch != before
    again = chain.read_entry(desk.link.on(EVENTS)[-1])[0]
    assert isinstance(again, AttendanceEvent)
    assert (again.epoch, again.moved_from, again.receipt) == (desk.outbox.epoch, (before, 1), event.receipt)
    assert desk.statuses()[-1].alarms == ("card_forked",)
    desk.acknowledge(1)
    assert desk.outbox.depth() == 0


def test_an_ack_the_collector_did_not_sign_frees_nothing_and_is_told(desk: Desk) -> None:
    desk.punch()
    desk.turn()
    said = ack(desk.outbox, 1)
    stranger = keys.signer(keys.PrivateKey.generate())
    for payload in (encode(said), chain.seal(encode(said), stranger.sign), chain.seal(encode(said), SIGNER.sign)):
        desk.link.deliver(ACKS, payload)
        desk.turn()
    assert desk.outbox.depth() == 1
    desk.turn()
    assert desk.statuses()[-1].alarms == ("ack_refused",)


def test_without_the_collectors_key_nothing_is_marked_until_it_is_there(tmp_path: Path, desk: Desk) -> None:
    desk.uplink._acks = collector_key.ack_door(tmp_path / "collector.pub")
    desk.punch()
    desk.turn()
    desk.acknowledge(1)
    desk.turn()
    assert (desk.outbox.depth(), desk.statuses()[-1].alarms) == (1, ("collector_key_unavailable",))
    keys.new_key(tmp_path, keys.COLLECTOR)
    theirs = keys.load_private(tmp_path / "collector.key")
    desk.link.deliver(ACKS, chain.seal(encode(ack(desk.outbox, 1)), theirs.sign))
    desk.turn()
    desk.turn()
    assert (desk.outbox.depth(), desk.statuses()[-1].alarms) == (0, ())


def test_no_event_is_dropped_when_very_many_wait(desk: Desk) -> None:
    for version in range(1, 451):
        desk.link.deliver(GALLERY, b"%d" % version)
    for _ in range(3):
        desk.turn()
    assert [content.version for content in desk.taken] == list(range(1, 451))


def test_a_backlog_from_before_the_start_leaves(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    for _ in range(5):
        desk.punch()
    desk.outbox.acknowledge(ack(desk.outbox, 2))
    desk.link.connect()
    desk.turn()
    assert desk.sent() == [3, 4, 5]


def cut_off_after_three(make_desk: Callable[..., Desk], *, answered: int) -> Desk:
    """Return a desk whose broker answered the first `answered` of three punches before the connection was lost."""
    desk = make_desk(answering=False)
    desk.link.connect()
    desk.turn()
    for _ in range(3):
        desk.punch()
        desk.turn()
    for mid in [each.mid for each in desk.link.published if each.topic == EVENTS][:answered]:
        desk.link.answer(mid)
    desk.turn()
    desk.link.disconnect()
    desk.turn()
    return desk


def test_after_a_reconnect_what_paho_sends_again_is_not_sent_by_us(make_desk: Callable[..., Desk]) -> None:
    desk = cut_off_after_three(make_desk, answered=1)
    desk.link.connect(session_present=True)
    desk.turn()
    desk.turn(after_s=20)
    assert desk.sent() == [1, 2, 3]


def test_a_broker_that_lost_its_memory_gets_again_what_it_had_taken(make_desk: Callable[..., Desk]) -> None:
    desk = cut_off_after_three(make_desk, answered=2)
    desk.link.connect(session_present=False)
    desk.turn()
    assert desk.sent() == [1, 2, 3, 1, 2], "3 is paho's to send again"
    assert desk.link.subscribed == [(ACKS, GALLERY, STATUS)] * 2


def test_what_the_collector_does_not_acknowledge_goes_again_and_again(desk: Desk) -> None:
    desk.punch()
    desk.turn()
    desk.turn(after_s=29)
    assert desk.sent() == [1]
    desk.turn(after_s=32)
    assert desk.sent() == [1, 1]
    desk.turn()
    desk.turn(after_s=61)
    assert desk.sent() == [1, 1, 1]
    desk.acknowledge(1)
    desk.turn(after_s=100)
    assert desk.sent() == [1, 1, 1]


def test_a_broker_that_stops_answering_is_left(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(answering=False)
    desk.link.connect()
    desk.turn()
    desk.punch()
    desk.turn()
    desk.turn(after_s=59)
    assert desk.link.drops == []
    desk.turn(after_s=2)
    assert desk.link.drops == ["the broker stopped answering"]


def test_a_refused_punch_stays_and_raises_an_alarm_until_one_is_taken(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(answering=False)
    desk.link.connect()
    desk.turn()
    desk.link.answer_all()
    desk.punch()
    desk.turn()
    mid = next(each.mid for each in desk.link.published if each.topic == EVENTS)
    desk.link.answer(mid, ok=False, reason="Not authorized")
    desk.turn()
    desk.turn()
    assert desk.statuses()[-1].alarms == ("broker_refuses",)
    assert desk.outbox.depth() == 1
    desk.link.answer_all()
    desk.turn(after_s=61)
    assert desk.sent() == [1, 1]
    desk.link.answer_all()
    desk.turn(after_s=11)
    desk.turn()
    assert desk.statuses()[-1].alarms == ()


def test_a_failing_card_becomes_an_alarm_that_reaches_the_centre(desk: Desk) -> None:
    desk.punch()
    desk.turn()
    said = signed_ack(ack(desk.outbox, 1))
    desk.card.execute("ALTER TABLE outbox RENAME TO gone")
    desk.link.deliver(ACKS, said)
    desk.turn()
    desk.turn()
    desk.turn()
    told = desk.statuses()[-1]
    assert told.alarms == ("card_failing",)
    assert told.outbox_depth is None
    desk.card.execute("ALTER TABLE gone RENAME TO outbox")
    desk.acknowledge(1)
    assert desk.outbox.depth() == 0


def test_old_acknowledged_rows_are_forgotten(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.link.connect()
    desk.punch()
    desk.turn()
    desk.acknowledge(1)
    desk.turn(after_s=29 * 86_400)
    assert desk.outbox.punches("1987", since=SEVEN)
    desk.turn(after_s=2 * 86_400)
    assert desk.outbox.punches("1987", since=SEVEN) == []
