"""Cards that were put back, copied or made anew (acceptance E5), over a real broker, uplink, collector and register.

Nothing that lies in the register is touched, nothing that a screen has thanked for is lost or counted twice.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import config
import sync.outbox.acks
from sync import keys
from sync.keyring import Keyring
from sync.messages import ClockQuality
from sync.outbox import Outbox
from sync.register import Register, devices
from sync.register.devices import KeyState, device_list
from sync.register.events import RegisteredEvent, all_heads, count_events, events_since, payload_of
from sync.register.refusals import latest_quarantined, refusal_counts
from sync.register.statuses import all_statuses
from sync.verify import verify
from sync.verify_sources import open_source
from tests.sync.samples import BOOT, SEVEN, open_card, punch
from tests.sync.way import Centre, Kiosk, collector, new_centre, running_kiosk, signer_of, until

pytestmark = pytest.mark.slow


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return new_centre(f"sqlite:///{tmp_path}/centre/register.sqlite", tmp_path / "keys")


@pytest.fixture
def register(centre: Centre) -> Iterator[Register]:
    with Register.open(centre.url) as opened:
        yield opened


@pytest.fixture
def mqtt(embedded_broker: config.Mqtt, centre: Centre) -> Iterator[config.Mqtt]:
    """A broker with a collector behind it."""
    with collector(centre, embedded_broker):
        yield embedded_broker


def thanked(card: Path, count: int, signer: keys.Signer | None = None) -> list[str]:
    """Have `count` punches on the card of a kiosk that is offline, and return the receipts its screen showed."""
    with closing(open_card(card)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=signer or signer_of("lobby-1"))
        return [one(outbox) for _ in range(count)]


def one(outbox: Outbox) -> str:
    return outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN).receipt


def through(card: Path, mqtt: config.Mqtt, centre: Centre) -> None:
    """Have everything on that card with the centre."""
    with running_kiosk(card, mqtt, centre) as kiosk:
        until(kiosk.drained, "the outbox is empty")


def rows(register: Register) -> dict[tuple[str, int], tuple[bytes | None, RegisteredEvent]]:
    """Return what the register has, bytes and all, by its place."""
    return {
        (event.epoch, event.seq): (payload_of(register, event.id), event)
        for event in events_since(register, 0, limit=10_000)
    }


def has_exactly(register: Register, receipts: list[str]) -> None:
    """Every receipt a screen has shown leads to one punch, and there is no other."""
    assert Counter(event.receipt for _, event in rows(register).values()) == Counter(receipts)


def is_whole(centre: Centre, *cards: Path) -> None:
    """What lies in the register and on the cards is as it was made."""
    for where in (centre.url, *map(str, cards)):
        with open_source(where, None if where == centre.url else _ring()) as source:
            report = verify(source)
        assert (report.bad, report.incomplete) == ((), ()), where


def _ring() -> Keyring:
    return Keyring([(None, None, signer_of("lobby-1").public)])


def alarms(register: Register) -> tuple[str, ...]:
    return tuple(alarm for state in all_statuses(register) for alarm in state.status.alarms)


@contextmanager
def put_back(card: Path, copy: Path) -> Iterator[None]:
    """Have `card` be on leaving what it was on entering."""
    shutil.copytree(card, copy)
    yield
    shutil.rmtree(card)
    shutil.copytree(copy, card)


def test_e5_a_card_put_back_from_yesterday_forks_and_loses_nothing(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register
) -> None:
    card = tmp_path / "card"
    card.mkdir()
    receipts = thanked(card, 5)
    through(card, mqtt, centre)
    with put_back(card, tmp_path / "yesterday"):
        receipts += thanked(card, 4)
        through(card, mqtt, centre)
    before = rows(register)
    assert len(before) == 9
    since = thanked(card, 3)
    with running_kiosk(card, mqtt, centre) as kiosk:
        until(kiosk.drained, "the outbox is empty")
        until(lambda: "card_forked" in alarms(register), "the alarm is told")
        with closing(open_card(card)) as connection:
            now = Outbox(connection, office="demo", terminal="lobby-1", signer=signer_of("lobby-1")).epoch
    after = rows(register)
    assert {place: after[place] for place in before} == before, "0 overwritten"
    has_exactly(register, receipts + since)
    new = {place: event.receipt for place, (_, event) in after.items() if place not in before}
    assert new == {(now, seq): receipt for seq, receipt in enumerate(since, 1)}, "once, in the order they were made"
    quarantined = latest_quarantined(register)
    assert min(row.seq for row in quarantined) == 6, "the first entry that is not yesterday's was seen to fork"
    assert {row.seq for row in quarantined} <= {6, 7, 8}
    assert {head.epoch: head.forked for head in all_heads(register)} == {quarantined[0].epoch: True, now: False}
    is_whole(centre, card)


def test_e5_a_card_put_back_that_is_silent_until_the_centre_speaks_forks_as_well(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register
) -> None:
    """Fewer punches than were made since: all of them lie below what the centre has acknowledged long ago."""
    card = tmp_path / "card"
    card.mkdir()
    receipts = thanked(card, 2)
    with put_back(card, tmp_path / "yesterday"):
        receipts += thanked(card, 40)
        through(card, mqtt, centre)
    receipts += thanked(card, 1)
    before = rows(register)
    through(card, mqtt, centre)
    after = rows(register)
    assert {place: after[place] for place in before} == before
    has_exactly(register, receipts)
    is_whole(centre, card)


def test_e5_where_an_acknowledgement_names_no_hash_the_control_loses_punches(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: a card that takes "up to 42" for its own rows whatever they are drops what the centre never had."""
    monkeypatch.setattr(sync.outbox.acks._Hashes, "same", lambda self, seq, start: True)
    monkeypatch.setattr(sync.outbox.acks._Hashes, "acknowledged", lambda self, seq: True)
    card = tmp_path / "card"
    card.mkdir()
    receipts = thanked(card, 2)
    with put_back(card, tmp_path / "yesterday"):
        receipts += thanked(card, 40)
        through(card, mqtt, centre)
    lost = thanked(card, 3)
    through(card, mqtt, centre)
    has_exactly(register, receipts)
    assert not set(lost) & {event.receipt for _, event in rows(register).values()}


