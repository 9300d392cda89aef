"""The collector: acknowledges after its commit and never before, whatever arrives and whatever is away."""

import itertools
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import config
import sync.collector
from errors import HadirError
from sync import chain, keys
from sync.collector import Collector
from sync.messages import Ack, AttendanceEvent, encode
from sync.mqtt import Event, LinkDown, LinkFailed, Received
from sync.offers import RELEASES_EVERY_S, Offers
from sync.register import Register, RegisterNewer, RegisterReplaced, RegisterUnavailable, devices
from sync.register.events import count_events, events_since, payload_of
from sync.register.refusals import latest_rejected, refusal_counts
from sync.register.statuses import all_statuses
from tests.fakes import FakeLink
from tests.sync.samples import COLLECTOR, EPOCH, SEVEN, SIGNER, ack_door, event, released, status
from tests.sync.samples import payload_of as sealed

ACKS = "hadir/v1/demo/lobby-1/ack"


class Desk:
    """A collector on a real register with a fake link and a clock turned by hand."""

    def __init__(self, register: Register, *, answering: bool = True, **centre: object) -> None:
        settings = config.replace(config.Config(), centre={"batch_rows": 5, "batch_ms": 50, **centre})
        self.link = FakeLink(
            settings.mqtt, client_id=settings.centre.collector, hold_receipts=True, answering=answering
        )
        self.register = register
        for number in (*range(10), 99):
            devices.admit(register, terminal=f"lobby-{number}", office="demo", public_key=SIGNER.public, at=SEVEN)
        self.clock = 1000.0
        self.sets: dict[str, bytes] = {}
        self.collector = Collector(
            settings,
            register=register,
            link=self.link,
            released=released(self.sets),
            sign=COLLECTOR.sign,
            monotonic=lambda: self.clock,
            now=lambda: SEVEN + timedelta(seconds=self.clock),
            rng=random.Random(3),
        )
        self.link.start()

    def give(self, *values: AttendanceEvent) -> None:
        for value in values:
            self.link.deliver(value.topic, sealed(value))

    def turn(self, *, after_ms: float = 0.0) -> None:
        self.clock += after_ms / 1000
        self.collector.turn(0)

    def take(self, *values: AttendanceEvent) -> None:
        """Give, and wait until the batch is due."""
        self.give(*values)
        self.turn()
        self.turn(after_ms=51)

    def acks(self, topic: str = ACKS) -> list[tuple[int, tuple[int, ...]]]:
        return [(ack.upto, tuple(seq for seq, _ in ack.extra)) for ack in self.words(topic)]

    def words(self, topic: str = ACKS) -> list[Ack]:
        return [ack_door(payload) for payload in self.link.on(topic)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/register.sqlite"


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    with Register.open(url) as register:
        made = Desk(register)
        made.link.connect()
        made.turn()
        yield made


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


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """A function that takes the register's write lock away until its connection is closed."""
    taken: list[sqlite3.Connection] = []

    def take_it() -> sqlite3.Connection:
        connection = sqlite3.connect(tmp_path / "register.sqlite", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        taken.append(connection)
        return connection

    yield take_it
    for connection in taken:
        connection.close()


def impatient(register: Register) -> None:
    """Have the register's one pooled connection give up on a lock soon."""
    with register.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 5")


def test_while_the_register_is_away_nothing_is_acknowledged_and_afterwards_everything(
    desk: Desk, locked: Callable[[], sqlite3.Connection], caplog: pytest.LogCaptureFixture
) -> None:
    impatient(desk.register)
    blocker = locked()
    desk.take(event(1), event(2))
    for _ in range(4):
        desk.turn(after_ms=3000)
    desk.give(event(3))
    desk.turn(after_ms=3000)
    assert (desk.acks(), desk.link.confirmed) == ([], [])
    assert caplog.text.count("nothing is acknowledged until the register works again") == 1
    blocker.close()
    desk.turn(after_ms=30_000)
    assert desk.acks() == [(3, ())]
    assert len(desk.link.confirmed) == 3
    assert "nothing was lost" in caplog.text or count_events(desk.register) == 3


def test_a_register_removed_under_the_collector_ends_it_and_nothing_is_acknowledged(desk: Desk, tmp_path: Path) -> None:
    desk.take(event(1))
    (tmp_path / "register.sqlite").unlink()
    with pytest.raises(RegisterReplaced):
        desk.take(event(2))
    assert desk.acks() == [(1, ())]


def test_a_register_that_is_away_for_long_is_not_hammered_and_memory_is_bounded(
    desk: Desk, locked: Callable[[], sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(desk.register)
    blocker = locked()
    tries: list[float] = []
    real = sync.collector.take

    def counted(*arguments: object, **more: object) -> object:
        tries.append(desk.clock)
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sync.collector, "take", counted)
    desk.give(*(event(seq) for seq in range(1, 41)))
    for _ in range(600):
        desk.turn(after_ms=1000)
    assert 20 <= len(tries) <= 60, "ten minutes at 15 to 30 s"
    assert desk.collector._held() == 10, "twice the batch; the broker keeps the rest"
    assert desk.acks() == []
    blocker.close()
    desk.turn(after_ms=30_000)
    assert count_events(desk.register) == 10
    assert desk.link.drops == ["messages wait at the broker since the register was away"]


def test_what_comes_while_a_batch_that_grew_is_tried_again_stays_within_the_bound(
    desk: Desk, locked: Callable[[], sqlite3.Connection]
) -> None:
    impatient(desk.register)
    blocker = locked()
    desk.take(*(event(seq) for seq in range(1, 6)))
    desk.give(event(6))
    desk.turn()
    assert desk.collector._held() == 6, "a batch that failed, and one more"
    desk.give(*(event(seq) for seq in range(7, 41)))
    desk.turn(after_ms=30_000)
    assert desk.collector._held() == 10
    blocker.close()


def test_what_the_broker_gives_again_after_a_reconnect_is_held_once(
    desk: Desk, locked: Callable[[], sqlite3.Connection]
) -> None:
    impatient(desk.register)
    blocker = locked()
    for _ in range(20):
        desk.give(event(1), event(2))
        desk.link.deliver("hadir/v1/demo/lobby-1/event", b"junk")
        desk.turn(after_ms=60)
        desk.turn()
        desk.turn()
        desk.link.disconnect()
        desk.turn()
        desk.link.connect(session_present=True)
        desk.turn()
    assert desk.collector._held() == 3
    blocker.close()
    desk.give(event(1), event(2))
    desk.turn(after_ms=30_000)
    desk.turn(after_ms=100)
    assert count_events(desk.register) == 2
    assert desk.acks()[-1] == (2, ())


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


def offers(desk: Desk, office: str = "demo") -> list[bytes]:
    assert all(each.retain for each in desk.link.published if "/gallery/" in each.topic)
    return desk.link.on(f"hadir/v1/{office}/gallery/set")


def test_every_connect_publishes_every_set_again(desk: Desk) -> None:
    desk.sets.update(demo=b"one", other=b"two")
    for round_ in (1, 2):
        desk.link.disconnect()
        desk.turn()
        desk.link.connect()
        desk.turn()
        assert offers(desk) == [b"one"] * round_
        assert offers(desk, "other") == [b"two"] * round_


def test_a_new_set_is_published_by_and_by_and_an_old_one_not_twice(desk: Desk) -> None:
    desk.sets["demo"] = b"one"
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    assert offers(desk) == [b"one"]
    desk.sets["demo"] = b"two"
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    assert offers(desk) == [b"one", b"two"]


def test_a_set_that_waits_is_published_as_it_is_when_it_leaves(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.link.in_flight = 1
        desk.sets.update(demo=b"one", other=b"first")
        desk.link.connect()
        desk.turn()
        assert (offers(desk), offers(desk, "other")) == ([b"one"], [])
        desk.sets["other"] = b"second"
        desk.link.answer_all()
        desk.turn()
        assert offers(desk, "other") == [b"second"]


def test_a_set_released_while_an_older_one_was_on_its_way_follows_at_once(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.sets["demo"] = b"one"
        desk.link.connect()
        desk.turn()
        desk.sets["demo"] = b"two"
        for _ in range(3):
            desk.link.answer_all()
            desk.turn()
        assert offers(desk) == [b"one", b"two"]


def test_a_set_the_broker_refused_is_tried_again_by_and_by(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.sets["demo"] = b"one"
        desk.link.connect()
        desk.turn()
        desk.link.answer(desk.link.published[-1].mid, ok=False, reason="Quota exceeded")
        desk.turn()
        assert offers(desk) == [b"one"]
        desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
        assert offers(desk) == [b"one", b"one"]


def test_sets_that_cannot_be_read_or_published_do_not_stop_the_punches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable(dict[str, bytes]):
        broken = True

        def items(self):  # type: ignore[no-untyped-def]
            if self.broken:
                raise HadirError("no sets today")
            return super().items()

    sets = Unreadable(demo=b"too large", other=b"fine")
    monkeypatch.setattr(desk.collector, "_offers", Offers(released(sets)))
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.take(event(1))
    sets.broken = False
    publish = desk.link.publish

    def choosy(topic: str, payload: bytes, **more: object) -> int:
        if payload == b"too large":
            raise LinkFailed("MQTT cannot carry this message")
        return publish(topic, payload, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.link, "publish", choosy)
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.take(event(2))
    assert desk.acks() == [(1, ()), (2, ())]
    assert offers(desk, "other") == [b"fine"]


def test_a_link_that_goes_down_while_acks_leave_keeps_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> int:
        raise LinkDown("gone")

    with monkeypatch.context() as patch:
        patch.setattr(desk.link, "publish", down)
        desk.take(event(1))
    desk.turn()
    assert desk.acks() == [(1, ())]


def with_keys(folder: Path, *, register: str) -> config.Config:
    keys.new_centre_keys(folder / "keys")
    centre = {"register": register, "keys": str(folder / "keys"), "heads": str(folder / "heads")}
    return config.replace(config.Config(), centre=centre)


def test_run_without_the_key_that_signs_acknowledgements_says_how_to_make_it(tmp_path: Path, url: str) -> None:
    settings = config.replace(config.Config(), centre={"register": url, "keys": str(tmp_path / "none")})
    with pytest.raises(keys.KeyRefused, match=r"run \./hadir keys new"):
        sync.collector.run(settings, stop=threading.Event(), released=released({}))


def run_in_thread(settings: config.Config, stop: threading.Event) -> tuple[threading.Thread, list[BaseException]]:
    failures: list[BaseException] = []

    def body() -> None:
        try:
            sync.collector.run(settings, stop=stop, released=released({}))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, failures


def test_run_waits_for_a_register_that_is_away_and_stops_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = threading.Semaphore(0)

    def away(url: str) -> Register:
        tries.release()
        raise RegisterUnavailable("no server")

    monkeypatch.setattr(Register, "open", away)
    stop = threading.Event()
    settings = with_keys(tmp_path, register=f"sqlite:///{tmp_path}/r.sqlite")
    thread, failures = run_in_thread(settings, stop)
    assert tries.acquire(timeout=5)
    assert tries.acquire(timeout=5)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 2
    assert not failures


def test_run_refuses_a_register_of_a_newer_hadir(tmp_path: Path, url: str) -> None:
    Register.open(url).close()
    with closing(sqlite3.connect(tmp_path / "register.sqlite")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = with_keys(tmp_path, register=url)
    with pytest.raises(RegisterNewer):
        sync.collector.run(settings, stop=threading.Event(), released=released({}))


def test_run_feeds_the_watchdog_and_stops_within_two_seconds(
    tmp_path: Path, url: str, embedded_broker: config.Mqtt, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    alive = threading.Event()

    def heard(text: str) -> None:
        words.append(text)
        if text == "WATCHDOG=1":
            alive.set()

    monkeypatch.setattr(sync.collector, "tell", heard)
    stop = threading.Event()
    settings = config.replace(with_keys(tmp_path, register=url), mqtt={"port": embedded_broker.port})
    thread, failures = run_in_thread(settings, stop)
    assert alive.wait(5)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 2
    assert not failures
    assert (words[0], words[-1]) == ("READY=1", "STOPPING=1")
    with Register.open(url) as register:
        assert events_since(register, 0) == []
