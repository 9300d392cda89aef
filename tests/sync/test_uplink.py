"""The uplink: punches leave at once, stay until the collector's word, and nothing that arrives can harm."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import config
import sync.uplink
from errors import HadirError
from sync import chain, collector_key, keys
from sync.messages import (
    MAX_MESSAGE_BYTES,
    AttendanceEvent,
    ClockQuality,
    Presence,
    TerminalStatus,
    decode,
    encode,
)
from sync.mqtt import LinkDown
from sync.outbox import Outbox
from sync.own_status import ALARM_KEPT_S, LOOK_EVERY_S, Condition
from sync.received_sets import ReleaseDoor
from sync.releases import EncodingSet, Person, ReleaseRefused
from sync.uplink import Uplink
from tests.fakes import FakeLink
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack, ack_door, open_card, punch, signed_ack

EVENTS = "hadir/v1/demo/lobby-1/event"
ACKS = "hadir/v1/demo/lobby-1/ack"
STATUS = "hadir/v1/demo/lobby-1/status"
GALLERY = "hadir/v1/demo/gallery/set"


class FakeDoor:
    """Encoding sets as b"<version>": anything else is torn. Keeps them in memory, unless the disk is full."""

    def __init__(self, kept: bytes | None = None) -> None:
        self.kept = kept
        self.full = False
        self.asked: list[int] = []

    def check(self, blob: bytes, newer_than: int) -> EncodingSet:
        self.asked.append(newer_than)
        if not blob.isdigit():
            raise ReleaseRefused("release_torn" if blob == b"torn" else "release_forged", "not signed")
        if int(blob) <= newer_than:
            raise ReleaseRefused("release_older", "older")
        person = Person(employee="1", name="Sri")
        return EncodingSet(
            office="demo", version=int(blob), engine_id="test", dimension=16, created_at=SEVEN, people=(person,)
        )

    def keep(self, blob: bytes) -> None:
        if self.full:
            raise HadirError("disk full")
        self.kept = blob

    def door(self) -> ReleaseDoor:
        return ReleaseDoor(check=self.check, keep=self.keep, kept=lambda: self.kept)


class Desk:
    """An uplink on a card with a fake link and a clock that stands still, turned by hand."""

    def __init__(self, folder: Path, *, door: FakeDoor | None = None, answering: bool = True, **mqtt: object) -> None:
        self.settings = config.replace(config.Config(), mqtt=mqtt)
        self.link = FakeLink(self.settings.mqtt, answering=answering)
        self.clock = 1000.0
        self.condition = Condition(gallery_version=3, camera="ok", clock=ClockQuality.SYNCED)
        self.door = door or FakeDoor()
        self.taken: list[EncodingSet] = []
        self.card = open_card(folder)
        self.outbox = Outbox(self.card, office="demo", terminal="lobby-1", signer=SIGNER)
        self.uplink = Uplink(
            self.settings,
            open_card=lambda: open_card(folder),
            signer=SIGNER,
            acks=ack_door,
            condition=lambda: self.condition,
            releases=self.door.door(),
            on_release=self.taken.append,
            link=self.link,
            monotonic=lambda: self.clock,
            now=lambda: SEVEN + timedelta(seconds=self.clock),
            rng=random.Random(4),
        )

    def punch(self, employee: str = "1987") -> AttendanceEvent:
        return self.outbox.record(
            punch(employee), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN
        )

    def turn(self, *, after_s: float = 0.0) -> None:
        self.clock += after_s
        self.uplink.turn(0)

    def acknowledge(self, upto: int, *extra: int, **other: Any) -> None:
        self.link.deliver(ACKS, signed_ack(ack(self.outbox, upto, extra, **other)))
        self.turn()

    def statuses(self) -> list[TerminalStatus]:
        return [decode(TerminalStatus, payload) for payload in self.link.on(STATUS)]

    def sent(self) -> list[int]:
        return [chain.read_entry(entry)[0].seq for payload in self.link.on(EVENTS) for entry in chain.unpack(payload)]


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**more: object) -> Desk:
        desk = Desk(tmp_path, **more)  # type: ignore[arg-type]
        desks.append(desk)
        desk.uplink.open()
        return desk

    yield make
    for desk in desks:
        desk.link.answering = True
        desk.uplink.close()
        desk.card.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    made = make_desk()
    made.link.connect()
    made.turn()
    return made


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


def test_the_status_is_told_at_connect_and_every_ten_seconds(desk: Desk) -> None:
    (first,) = desk.statuses()
    assert (first.presence, first.outbox_depth, first.last_seq, first.epoch) == (
        Presence.ONLINE,
        0,
        0,
        desk.outbox.epoch,
    )
    assert (first.gallery_version, first.camera, first.clock) == (3, "ok", ClockQuality.SYNCED)
    assert all(each.retain for each in desk.link.published if each.topic == STATUS)
    desk.turn(after_s=9)
    assert len(desk.statuses()) == 1
    desk.punch()
    desk.turn(after_s=1.1)
    desk.turn()
    assert [each.last_seq for each in desk.statuses()] == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        Condition(gallery_version=4, camera="ok"),
        Condition(gallery_version=3, camera="lost"),
        Condition(gallery_version=3, camera="ok", alarms=("camera_covered",)),
    ],
)
def test_what_matters_is_told_at_once(desk: Desk, change: Condition) -> None:
    desk.turn()
    desk.condition = change
    desk.uplink.wake()
    desk.turn()
    assert len(desk.statuses()) == 2
    told = desk.statuses()[-1]
    assert (told.gallery_version, told.camera, told.alarms) == (change.gallery_version, change.camera, change.alarms)


def test_what_does_not_matter_waits(desk: Desk) -> None:
    desk.turn()
    desk.condition = Condition(gallery_version=3, camera="ok", temperature_c=80.0, uptime_s=5)
    desk.uplink.wake()
    desk.turn()
    assert len(desk.statuses()) == 1


def test_an_unanswered_status_is_not_followed_by_more(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(answering=False)
    desk.link.connect()
    desk.turn()
    for _ in range(5):
        desk.turn(after_s=11)
    assert len(desk.statuses()) == 1
    assert desk.uplink._patience(1.0) == 1.0, "and does not spin meanwhile"


def test_the_last_will_says_offline_on_the_status_topic(tmp_path: Path) -> None:
    seen = []

    class Spy(FakeLink):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[arg-type]
            seen.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync.uplink, "Link", Spy)
        Uplink(
            config.Config(),
            open_card=lambda: open_card(tmp_path),
            signer=SIGNER,
            acks=ack_door,
            condition=Condition,
            releases=FakeDoor().door(),
            on_release=print,
        )
    will = seen[0].will
    assert will is not None
    assert (will.topic, will.retain, seen[0].client_id) == (STATUS, True, "lobby-1")
    assert decode(TerminalStatus, will.payload).presence is Presence.OFFLINE


def test_leaving_says_offline(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.uplink.open()
    desk.link.connect()
    desk.turn()
    desk.uplink.close()
    desk.card.close()
    assert [each.presence for each in desk.statuses()] == [Presence.ONLINE, Presence.OFFLINE]


def test_a_new_set_is_checked_kept_used_and_told(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"5", retained=True)
    desk.turn()
    assert desk.door.kept == b"5"
    assert [content.version for content in desk.taken] == [5]
    desk.link.deliver(GALLERY, b"5", retained=True)
    desk.turn()
    assert len(desk.taken) == 1, "the same again, as at every connect, is no news"
    assert desk.door.asked == [0]


@pytest.mark.parametrize(
    ("blob", "alarm"), [(b"torn", "release_torn"), (b"evil", "release_forged"), (b"4", "release_older")]
)
def test_a_bad_set_changes_nothing_and_raises_its_alarm_until_a_good_one_comes(
    desk: Desk, blob: bytes, alarm: str
) -> None:
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    desk.link.deliver(GALLERY, blob)
    desk.turn()
    desk.turn()
    assert desk.door.kept == b"5"
    assert len(desk.taken) == 1
    assert desk.statuses()[-1].alarms == (alarm,)
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    assert desk.statuses()[-1].alarms == (alarm,), "the good old one coming again does not hide it"
    desk.link.deliver(GALLERY, b"6")
    desk.turn()
    desk.turn()
    assert desk.statuses()[-1].alarms == ()


def test_an_alarm_ends_after_its_time(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"torn")
    desk.turn()
    desk.turn()
    assert desk.statuses()[-1].alarms
    desk.turn(after_s=ALARM_KEPT_S + 1)
    desk.turn()
    assert desk.statuses()[-1].alarms == ()


def test_a_set_that_cannot_be_kept_is_not_used(desk: Desk) -> None:
    desk.door.full = True
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    desk.turn()
    assert desk.taken == []
    assert desk.statuses()[-1].alarms == ("release_not_kept",)
    desk.door.full = False
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    assert len(desk.taken) == 1


def test_a_cleared_topic_is_no_set(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"")
    desk.turn()
    assert desk.door.asked == []


def test_the_set_on_the_card_is_remembered(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(door=FakeDoor(kept=b"7"))
    desk.link.connect()
    for blob in (b"7", b"6", b"8"):
        desk.link.deliver(GALLERY, blob)
        desk.turn()
    assert [content.version for content in desk.taken] == [8]
    assert desk.door.asked == [-1, 7, 7]


def test_a_damaged_set_on_the_card_is_told_and_replaced_by_the_next(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(door=FakeDoor(kept=b"torn"))
    desk.link.connect()
    desk.turn()
    assert desk.statuses()[-1].alarms == ("release_torn",)
    desk.link.deliver(GALLERY, b"1")
    desk.turn()
    desk.turn()
    assert len(desk.taken) == 1
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


class Running:
    """An uplink on its own thread with the real clock."""

    def __init__(self, folder: Path, link: FakeLink, open_it: Callable[[], sqlite3.Connection]) -> None:
        self.link = link
        self.stop = threading.Event()
        self.uplink = Uplink(
            config.Config(),
            open_card=open_it,
            signer=SIGNER,
            acks=ack_door,
            condition=Condition,
            releases=FakeDoor().door(),
            on_release=lambda _: None,
            link=link,
        )
        self.thread = threading.Thread(target=self.uplink.run, args=(self.stop,))

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        began = time.monotonic()
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()
        assert time.monotonic() - began < 2, "returns soon after stop"


def await_life(link: FakeLink) -> None:
    deadline = time.monotonic() + 5
    while link._life != "running":
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_punch_is_on_its_way_when_it_is_committed_and_waits_for_no_look(tmp_path: Path) -> None:
    link = FakeLink()
    with closing(open_card(tmp_path)) as card, Running(tmp_path, link, lambda: open_card(tmp_path)) as running:
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
        await_life(link)
        link.connect()
        link.await_on(STATUS, 1)
        waits = []
        for number in range(1, 11):
            outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
            committed = time.monotonic()
            running.uplink.wake()
            link.await_on(EVENTS, number)
            waits.append(time.monotonic() - committed)
    assert sorted(waits)[5] < LOOK_EVERY_S / 2, waits


def test_it_waits_for_a_card_that_comes_late_and_survives_a_broken_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.uplink, "_REST_S", 0.05)
    link = FakeLink()
    tries: list[int] = []

    def open_late() -> sqlite3.Connection:
        tries.append(1)
        if len(tries) == 1:
            raise HadirError("no card yet")
        return open_card(tmp_path)

    with Running(tmp_path, link, open_late) as running:
        await_life(link)
        healthy = running.uplink._condition

        def broken() -> Condition:
            running.uplink._condition = healthy
            raise ZeroDivisionError

        running.uplink._condition = broken
        link.connect()
        told = [decode(TerminalStatus, payload) for payload in link.await_on(STATUS, 1)]
    assert len(tries) == 2
    assert told[0].alarms == ("uplink_failing",)


def test_stop_before_the_card_ever_came_ends_the_thread(tmp_path: Path) -> None:
    def never() -> sqlite3.Connection:
        raise HadirError("no card")

    with Running(tmp_path, FakeLink(), never):
        pass


def test_a_link_that_goes_down_between_two_rows_loses_neither(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = desk.link.publish
    calls: list[str] = []

    def failing(topic: str, payload: bytes, **more: object) -> int:
        calls.append(topic)
        if len(calls) == 2:
            desk.link.disconnect()
        return publish(topic, payload, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.link, "publish", failing)
    for _ in range(3):
        desk.punch()
        desk.turn()
    assert desk.sent() == [1]
    monkeypatch.undo()
    with pytest.raises(LinkDown):
        desk.link.publish(EVENTS, b"x")
    desk.link.connect(session_present=True)
    desk.turn()
    desk.turn()
    assert desk.sent() == [1, 2, 3]


def test_times_are_given_with_zone(desk: Desk) -> None:
    assert desk.statuses()[0].at.tzinfo is not None
    assert desk.statuses()[0].at == datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=1000)
