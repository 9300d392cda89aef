"""Bad input gets one clear sentence, and nothing is lost by it: messages, clocks, files and keys that are wrong."""

import logging
import math
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from sync import chain, keys
from sync.collector_key import ack_door
from sync.inspection import inspect
from sync.messages import MAX_MESSAGE_BYTES, Ack, ClockQuality, encode, terminal_topic
from sync.outbox import Outbox, OutboxFailed
from sync.register import Register, RegisterNewer
from sync.register.arrivals import Arrival
from sync.register.devices import revoke
from sync.register.refusals import Rejected, latest_rejected
from sync.register.statuses import all_statuses
from terminal import store
from tests.sync.samples import BOOT, COLLECTOR, SEVEN, SIGNER, event, open_card, payload_of, punch, signed_ack
from tests.sync.tiny_broker import Message
from tests.sync.way import signer_of
from tests.sync.world import World

EVENTS = terminal_topic("demo", "lobby-1", "event")
ACKS = terminal_topic("demo", "lobby-1", "ack")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
GOOD = payload_of(event(1))


def sealed(body: bytes) -> bytes:
    return chain.seal(body, SIGNER.sign)


def body_with(**changes: object) -> bytes:
    raw = msgspec.json.decode(encode(event(1)))
    raw["punch"].update({name: value for name, value in changes.items() if name in raw["punch"]})
    raw.update({name: value for name, value in changes.items() if name not in raw["punch"]})
    return msgspec.json.encode(raw)


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        (EVENTS, sealed(body_with(v=2)), "not a chain entry"),
        (EVENTS, sealed(body_with(v=0)), "not a chain entry"),
        (EVENTS, b"x" * (MAX_MESSAGE_BYTES + 1), "16384 are allowed"),
        (EVENTS, sealed(b'{"type":"event","v":1,"terminal":"\xff\xfe"}'), "not a chain entry"),
        (EVENTS, b"\xff\xfe\x00", "not signed"),
        (EVENTS, sealed(encode(event(1)).replace(b'"gallery_version":1', b'"score":NaN')), "not a chain entry"),
        (EVENTS, sealed(encode(event(1)).replace(b'"gallery_version":1', b'"score":1e999')), "not a chain entry"),
        (EVENTS, sealed(b"[" * 8000), "not a chain entry"),
        (terminal_topic("demo", "lobby-2", "event"), GOOD, "came on another topic"),
        (terminal_topic("other", "lobby-1", "event"), GOOD, "came on another topic"),
        ("hadir/v1/demo/lobby-1/command", GOOD, "not a topic the collector reads"),
        ("event", GOOD, "not a terminal's topic"),
        ("", GOOD, "not a topic the collector reads"),
        (EVENTS, sealed(body_with(recorded_at="9999-06-01T00:00:00Z")), "a time in the year 9999"),
        (EVENTS, sealed(body_with(recorded_at="0001-01-01T00:00:00+14:00")), "a time beyond the calendar"),
        (EVENTS, sealed(body_with(occurred_at="1969-12-31T23:59:59Z")), "a time in the year 1969"),
        (EVENTS, sealed(body_with(occurred_at="2026-02-30T00:00:00Z")), "not a chain entry"),
    ],
)  # fmt: skip
def test_a_message_that_is_none_is_refused_with_one_sentence(topic: str, payload: bytes, why: str) -> None:
    (found,) = inspect(topic, payload, retained=False, at=NOW)
    assert isinstance(found, Rejected)
    assert why in found.reason
    assert len(found.reason) < 200
    assert "\n" not in found.reason


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_clock_that_was_never_set_or_runs_ahead_is_taken(year: int) -> None:
    at = datetime(year, 1, 2, tzinfo=UTC)
    (found,) = inspect(EVENTS, payload_of(event(1, at=at)), retained=False, at=NOW)
    assert isinstance(found, Arrival)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_punch_with_an_unreal_score_is_not_thanked_for(score: float, tmp_path: Path) -> None:
    with closing(open_card(tmp_path)) as card:
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
        with pytest.raises(OutboxFailed, match="NaN or infinite"):
            outbox.record(punch(score=score), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
        assert outbox.depth() == 0


def test_a_truncated_card_is_set_aside_and_the_next_punch_works(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path)) as card:
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
        for number in range(30):
            outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=number, recorded_at=SEVEN)
    file = tmp_path / store.FILE
    file.write_bytes(file.read_bytes()[:20_000])
    store._checked.clear()
    with closing(store.open_card(tmp_path)) as card:
        assert store.alarms(card) == ("card_damaged",)
        outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
        outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=99, recorded_at=SEVEN)
        assert outbox.last_seq() == 1
    (aside,) = tmp_path.glob(f"damaged-*-{store.FILE}")
    assert aside.stat().st_size == 20_000


