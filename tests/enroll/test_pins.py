"""PINs at the centre: mixed with the office's pepper, counted where they are not, left out where no kiosk can check."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

import config
from demo import broker
from enroll.command import enroll
from enroll.desk import add_person, set_pin
from enroll.release.publish import PublishReport, publish
from sync import keys, peppers
from sync.register import Register, enrolment
from sync.releases import EncodingSet, Person, open_set, sign_set
from terminal.faces import Engine
from terminal.gallery import Gallery
from terminal.pin import PinRefused, pepper_id_of
from terminal.supplies import check_templates

PLAIN = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


@pytest.fixture
def away(settings: config.Config, engine: Engine, approve) -> config.Config:
    """Settings with a broker nobody runs, an approved kiosk, and two people with PINs of the office's pepper."""
    approve(settings)
    settings = config.replace(settings, mqtt={"port": broker.free_port()})
    add_person(settings, "1001", "Siti", pin="274913", engine=engine)
    add_person(settings, "1002", "Budi", pin="608351", engine=engine)
    return settings


def published(settings: config.Config) -> tuple[PublishReport, dict[str, str | None]]:
    """The report, and the PIN hashes of the set by number."""
    report = publish(settings, "demo", broker_wait_s=0.1)
    key = keys.load_public(settings.terminal.release_key)
    own = keys.device_key(settings.terminal.state)
    content = open_set(report.file.read_bytes(), trusted=key, office="demo", engine_id=None, newer_than=-1, reader=own)
    return report, {person.employee: person.pin for person in content.people}


def stored(settings: config.Config, number: str, hashed: str) -> None:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        enrolment.set_pin(register, number, hashed, at=datetime.now(UTC))


def test_every_new_pin_names_the_newest_pepper_of_its_office(away: config.Config) -> None:
    _, pins = published(away)
    first = peppers.newest_of(away.centre.keys, "demo")
    assert {pepper_id_of(pin or "") for pin in pins.values()} == {first.key_id}
    second = peppers.new_pepper(away.centre.keys, "demo", rotate=True)
    set_pin(away, "1002", "518246")
    report, pins = published(away)
    assert [pepper_id_of(pin or "") for pin in pins.values()] == [first.key_id, second.key_id]
    assert (report.plain_pins, report.foreign_pins) == (0, 0), "the office's file has both"


def test_a_publish_says_how_many_pins_are_from_before_the_pepper(
    away: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enroll.release.publish._tell_broker", lambda *_: None)
    stored(away, "1001", PLAIN)
    report, pins = published(away)
    assert (report.plain_pins, pins["1001"]) == (1, PLAIN), "they go on working"
    said = CliRunner().invoke(enroll, ["publish", "--office", "demo"], obj=lambda: away)
    assert "PINs set before the pepper: 1; have them set again" in said.output


def test_a_pin_of_another_offices_pepper_is_left_out_and_said(away: config.Config, engine: Engine) -> None:
    add_person(away, "2001", "Ani", pin="951742", office="north", engine=engine)
    add_person(away, "2001", office="demo", move=True, engine=engine)
    report, pins = published(away)
    assert report.foreign_pins == 1
    assert pins.get("2001") is None
    assert all(pins[number] for number in ("1001", "1002"))


def test_a_pepper_file_that_is_gone_from_the_centre_takes_no_pin_from_the_kiosks(away: config.Config) -> None:
    (away.centre.keys / "demo.pepper").unlink()
    report, pins = published(away)
    assert (report.foreign_pins, all(pins.values())) == (0, True)


def test_without_a_pepper_no_pin_is_set_and_the_words_say_what_to_do(away: config.Config) -> None:
    (away.centre.keys / "demo.pepper").unlink()
    with pytest.raises(keys.KeyRefused, match="hadir keys pepper --office demo"):
        set_pin(away, "1001", "518246")
    with pytest.raises(PinRefused):
        set_pin(away, "1001", "123456")


def test_who_may_not_be_photographed_is_so_on_the_kiosk_too(away: config.Config) -> None:
    shy = Person(employee="1001", name="Siti", photo=False)
    content = EncodingSet(
        office="demo",
        version=1,
        engine_id="e",
        dimension=16,
        created_at=datetime.now(UTC),
        people=(shy, Person(employee="1002", name="Budi")),
    )
    blob = sign_set(content, keys.load_private(away.centre.keys / keys.PRIVATE_NAME))
    key = keys.load_public(away.terminal.release_key)
    read = open_set(blob, trusted=key, office="demo", engine_id=None, newer_than=-1, check_templates=check_templates)
    people = Gallery.from_set(read).people
    assert [people[number].photo for number in ("1001", "1002")] == [False, True]
