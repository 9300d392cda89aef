"""C7: a marked name, PIN and face go through enrolling, publishing and a kiosk's day, and nothing gives them away.

What is looked through: every log line down to debug, every message on the broker, the register with its log and a
backup, the released files, what a command says, the kiosk's card, and what was left in the temporary folder.
"""

import logging
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import config
from demo import broker
from enroll.command import enroll
from enroll.desk import add_person, set_pin
from enroll.release.publish import publish
from sync import collector, keys
from sync.mqtt import Connected, Link, Received
from sync.register import Register, consents, devices, enrolment
from sync.register.backup import back_up
from sync.register.people import Template, templates_of
from sync.releases import EncodingSet, sign_set
from terminal.faces import Identity
from terminal.visit.signals import ENTER
from tests.enroll.conftest import PaintedEngine, painted_png
from tests.security.test_c5_stolen_card import a_template
from tests.security.traces import hits, of_template, of_text
from tests.terminal.living import Watched, live
from tests.terminal.made import DIMENSION, ENGINE_ID, Kit, vector_of

NAME = "Dyah Kanaristuti Pengintai"
PHOTO_NAME = "Kertaningrat Fotokanari"
PIN, TYPED_WRONG = "907431", "846205"
SEED = 20250107
AT = datetime(2025, 1, 1, tzinfo=UTC)


class Eavesdropper:
    """Everything that is published while the context lasts, of any topic, with the topic before it."""

    def __init__(self, settings: config.Mqtt) -> None:
        self._link = Link(settings, client_id="eavesdropper", session_expiry_s=0)
        self._stop = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self.heard: list[bytes] = []

    def __enter__(self) -> "Eavesdropper":
        self._link.start()
        self._thread.start()
        assert self._listening.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        self._link.stop()

    def _listen(self) -> None:
        while not self._stop.is_set():
            match self._link.next(0.2):
                case Connected():
                    self._link.subscribe("hadir/v1/#")
                    self._listening.set()
                case Received(topic=topic, payload=payload):
                    self.heard.append(topic.encode() + b"\0" + payload)


@pytest.fixture
def centre(kit: Kit, tmp_path: Path) -> Iterator[Kit]:
    """The kit with a centre and a broker, its kiosk approved, its set not released yet."""
    folder = kit.settings.terminal.release_key.parent
    with broker.embedded() as running:
        settings = config.replace(
            kit.settings,
            mqtt={"host": running.settings.host, "port": running.settings.port},
            enroll={"basis": "public_duty", "same_person_score": 0.36, "duplicate_score": 0.6},
            terminal={"secrets": str(tmp_path / "secrets")},
            centre={
                "register": f"sqlite:///{tmp_path / 'centre' / 'register.sqlite'}",
                "keys": str(folder),
                "heads": str(tmp_path / "centre" / "heads"),
                "releases": str(tmp_path / "centre" / "releases"),
            },
            uplink={"status_every_s": 1},
        )
        (kit.card / "current.hset").unlink()
        own = keys.own_key(settings.terminal.key_folder, card=settings.terminal.state)
        with Register.open(settings.centre.register, folder) as register:
            devices.admit(
                register, terminal=settings.terminal.id, office="demo", public_key=keys.raw(own.public_key()), at=AT
            )
            for number, name, vector in (
                ("1001", NAME, vector_of(1).astype("<f4").tobytes()),
                ("1002", "Budi", vector_of(2).astype("<f4").tobytes()),
                ("1003", NAME, a_template(SEED)),
            ):
                template = Template(engine_id=ENGINE_ID, vector=vector, samples=3, source="photos", made_at=AT)
                enrolment.upsert_employee(register, number=number, name=name, office="demo", at=AT, template=template)
                consents.record_consent(
                    register, number, basis=consents.Basis.PUBLIC_DUTY, text_version="1", given_at=AT, desk="a test"
                )
        yield Kit(settings=settings, camera=kit.camera, engine=kit.engine)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_c7_marked_names_pins_and_faces_are_nowhere_they_may_not_be(
    centre: Kit, watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    print("seed", SEED)
    settings, temporary = centre.settings, tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    stop = threading.Event()
    collecting = threading.Thread(target=collector.run, args=(settings,), kwargs={"stop": stop})
    with caplog.at_level(logging.DEBUG), Eavesdropper(settings.mqtt) as eavesdropper:
        collecting.start()
        try:
            _enrol_and_publish(centre, tmp_path)
            _a_day(centre, watched)
        finally:
            stop.set()
            collecting.join(20)
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        back_up(register, tmp_path / "centre" / "backup.sqlite")
        ((_, photographed),) = templates_of(register, PaintedEngine.engine_id)
        hashed = [content for content in _pin_hashes(register) if content]
    told = CliRunner().invoke(enroll, ["list"], obj=lambda: settings)
    assert told.exit_code == 0

    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "log").write_text("\n".join(record.getMessage() for record in caplog.records) + caplog.text)
    (seen / "messages").write_bytes(b"\n".join(eavesdropper.heard))
    topics = {message.partition(b"\0")[0] for message in eavesdropper.heard}
    assert {topic.rpartition(b"/")[2] for topic in topics} >= {b"set", b"event", b"ack", b"status"}, topics
    rooms = {"hadir.enroll.desk", "hadir.enroll.publish", "hadir.terminal.ledger", "hadir.sync.collector"}
    assert rooms <= {record.name for record in caplog.records}, "they all spoke"

    faces = {"face": of_template(a_template(SEED)), "face of a photo": of_template(photographed.vector)}
    typed = {"PIN": [PIN.encode(), TYPED_WRONG.encode()]}
    names = {"name": of_text(NAME), "name beside a photo": of_text(PHOTO_NAME)}
    hashes = {"PIN hash": [form for each in hashed for form in of_text(each.rpartition("$")[2])]}
    assert hits(seen, {**faces, **typed, **names, **hashes}) == {}
    assert hits(centre.card, {**faces, **typed, **names, **hashes}) == {}
    assert hits(tmp_path / "centre", {**faces, **typed}) == {}, "the register, its log, a backup, the released files"
    assert hits(tmp_path / "centre" / "releases", {**names, **hashes}) == {}
    assert hits(temporary, {**faces, **typed, **names, **hashes}) == {}
    assert not [form for form in (*faces["face"], *typed["PIN"]) if form in told.output.encode()]

    # The controls: the register knows names, as the console shows them; a set in clear would have been found.
    assert "name" in hits(tmp_path / "centre", names)
    content = EncodingSet(
        office="demo", version=9, engine_id=ENGINE_ID, dimension=DIMENSION, created_at=AT, people=watched_people()
    )
    (seen / "in clear").write_bytes(sign_set(content, keys.PrivateKey.generate()))
    assert hits(seen, {**faces, **names}) == {"face": ["in clear"], "name": ["in clear"]}