def test_a_register_of_a_newer_hadir_is_left_as_it_is(sqlite_url: str, tmp_path: Path) -> None:
    with Register.open(sqlite_url) as register, register.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(RegisterNewer, match="made by a newer Hadir; update this machine"):
        Register.open(sqlite_url)
    with closing(sqlite3.connect(tmp_path / "centre" / "register.sqlite")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("r9999",)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    made = World(tmp_path / "world", seed=3)
    made.settle()
    yield made
    made.close()


def alarms(world: World) -> set[str]:
    return {alarm for state in all_statuses(world.register) for alarm in state.status.alarms}


def write_public(path: Path, folder: Path, name: str) -> None:
    """Have another key in `path`: the one of that name, made if need be."""
    keys.new_key(folder, name)
    shutil.copyfile(folder / f"{name}.pub", path)


@pytest.mark.parametrize(
    ("lies_there", "alarm"),
    [(None, "collector_key_unavailable"), (b"no key", "collector_key_unavailable"), ("foreign", "ack_refused")],
)
def test_a_wrong_collector_key_marks_nothing_and_the_right_one_works_without_a_restart(
    world: World, tmp_path: Path, lies_there: bytes | str | None, alarm: str
) -> None:
    path = tmp_path / "collector.pub"
    if lies_there == "foreign":
        write_public(path, tmp_path / "foreign", "collector")
    elif isinstance(lies_there, bytes):
        path.write_bytes(lies_there)
    kiosk = world.kiosks["lobby-1"]
    kiosk.uplink._acks = ack_door(path)
    for _ in range(5):
        kiosk.punch()
    for _ in range(10):
        world.step(3)
    assert len(world.registered("lobby-1")) == 5
    assert kiosk.outbox.depth() == 5, "whose word it is nobody knows"
    assert alarm in alarms(world)

    path.write_bytes(_pem_of_collector())
    for _ in range(30):
        world.step(3)
    assert kiosk.outbox.depth() == 0
    assert "collector_key_unavailable" not in alarms(world)


def _pem_of_collector() -> bytes:
    """Return the samples' collector key as a PEM file: SubjectPublicKeyInfo of Ed25519 is this prefix and the key."""
    import base64

    der = bytes.fromhex("302a300506032b6570032100") + COLLECTOR.public
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def test_an_unapproved_and_a_revoked_kiosk_wait_and_are_taken_within_seconds_of_approval(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk = world.kiosks["lobby-1"]
    for _ in range(3):
        kiosk.punch()
    world.settle()
    revoke(world.register, "lobby-1", at=SEVEN)
    world.step(6)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            kiosk.punch()
        for _ in range(10):
            world.step(3)
    assert len(world.registered("lobby-1")) == 3
    assert kiosk.outbox.depth() == 4
    said = [record.getMessage() for record in caplog.records if "keys approve" in record.getMessage()]
    assert len(said) == 1, "once an hour, not once a message"
    assert latest_rejected(world.register) == []

    world.approve("lobby-1")
    for _ in range(12):
        world.step(1)
    assert kiosk.outbox.depth() == 0, "no restart, and not at the next resend"
    assert Counter(row.receipt for row in world.registered("lobby-1")) == Counter(kiosk.thanked.keys())


def test_an_ack_with_absurd_ranges_marks_what_it_names_with_its_hash_and_nothing_else(world: World) -> None:
    kiosk = world.kiosks["lobby-1"]
    world.settle()
    world.broker.denies.add(EVENTS)
    for _ in range(5):
        kiosk.punch()
    outbox = kiosk.outbox
    most = 2**53 - 1
    for said in (
        {"upto": 2**62, "upto_hash": "0" * 64},
        {"upto": 5, "upto_hash": "0" * 64},
        {"extra": tuple((seq, "0" * 16) for seq in (1, 2, most))},
        {"refused": ((most, "0" * 16), (1, "0" * 16))},
        {"missing": ((1, most), (most, 1))},
        {"upto": 5, "upto_hash": ""},
    ):
        ack = Ack(office="demo", terminal="lobby-1", epoch=outbox.epoch, **({"upto": 0} | said))  # type: ignore[arg-type]
        world.broker.accept(Message(ACKS, signed_ack(ack)))
        world.step(1)
    waiting = {row.receipt for row in kiosk.rows() if row.waits}
    assert waiting >= set(kiosk.thanked) - {row.receipt for row in world.registered("lobby-1")}
    world.settle()
    assert Counter(row.receipt for row in world.registered("lobby-1")) == Counter(kiosk.thanked.keys())


def test_what_another_terminal_signs_is_kept_as_evidence_and_never_counted(world: World) -> None:
    kiosk = world.kiosks["lobby-1"]
    kiosk.punch()
    world.settle()
    (row,) = kiosk.rows()
    forged = chain.seal(chain.unseal(row.payload).body.replace(b'"1987"', b'"6666"'), signer_of("lobby-2").sign)
    world.broker.accept(Message(EVENTS, forged))
    for _ in range(3):
        world.step(1)
    assert [each.payload for each in world.registered("lobby-1")] == [row.payload]
    (refused,) = latest_rejected(world.register)
    assert refused.reason == "the signature is not that of an approved key of this terminal"
    assert refused.payload == forged
