"""For whom a set is sealed: the office's approved kiosks, and what is said where that is nobody, or not all."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

import config
from demo import broker
from enroll.command import enroll
from enroll.desk import add_person
from enroll.release.publish import publish
from enroll.release.readers import NoReaders
from sync import keys, releases
from sync.register import Register, devices
from sync.releases import ReleaseRefused
from terminal.faces import Engine, Identity

PAINTED = Identity(engine_id="painted", dimension=64)
AT = datetime(2025, 1, 1, tzinfo=UTC)
LOBBY, ANNEX = (keys.PrivateKey.generate() for _ in range(2))


@pytest.fixture
def away(settings: config.Config, engine: Engine) -> config.Config:
    """Settings with a broker nobody runs, and somebody to publish."""
    settings = config.replace(settings, mqtt={"port": broker.free_port()})
    add_person(settings, "1001", "Siti", pin="274913", engine=engine)
    return settings


def raw(device: keys.PrivateKey) -> bytes:
    return keys.raw(device.public_key())


def offered(settings: config.Config, device: keys.PrivateKey, terminal: str, office: str = "demo") -> None:
    with Register.open(settings.centre.register) as register, register.write() as connection:
        devices.offer_in(connection, terminal=terminal, office=office, public_key=raw(device), at=AT)


def approved(settings: config.Config, device: keys.PrivateKey, terminal: str, office: str = "demo") -> None:
    with Register.open(settings.centre.register) as register:
        devices.admit(register, terminal=terminal, office=office, public_key=raw(device), at=AT)


def released(settings: config.Config, **more: bool) -> bytes:
    return publish(settings, "demo", engine=PAINTED, broker_wait_s=0, **more).file.read_bytes()


def opens(settings: config.Config, blob: bytes, device: keys.PrivateKey) -> bool:
    trusted = keys.load_public(settings.terminal.release_key)
    try:
        releases.open_set(blob, trusted=trusted, office="demo", engine_id=None, newer_than=0, reader=device)
    except ReleaseRefused as refused:
        if refused.alarm != "release_not_for_us":
            raise
        return False
    return True


def test_without_an_approved_kiosk_nothing_is_published_and_what_to_do_is_named(away: config.Config) -> None:
    with pytest.raises(NoReaders, match=r"none has been heard of; start it first.*keys approve KIOSK"):
        released(away)
    offered(away, LOBBY, "lobby-1")
    approved(away, ANNEX, "annex-1", office="north")
    with pytest.raises(NoReaders, match=r"no kiosk of demo is approved.*wait for it: lobby-1.*keys approve lobby-1"):
        released(away)
    assert list(away.centre.releases.iterdir()) == []
    blob = released(away, force=True)
    assert not opens(away, blob, LOBBY)


def test_a_kiosk_that_is_approved_later_opens_the_next_set(away: config.Config) -> None:
    approved(away, LOBBY, "lobby-1")
    offered(away, ANNEX, "annex-1")
    blob = released(away)
    assert [opens(away, blob, device) for device in (LOBBY, ANNEX)] == [True, False]
    approved(away, ANNEX, "annex-1")
    assert [opens(away, released(away), device) for device in (LOBBY, ANNEX)] == [True, True]


def test_f6_a_revoked_kiosk_opens_nothing_that_is_published_after(away: config.Config) -> None:
    approved(away, LOBBY, "lobby-1")
    approved(away, ANNEX, "annex-1")
    before = released(away)
    with Register.open(away.centre.register) as register:
        devices.revoke(register, "annex-1", at=AT)
    after = released(away)
    assert [opens(away, before, ANNEX), opens(away, after, ANNEX), opens(away, after, LOBBY)] == [True, False, True]
    with Register.open(away.centre.register) as register:
        devices.revoke(register, "lobby-1", at=AT)
    with pytest.raises(NoReaders):
        released(away)


def test_the_command_counts_the_kiosks_and_names_who_cannot_open_it(
    away: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enroll.release.publish._tell_broker", lambda *_: None)
    approved(away, LOBBY, "lobby-1")
    offered(away, ANNEX, "annex-1")
    said = CliRunner().invoke(enroll, ["publish", "--office", "demo"], obj=lambda: away)
    assert "It is sealed for 1 kiosk.\n" in said.output
    assert (
        "Not approved, and cannot open it: annex-1; run ./hadir keys approve annex-1, then publish again."
        in said.output
    )
    with Register.open(away.centre.register) as register:
        devices.revoke(register, "lobby-1", at=AT)
    refused = CliRunner().invoke(enroll, ["publish", "--office", "demo"], obj=lambda: away)
    assert isinstance(refused.exception, NoReaders)


def test_without_the_key_of_the_set_before_everybody_is_new(away: config.Config) -> None:
    approved(away, LOBBY, "lobby-1")
    assert publish(away, "demo", engine=PAINTED, broker_wait_s=0).changes.new == 1
    assert publish(away, "demo", engine=PAINTED, broker_wait_s=0).changes.new == 0
    (away.centre.keys / "templates.sqlite").unlink()
    assert publish(away, "demo", engine=PAINTED, broker_wait_s=0).changes.new == 1


def test_what_is_no_key_is_not_approved_and_bars_no_publish(away: config.Config) -> None:
    approved(away, LOBBY, "lobby-1")
    with Register.open(away.centre.register) as register:
        with pytest.raises(devices.DeviceRefused, match="no public key"):
            devices.admit(register, terminal="odd-1", office="demo", public_key=b"\xff" * 32, at=AT)
        (key,) = devices.device_list(register, "odd-1")
        assert key.state is devices.KeyState.OFFERED
    assert opens(away, released(away), LOBBY)