def watched_people() -> tuple:  # type: ignore[type-arg]
    from sync.releases import Person

    return (Person(employee="1003", name=NAME, templates=(a_template(SEED),)),)


def _enrol_and_publish(centre: Kit, folder: Path) -> None:
    settings = centre.settings
    (folder / "photo.png").write_bytes(painted_png(7))
    report = add_person(
        settings, "1004", PHOTO_NAME, photos=[folder / "photo.png"], pin=PIN, engine=PaintedEngine(), samples=1
    )
    assert report.samples > 0, report
    set_pin(settings, "1001", PIN)
    released = publish(settings, "demo", engine=Identity(engine_id=ENGINE_ID, dimension=DIMENSION), broker_wait_s=10)
    assert (released.reached_broker, released.readers) == (True, 1)


def _a_day(centre: Kit, watched: Watched) -> None:
    def director() -> None:
        watched.until_screen("Idle")
        centre.camera.show(2)
        watched.until_screen("Recorded")
        centre.camera.show()
        watched.until_screen("Idle")
        watched.type(*"1001", ENTER)
        watched.until_screen("PinCode")
        for pin in (TYPED_WRONG, PIN, PIN, PIN):  # a busy machine may answer too late for one try
            if watched.screens[-1] != "PinCode":
                break
            checked = watched.screens.count("PinChecking")
            watched.type(*pin, ENTER)
            watched.until(
                lambda before=checked: (
                    watched.screens.count("PinChecking") > before and watched.screens[-1] != "PinChecking"
                ),
                "no answer",
            )
        watched.until_screen("Recorded")

    live(centre, director, match={"unknown_after_s": 60}, visit={"result_s": 2.0})


def _pin_hashes(register: Register) -> list[str | None]:
    from sync.register.people import pin_hash_of

    return [pin_hash_of(register, number) for number in ("1001", "1004")]


def test_a_trace_is_found_in_each_form_it_is_looked_for(tmp_path: Path) -> None:
    """The control of the search itself."""
    import base64
    import json

    vector = a_template(SEED)
    values = np.frombuffer(vector, "<f4")
    wanted = {"face": of_template(vector), "name": of_text(NAME)}
    for form in (
        vector,
        vector.hex().encode(),
        b"xx" + base64.b64encode(b"?" + vector),
        values.astype(">f4").tobytes(),
        values.astype("<f8").tobytes(),
        json.dumps([float(value) for value in values]).encode(),
    ):
        (tmp_path / "file").write_bytes(b"before" + form + b"after")
        assert hits(tmp_path, wanted) == {"face": ["file"]}, form[:20]
    for form in (NAME.encode(), base64.b64encode(b"12" + NAME.encode()), NAME.encode().hex().encode()):
        (tmp_path / "file").write_bytes(b"before" + form + b"after")
        assert hits(tmp_path, wanted) == {"name": ["file"]}, form[:20]
    (tmp_path / "file").write_bytes(np.random.default_rng(SEED).bytes(200_000))
    assert hits(tmp_path, wanted) == {}
