"""Publishing: signed, numbered, kept, and on the topic in the right order, whatever the broker does."""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import config
from demo import broker
from enroll.desk import add_person
from enroll.release import publish as room
from enroll.release.publish import PublishRefused, PublishReport
from sync import keys, releases
from sync.keys import KeyRefused
from sync.messages import gallery_topic
from sync.mqtt import Connected, Link, Received
from sync.register import Register, people_schema, sets
from terminal.faces import Engine, Identity
from tests.enroll.leaving import withdraw

PROJECT = Path(__file__).resolve().parents[2]
PAST = datetime(2025, 1, 1, tzinfo=UTC)
PAINTED = Identity(engine_id="painted", dimension=64)


@pytest.fixture
def away(settings: config.Config, approve) -> config.Config:
    """Settings with a broker nobody runs, and a kiosk approved in each office."""
    approve(settings)
    approve(settings, "north")
    return config.replace(settings, mqtt={"port": broker.free_port()})


@pytest.fixture
def live(settings: config.Config, approve) -> Iterator[config.Config]:
    """Settings with the embedded broker running, and an approved kiosk."""
    approve(settings)
    with broker.embedded() as running:
        yield config.replace(settings, mqtt={"host": running.settings.host, "port": running.settings.port})


def publish(settings: config.Config, office: str = "demo", **more: object) -> PublishReport:
    given = {"engine": PAINTED, "broker_wait_s": 0.0, **more}
    return room.publish(settings, office, **given)  # type: ignore[arg-type]


def opened(settings: config.Config, blob: bytes, office: str = "demo") -> releases.EncodingSet:
    trusted, own = keys.load_public(settings.terminal.release_key), keys.device_key(settings.terminal.state)
    return releases.open_set(blob, trusted=trusted, office=office, engine_id="painted", newer_than=0, reader=own)


def retained(settings: config.Config, office: str = "demo") -> bytes | None:
    """Return what lies on the office's topic, as a kiosk that connects now would get it."""
    link = Link(settings.mqtt, client_id=f"listener-{secrets.token_hex(8)}", session_expiry_s=0)
    link.start()
    deadline = time.monotonic() + 5
    try:
        while (left := deadline - time.monotonic()) > 0:
            match link.next(left):
                case Connected():
                    link.subscribe(gallery_topic(office))
                case Received(payload=payload, retained=True):
                    return payload
    finally:
        link.stop()
    return None


@pytest.fixture
def someone(away: config.Config, engine: Engine, tmp_path: Path, painted) -> None:
    """Siti, 1001, with a face and a PIN, and Budi, 1002, with a PIN."""
    (tmp_path / "siti.png").write_bytes(painted(1))
    add_person(away, "1001", "Siti", photos=[tmp_path / "siti.png"], pin="274913", engine=engine)
    add_person(away, "1002", "Budi", pin="608351", engine=engine)


@pytest.mark.usefixtures("someone")
def test_a_set_is_signed_kept_and_recorded_without_a_broker(away: config.Config) -> None:
    report = publish(away, broker_wait_s=0.5)
    assert (report.version, report.people, report.faces, report.reached_broker) == (1, 2, 1, False)
    assert report.problem is not None
    assert "nobody listens" in report.problem
    assert report.file == away.centre.releases / "demo-1.hset"
    blob = report.file.read_bytes()
    assert report.bytes == len(blob)
    assert report.file.stat().st_mode & 0o777 == 0o600
    content = opened(away, blob)
    assert [(person.employee, person.name, len(person.templates)) for person in content.people] == [
        ("1001", "Siti", 1),
        ("1002", "Budi", 0),
    ]
    with Register.open(away.centre.register, away.centre.keys) as register:
        assert sets.current_releases(register) == [("demo", blob)]