def test_e5_a_copied_card_that_runs_twice_in_turn_loses_nothing(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    one_card, other_card = tmp_path / "card", tmp_path / "copy"
    one_card.mkdir()
    receipts = thanked(one_card, 5)
    through(one_card, mqtt, centre)
    shutil.copytree(one_card, other_card)
    for _ in range(3):
        for card in (one_card, other_card):
            receipts += thanked(card, 3)
            seen = rows(register)
            through(card, mqtt, centre)
            after = rows(register)
            assert {place: after[place] for place in seen} == seen, "0 overwritten"
            has_exactly(register, receipts)
    assert refusal_counts(register).quarantined >= 1
    assert caplog.text.count("alarm card_forked") == 1, "after which the two have nothing in common any more"
    is_whole(centre, one_card, other_card)


def test_e5_a_copied_card_that_runs_twice_at_once_loses_nothing(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register
) -> None:
    """Both have one name at the broker, which throws out the one whenever the other comes."""
    one_card, other_card = tmp_path / "card", tmp_path / "copy"
    one_card.mkdir()
    receipts = thanked(one_card, 5)
    through(one_card, mqtt, centre)
    shutil.copytree(one_card, other_card)
    with running_kiosk(one_card, mqtt, centre) as first, running_kiosk(other_card, mqtt, centre) as second:
        for _ in range(5):
            for kiosk in (first, second):
                receipts.append(one(kiosk.outbox))
                kiosk.uplink.wake()
        until(lambda: first.drained() and second.drained(), "both outboxes are empty", deadline_s=90)
    has_exactly(register, receipts)
    is_whole(centre, one_card, other_card)


def test_e5_a_kiosk_flashed_anew_has_a_new_key_and_nothing_of_it_is_taken_until_it_is_approved(
    tmp_path: Path, mqtt: config.Mqtt, centre: Centre, register: Register
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    receipts = thanked(old, 4)
    through(old, mqtt, centre)
    key = keys.signer(keys.PrivateKey.from_private_bytes(hashlib.sha256(b"flashed anew").digest()))
    new.mkdir()
    waiting = thanked(new, 6, key)
    with closing(Kiosk(new, mqtt, centre.collector_key, signer=key)) as kiosk:
        until(lambda: _state(register, key) is KeyState.OFFERED, "the centre hears of the new key")
        waiting.append(one(kiosk.outbox))
        kiosk.uplink.wake()
        until(lambda: refusal_counts(register).rejected >= 1, "they were sent, and kept as evidence only")
        assert (count_events(register), kiosk.outbox.depth()) == (4, 7)
        assert refusal_counts(register).quarantined == 0
        has_exactly(register, receipts)
        devices.approve(register, "lobby-1", key.key_id, at=SEVEN)
        until(kiosk.drained, "the outbox is empty")
        has_exactly(register, receipts + waiting)
    assert len({event.epoch for _, event in rows(register).values()}) == 2
    is_whole(centre)


def _state(register: Register, key: keys.Signer) -> KeyState | None:
    return next((known.state for known in device_list(register, "lobby-1") if known.key_id == key.key_id), None)
