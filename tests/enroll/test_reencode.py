"""Changing engines: who must be enrolled again is told by name, and no template is taken for another engine's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import config
from enroll.bulk.importer import import_folder
from enroll.command import enroll
from enroll.desk import Done, add_person
from enroll.release.publish import publish
from enroll.release.reencode import EngineReport, engine_report
from sync.peppers import pepper_of
from sync.register import Register, people
from terminal.faces import Engine, Identity, engine_id_of
from terminal.pin import hash_pin
from tests.enroll.leaving import withdraw


class Renamed:
    """The painted engine under the id of a configured one."""

    def __init__(self, engine: Engine, engine_id: str) -> None:
        self._engine = engine
        self.engine_id, self.dimension = engine_id, engine.dimension
        self.detect, self.encode = engine.detect, engine.encode


PEPPER = pepper_of(b"p" * 32)


@pytest.fixture(name="settings")
def _settings(settings: config.Config) -> config.Config:
    """The painted engine's scores, whatever engine it is called."""
    scores = {"same_person_score": 0.36, "duplicate_score": 0.6}
    return config.replace(settings, enroll=scores, match={"threshold": 0.5})


@pytest.fixture
def folder(tmp_path: Path, painted: Callable[..., bytes]) -> Path:
    """Photographs of 1001 and 1002."""
    for person, name in enumerate(("1001-Siti", "1002-Budi"), 1):
        (tmp_path / "people" / name).mkdir(parents=True)
        for look in range(3):
            (tmp_path / "people" / name / f"{look}.png").write_bytes(painted(person, look=look))
    return tmp_path / "people"


@pytest.fixture(scope="module")
def pin() -> str:
    """A PIN's hash, which is made slowly on purpose."""
    return hash_pin("1002", "274913", pepper=PEPPER)


@pytest.fixture
def enrolled(
    settings: config.Config, folder: Path, engine: Engine, pin: str, monkeypatch: pytest.MonkeyPatch
) -> config.Config:
    """A register with two people by photographs, one by PIN and one withdrawn; all at the default engine."""
    monkeypatch.setattr("enroll.desk.hash_pin", lambda number, pin_, pepper: pin)
    (settings.centre.keys / "demo.pepper").write_text(f"{PEPPER.key_id} {PEPPER.secret.hex()}\n")
    import_folder(settings, folder, engine=Renamed(engine, engine_id_of(settings.engine)))
    add_person(settings, "1002", pin="274913")
    add_person(settings, "1003", "Tuti", pin="835102")
    add_person(settings, "1004", "Gone", pin="640275")
    withdraw(settings, "1004")
    return settings


def dlib(settings: config.Config) -> config.Config:
    return config.replace(settings, engine={"name": "dlib"})


def counts(report: EngineReport) -> tuple[int, int, list[str]]:
    return report.ready, report.pin_only, [each.person.number for each in report.again]


def test_nobody_enrols_again_for_the_engine_they_were_enrolled_with(enrolled: config.Config) -> None:
    assert counts(engine_report(enrolled)) == (2, 1, [])


def test_who_is_known_to_another_engine_only_must_enrol_again(enrolled: config.Config) -> None:
    report = engine_report(dlib(enrolled))
    assert counts(report) == (0, 1, ["1001", "1002"])
    assert report.again[0].engines == (engine_id_of(enrolled.engine),)
    assert counts(engine_report(enrolled, "north")) == (0, 0, [])


def test_importing_the_folder_once_more_makes_them_ready_and_leaves_the_old_templates(
    enrolled: config.Config, folder: Path, engine: Engine
) -> None:
    new = dlib(enrolled)
    report = import_folder(new, folder, engine=Renamed(engine, engine_id_of(new.engine)))
    assert {person.done for person in report.people} == {Done.CHANGED}
    assert counts(engine_report(new)) == counts(engine_report(enrolled)) == (2, 1, [])


def test_a_set_holds_the_templates_of_the_configured_engine_only(
    enrolled: config.Config, folder: Path, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "one.png").write_bytes(painted(1))
    ids = [engine_id_of(enrolled.engine), engine_id_of(dlib(enrolled).engine)]
    add_person(dlib(enrolled), "1001", photos=[tmp_path / "one.png"], engine=Renamed(engine, ids[1]))
    away = config.replace(enrolled, mqtt={"port": 9})
    faces = [
        publish(
            away, "demo", engine=Identity(engine_id=each, dimension=engine.dimension), broker_wait_s=0, force=True
        ).faces
        for each in ids
    ]
    assert faces == [2, 1]


def test_the_desk_compares_a_face_with_those_of_its_own_engine_only(
    enrolled: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    """With the engine it is known to, the face of 1001 cannot be 1009's too; another engine knows nothing of it."""
    (tmp_path / "one.png").write_bytes(painted(1))
    seen = {}
    for settings in (enrolled, dlib(enrolled)):
        engine_id = engine_id_of(settings.engine)
        report = add_person(
            settings, "1009", "Double", photos=[tmp_path / "one.png"], engine=Renamed(engine, engine_id)
        )
        seen[settings.engine.name] = (report.done, report.why or "")
    assert seen["opencv"][0] is Done.REFUSED
    assert "the same face is enrolled as 1001" in seen["opencv"][1]
    assert seen["dlib"] == (Done.ADDED, "")
    with Register.open(enrolled.centre.register, enrolled.centre.keys) as register:
        assert people.engines_of(register, "demo")["1009"] == [engine_id_of(dlib(enrolled).engine)]


def test_what_is_typed_names_them_and_says_what_cannot_be_done(enrolled: config.Config) -> None:
    said = CliRunner().invoke(enroll, ["engine"], obj=lambda: dlib(enrolled))
    old, new = engine_id_of(enrolled.engine), engine_id_of(dlib(enrolled).engine)
    assert said.exit_code == 0
    first, second, counted, advice = said.output.splitlines()
    assert first == f"1001 Siti: known to {old} only, and no PIN"
    assert second == f"1002 Budi: known to {old} only"
    assert counted == f"demo, engine {new}: 0 ready, 2 to enrol again, 1 by PIN only."
    assert advice.startswith("Their pictures are not kept, so nothing is encoded anew by itself: run")
    ready = CliRunner().invoke(enroll, ["engine"], obj=lambda: enrolled)
    assert ready.output == f"demo, engine {old}: 2 ready, 0 to enrol again, 1 by PIN only.\n"


def test_the_same_as_json(enrolled: config.Config) -> None:
    said = CliRunner().invoke(enroll, ["engine", "--json"], obj=lambda: dlib(enrolled))
    old, new = engine_id_of(enrolled.engine), engine_id_of(dlib(enrolled).engine)
    assert json.loads(said.output) == {
        "office": "demo",
        "engine": new,
        "ready": 0,
        "pin_only": 1,
        "again": [
            {"number": "1001", "name": "Siti", "engines": [old], "pin": False},
            {"number": "1002", "name": "Budi", "engines": [old], "pin": True},
        ],
    }


def test_a_publish_for_another_engine_says_how_many_lost_their_face(
    enrolled: config.Config, approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(enrolled)
    monkeypatch.setattr("enroll.release.publish._tell_broker", lambda *_: None)
    said = CliRunner().invoke(enroll, ["publish", "--office", "demo"], obj=lambda: dlib(enrolled))
    first, sealed, second = said.output.splitlines()
    assert first.endswith(" bytes, 3 people: 3 new, 0 changed, 0 gone.")
    assert sealed == "It is sealed for 1 kiosk."
    assert second == "Known to another engine only, so by PIN at most: 2; see ./hadir enroll engine."