@pytest.mark.usefixtures("someone")
def test_a_publish_counts_who_is_new_changed_and_gone_since_the_one_before(
    away: config.Config, engine: Engine, tmp_path: Path, painted
) -> None:
    def changes() -> tuple[int, int, int]:
        report = publish(away).changes
        return report.new, report.changed, report.gone

    assert changes() == (2, 0, 0)
    assert changes() == (0, 0, 0), "nothing happened"
    add_person(away, "1003", "Dewi", pin="951742", engine=engine)
    (tmp_path / "budi.png").write_bytes(painted(2))
    add_person(away, "1002", photos=[tmp_path / "budi.png"], engine=engine)
    withdraw(away, "1001")
    assert changes() == (1, 1, 1)
    for half in (keys.PRIVATE_NAME, keys.PUBLIC_NAME):
        (away.centre.keys / half).unlink()
    keys.new_key(away.centre.keys)
    assert changes() == (2, 0, 0), "what another key signed is not compared with"


@pytest.mark.slow
@pytest.mark.usefixtures("someone")
def test_a_set_lies_on_the_topic_for_kiosks_that_come_later(live: config.Config) -> None:
    report = publish(live, broker_wait_s=10)
    assert (report.reached_broker, report.problem) == (True, None)
    assert retained(live) == report.file.read_bytes()
    publish(live, broker_wait_s=10)
    blob = retained(live)
    assert blob is not None
    assert opened(live, blob).version == 2


@pytest.mark.slow
@pytest.mark.usefixtures("someone")
def test_a_large_set_goes_through_mosquitto_too(
    settings: config.Config, approve, program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("mosquitto")
    approve(settings)
    with Register.open(settings.centre.register, settings.centre.keys) as register, register.write() as connection:
        rows = [{"number": f"P{n}", "name": "N" * 60, "office": "demo", "valid_from": PAST} for n in range(5000)]
        connection.execute(people_schema.employees.insert(), rows)
        pins = [{"employee": f"P{n}", "hash": "$argon2id$" + "x" * 90, "set_at": PAST} for n in range(5000)]
        connection.execute(people_schema.pins.insert(), pins)
    with broker.mosquitto() as running:
        here = config.replace(settings, mqtt={"port": running.settings.port})
        report = publish(here, broker_wait_s=20)
        assert report.reached_broker, report.problem
        assert report.bytes > 900_000
        assert retained(here) == report.file.read_bytes()


@pytest.mark.usefixtures("someone")
def test_versions_rise_and_older_files_go(away: config.Config) -> None:
    assert [publish(away).version for _ in range(3)] == [1, 2, 3]
    assert [path.name for path in away.centre.releases.iterdir()] == ["demo-3.hset"]


@pytest.mark.usefixtures("someone")
def test_after_a_withdrawal_nothing_that_was_released_holds_the_person(away: config.Config, vector_of) -> None:
    publish(away)
    trace = opened(away, (away.centre.releases / "demo-1.hset").read_bytes()).people[0].templates[0]
    centre = away.centre.releases.parent
    with Register.open(away.centre.register, away.centre.keys) as register:
        key = register.template_keys.set_key("demo", 1)
        withdrawn = register.template_keys.of("1001")
    assert key is not None and withdrawn is not None  # noqa: PT018 - both are what is looked for below
    kept = away.centre.keys / "templates.sqlite"
    assert key in kept.read_bytes() and withdrawn in kept.read_bytes()  # noqa: PT018 - the control
    withdraw(away, "1001")
    content = opened(away, publish(away).file.read_bytes())
    assert [person.employee for person in content.people] == ["1002"]
    files = [path.read_bytes() for path in centre.rglob("*") if path.is_file()]
    assert not any(each in held for held in files for each in (trace, key, withdrawn))


@pytest.mark.usefixtures("someone")
def test_a_register_from_an_old_backup_does_not_go_back_in_versions(away: config.Config) -> None:
    file = Path(away.centre.register.removeprefix("sqlite:///"))
    backup = file.read_bytes()
    for _ in range(4):
        publish(away)
    file.write_bytes(backup)
    assert publish(away).version == 5


def test_an_office_without_people_is_emptied_only_by_force(away: config.Config) -> None:
    with pytest.raises(PublishRefused, match=r"office demo has nobody .* --force"):
        publish(away)
    assert list(away.centre.releases.iterdir()) == []
    report = publish(away, force=True)
    assert (report.version, report.people) == (1, 0)
    assert opened(away, report.file.read_bytes()).people == ()


@pytest.mark.usefixtures("someone")
def test_each_office_gets_its_own_people(away: config.Config) -> None:
    with pytest.raises(PublishRefused, match="office north has nobody"):
        publish(away, "north")
    add_person(away, "2001", "Ani", pin="274913", office="north")
    assert publish(away, "north").people == 1
    assert publish(away).people == 2
    assert sorted(path.name for path in away.centre.releases.iterdir()) == ["demo-1.hset", "north-1.hset"]


@pytest.mark.usefixtures("someone")
@pytest.mark.parametrize("office", ["../x", "Demo", "demo/../x", "+"])
def test_what_is_no_office_is_not_published(away: config.Config, office: str) -> None:
    with pytest.raises(people_schema.PersonRefused, match="is not an office id"):
        publish(away, office)


@pytest.mark.usefixtures("someone")
def test_without_a_key_nothing_is_published(away: config.Config) -> None:
    (away.centre.keys / "release.key").unlink()
    with pytest.raises(KeyRefused, match=r"run \./hadir keys new"):
        publish(away)
    with Register.open(away.centre.register, away.centre.keys) as register:
        assert sets.list_releases(register, "demo") == []


@pytest.mark.usefixtures("someone")
def test_a_template_no_kiosk_would_take_is_not_published(away: config.Config) -> None:
    with pytest.raises(releases.ReleaseRefused, match="1001"):
        publish(away, engine=Identity(engine_id="painted", dimension=128))
    assert list(away.centre.releases.iterdir()) == []


@pytest.mark.usefixtures("someone")
def test_a_folder_that_cannot_be_written_is_one_sentence(away: config.Config, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    broken = config.replace(away, centre={"releases": str(tmp_path / "file" / "releases")})
    with pytest.raises(PublishRefused, match="cannot be used"):
        publish(broken)


@pytest.mark.usefixtures("someone")
def test_a_link_that_cannot_be_made_is_a_problem_of_the_broker_not_of_the_release(
    away: config.Config, tmp_path: Path
) -> None:
    broken = config.replace(away, mqtt={"tls_ca": str(tmp_path / "missing.pem")})
    report = publish(broken, broker_wait_s=5)
    assert (report.version, report.reached_broker) == (1, False)
    assert report.problem is not None
    assert "see mqtt.tls_ca" in report.problem


@pytest.mark.usefixtures("someone")
def test_an_older_file_that_cannot_be_removed_is_told_and_hides_no_release(
    away: config.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(away)

    def stuck(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "unlink", stuck)
    report = publish(away)
    assert report.version == 2
    assert report.left_behind == (away.centre.releases / "demo-1.hset",)


@pytest.mark.usefixtures("someone")
def test_what_a_killed_publish_left_is_cleared(away: config.Config) -> None:
    away.centre.releases.mkdir(parents=True)
    (away.centre.releases / ".demo-1.hset.x.unfinished").write_bytes(b"half")
    publish(away)
    assert [path.name for path in away.centre.releases.iterdir()] == ["demo-1.hset"]


@pytest.mark.slow
@pytest.mark.usefixtures("someone")
def test_many_who_publish_at_once_get_distinct_versions_and_the_newest_lies_on_the_topic(
    live: config.Config, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(config.dump(live))
    code = (
        "import sys, config; from pathlib import Path; from enroll.release.publish import publish\n"
        "from terminal.faces import Identity\n"
        "settings = config.load(Path(sys.argv[1]))\n"
        "for _ in range(3):\n"
        "    report = publish(settings, 'demo', engine=Identity(engine_id='painted', dimension=64), broker_wait_s=20)\n"
        "    assert report.reached_broker, report.problem\n"
        "    print(report.version)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "config.yaml")], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [[int(line) for line in run.communicate(timeout=90)[0].split()] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert all(versions == sorted(versions) for versions in said)
    assert sorted(version for versions in said for version in versions) == list(range(1, 10))
    blob = retained(live)
    assert blob is not None
    assert opened(live, blob).version == 9
