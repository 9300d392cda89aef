"""Employees in the register: kept, found, released and, on request, gone to the last byte."""

import hashlib
import math
import random
import struct
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from sync import keys, releases
from sync.register import Register, RegisterError, RegisterUnavailable, enrolment, people, people_schema, sets
from sync.register.people import Template
from sync.register.people_schema import PersonRefused
from sync.register.schema import metadata

NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = keys.PrivateKey.generate()
ENGINE = "test-engine"
# As if the disk were full at the last of several changes.
REFUSE_PINS = {
    "sqlite": ["CREATE TRIGGER full BEFORE INSERT ON pins BEGIN SELECT RAISE(ABORT, 'full'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON pins FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}


def vector(seed: int, dimension: int = 16) -> bytes:
    dice = random.Random(seed)
    values = [dice.gauss(0, 1) for _ in range(dimension)]
    norm = math.hypot(*values)
    return struct.pack(f"<{dimension}f", *(value / norm for value in values))


def template(
    seed: int, *, source: str = "photos", engine_id: str = ENGINE, samples: int = 3, look: str = ""
) -> Template:
    return Template(
        engine_id=engine_id,
        vector=vector(seed),
        samples=samples,
        source=source,
        made_at=NOW,
        made_from="ab" * 32,
        look=look,
    )


def enrol(register: Register, number: str, seed: int | None = None, *, office: str = "demo", pin: str | None = None):
    return enrolment.upsert_employee(
        register,
        number=number,
        name=f"Pegawai {number}",
        office=office,
        at=NOW,
        template=None if seed is None else template(seed),
        pin_hash=pin,
    )


def built(register: Register, office: str = "demo", at: datetime = NOW) -> releases.EncodingSet:
    return sets.build_set(register, office=office, engine_id=ENGINE, dimension=16, at=at)


def test_the_migrations_make_the_tables_the_code_sees(register: Register) -> None:
    with register.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_template_compared_with_too_few_is_not_taken(register: Register) -> None:
    def enrol(number: str, compared: int | None) -> people.Employee:
        return enrolment.upsert_employee(
            register, number=number, name="A", office="demo", at=NOW, template=template(1), newest_compared=compared
        )

    assert enrol("1001", 0).newest_template == 1
    with pytest.raises(enrolment.TemplatesChanged):
        enrol("1002", 0)
    assert people.find_employee(register, "1002") is None
    assert enrol("1002", people.newest_template(register)).newest_template == 2
    assert enrol("1003", None).newest_template == 3


def test_an_employee_comes_back_as_enrolled(register: Register) -> None:
    made = enrolment.upsert_employee(
        register,
        number="1001",
        name="  Siti\u00a0 Nurhaliza ",
        office="demo",
        at=NOW,
        template=template(1),
        pin_hash="$a",
    )
    assert made == people.Employee(
        number="1001",
        name="Siti Nurhaliza",
        office="demo",
        valid_from=NOW,
        withdrawn_at=None,
        templates=1,
        samples=3,
        has_pin=True,
        newest_template=1,
    )
    assert people.find_employee(register, "1001") == made
    assert people.find_employee(register, "1002") is None
    assert people.list_people(register) == people.list_people(register, "demo") == [made]
    assert people.list_people(register, "other") == []


def test_enrolling_again_changes_name_and_template_and_keeps_the_rest(register: Register) -> None:
    enrol(register, "1001", 1, pin="$a")
    enrolment.upsert_employee(
        register,
        number="1001",
        name="Siti N.",
        office="demo",
        at=NOW + timedelta(days=1),
        template=template(2, samples=5),
    )
    kept = people.find_employee(register, "1001")
    assert kept is not None
    assert (kept.name, kept.valid_from, kept.templates, kept.samples, kept.has_pin) == ("Siti N.", NOW, 1, 5, True)
    assert people.templates_of(register, ENGINE) == [("1001", template(2, samples=5))]


def test_a_template_of_another_source_stands_beside_the_first(register: Register) -> None:
    enrol(register, "1001", 1)
    enrolment.add_template(register, "1001", template(2, source="camera", samples=4))
    enrolment.add_template(register, "1001", template(3, engine_id="other"))
    assert [kept.source for _, kept in people.templates_of(register, ENGINE)] == ["photos", "camera"]
    assert built(register).people[0].templates == (vector(1), vector(2))


def test_a_number_of_another_office_is_moved_only_when_asked(register: Register) -> None:
    enrol(register, "1001", 1)
    with pytest.raises(PersonRefused, match="belongs to office demo"):
        enrol(register, "1001", 2, office="other")
    assert people.templates_of(register, ENGINE) == [("1001", template(1))]
    moved = enrolment.upsert_employee(register, number="1001", name="A", office="other", at=NOW, move=True)
    assert (moved.office, built(register).people) == ("other", ())
    assert [person.employee for person in built(register, "other").people] == ["1001"]
    assert people.offices(register) == ["other"]


def test_a_pin_is_set_replaced_and_only_for_people_who_are_there(register: Register) -> None:
    enrol(register, "1001")
    assert [(person.pin, person.templates) for person in built(register).people] == [(None, ())]
    enrolment.set_pin(register, "1001", "$argon2id$a", at=NOW)
    enrolment.set_pin(register, "1001", "$argon2id$b", at=NOW)
    assert [(person.pin, person.templates) for person in built(register).people] == [("$argon2id$b", ())]
    with pytest.raises(PersonRefused, match="no employee 1002"):
        enrolment.set_pin(register, "1002", "$a", at=NOW)
    with pytest.raises(PersonRefused, match="no employee 1002"):
        enrolment.add_template(register, "1002", template(1))


def test_a_withdrawn_person_is_gone_and_their_number_stays(register: Register) -> None:
    enrol(register, "1001", 1, pin="$a")
    enrol(register, "1002", 2)
    left = enrolment.withdraw(register, "1001", at=NOW)
    assert (left.withdrawn_at, left.templates, left.has_pin) == (NOW, 0, False)
    assert [person.employee for person in built(register).people] == ["1002"]
    assert [number for number, _ in people.templates_of(register, ENGINE)] == ["1002"]
    assert enrolment.withdraw(register, "1001", at=NOW + timedelta(days=1)).withdrawn_at == NOW
    with pytest.raises(PersonRefused, match="no employee 9"):
        enrolment.withdraw(register, "9", at=NOW)


def test_nothing_brings_a_withdrawn_person_back_by_accident(register: Register) -> None:
    enrol(register, "1001", 1, pin="$a")
    enrolment.withdraw(register, "1001", at=NOW)
    for attempt in (
        lambda: enrol(register, "1001", 1),
        lambda: enrolment.set_pin(register, "1001", "$a", at=NOW),
        lambda: enrolment.add_template(register, "1001", template(1)),
    ):
        with pytest.raises(PersonRefused, match="was withdrawn on 2025-01-02"):
            attempt()
    assert built(register).people == ()
    back = enrolment.upsert_employee(
        register, number="1001", name="A", office="demo", at=NOW + timedelta(days=9), again=True, template=template(4)
    )
    assert (back.withdrawn_at, back.valid_from, back.has_pin) == (None, NOW + timedelta(days=9), False)


def test_after_withdrawal_no_byte_of_template_or_pin_is_left_on_disk(tmp_path: Path) -> None:
    """With a control: the same bytes are there before, so the search would find them."""
    pin = "$argon2id$canary-of-the-pin"
    with Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}", tmp_path / "keys") as register:
        for number in range(40):
            enrol(register, f"20{number:02}", number)
        enrol(register, "1001", 777, pin=pin)
        blob = releases.sign_set(built(register), KEY)
        sets.record_release(register, built(register), blob)
        traces = {"template": vector(777), "pin": pin.encode()}
        assert all(found(tmp_path, trace) for trace in traces.values())
        enrolment.withdraw(register, "1001", at=NOW)
        after = built(register)
        sets.record_release(register, after, releases.sign_set(after, KEY))
        assert {name for name, trace in traces.items() if found(tmp_path, trace)} == set()
        assert found(tmp_path, vector(7))
    assert {name for name, trace in traces.items() if found(tmp_path, trace)} == set()


def found(folder: Path, trace: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and trace in path.read_bytes()]


def test_withdrawal_during_a_long_read_is_done_and_says_to_run_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.register._SQLITE_PRAGMAS", ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"))
    with Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}", tmp_path / "keys") as register:
        enrol(register, "1001", 1)
        monkeypatch.setattr(
            "sync.register.people.sa.Engine.raw_connection", _impatient(sa.Engine.raw_connection), raising=True
        )
        with register.read() as connection:
            connection.execute(sa.select(people_schema.employees)).all()
            with pytest.raises(RegisterUnavailable, match="once more"):
                enrolment.withdraw(register, "1001", at=NOW)
        assert enrolment.withdraw(register, "1001", at=NOW).templates == 0


def _impatient(original):
    def raw_connection(engine: sa.Engine):
        connection = original(engine)
        connection.cursor().execute("PRAGMA busy_timeout = 0")
        return connection

    return raw_connection


def test_versions_rise_and_only_the_newest_keeps_its_bytes(register: Register) -> None:
    enrol(register, "1001", 1)
    assert sets.current_releases(register) == []
    first = built(register)
    assert first.version == 1
    sets.record_release(register, first, b"one")
    second = built(register, at=NOW + timedelta(hours=1))
    assert second.version == 2
    sets.record_release(register, second, b"two")
    assert sets.current_releases(register) == [("demo", b"two")]
    history = sets.list_releases(register, "demo")
    assert [(release.version, release.people, release.sha256) for release in history] == [
        (2, 1, hashlib.sha256(b"two").hexdigest()),
        (1, 1, hashlib.sha256(b"one").hexdigest()),
    ]


def test_each_office_has_versions_of_its_own(register: Register) -> None:
    enrol(register, "1001", 1)
    enrol(register, "2001", 2, office="other")
    sets.record_release(register, built(register), b"demo 1")
    sets.record_release(register, built(register, "other"), b"other 1")
    sets.record_release(register, built(register, "other"), b"other 2")
    assert sets.current_releases(register) == [("demo", b"demo 1"), ("other", b"other 2")]
    digests = sets.current_digests(register)
    assert list(digests) == ["demo", "other"]
    assert sets.current_release(register, "other") == (digests["other"], b"other 2")
    assert sets.current_release(register, "nowhere") is None
    assert (built(register).version, built(register, "other").version) == (2, 3)


def test_a_version_seen_elsewhere_is_passed_over(register: Register) -> None:
    """As after a register came back from an older backup."""
    content = sets.build_set(register, office="demo", engine_id=ENGINE, dimension=16, at=NOW, newer_than=41)
    assert content.version == 42
    sets.record_release(register, content, b"42")
    assert built(register).version == 43


def test_of_two_who_release_the_same_version_one_is_told(register: Register) -> None:
    first, second = built(register), built(register)
    sets.record_release(register, first, b"first")
    with pytest.raises(sets.VersionTaken, match="publish again"):
        sets.record_release(register, second, b"second")
    assert sets.current_releases(register) == [("demo", b"first")]


def test_many_who_release_at_once_get_distinct_rising_versions(register_url: str, tmp_path: Path) -> None:
    Register.open(register_url).close()
    problems: list[BaseException] = []

    def publish() -> None:
        try:
            with Register.open(register_url, tmp_path) as register:
                for _ in range(5):
                    while True:
                        try:
                            sets.record_release(register, built(register), b"set")
                            break
                        except sets.VersionTaken:
                            continue
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            problems.append(error)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with Register.open(register_url) as register:
        assert [release.version for release in sets.list_releases(register, "demo")] == list(range(20, 0, -1))


def test_people_are_in_the_set_from_their_first_day(register: Register) -> None:
    enrol(register, "1001", 1)
    assert built(register, at=NOW - timedelta(seconds=1)).people == ()
    assert len(built(register, at=NOW).people) == 1


def test_a_built_set_is_signed_and_opened_as_it_is(register: Register) -> None:
    enrol(register, "1002", 2, pin="$argon2id$x")
    enrol(register, "1001", 1)
    content = built(register)
    blob = releases.sign_set(content, KEY)
    opened = releases.open_set(blob, trusted=KEY.public_key(), office="demo", engine_id=ENGINE, newer_than=0)
    assert opened == content
    assert [(person.employee, person.name) for person in opened.people] == [
        ("1001", "Pegawai 1001"),
        ("1002", "Pegawai 1002"),
    ]


@pytest.mark.parametrize("number", ["", "-1", ".1", "a b", "1" * 33, "../1", "1'; --", "１００１", "1\n"])
def test_what_is_no_employee_number_is_refused(register: Register, number: str) -> None:
    with pytest.raises(PersonRefused, match="is not an employee number"):
        enrol(register, number)
    assert people.list_people(register) == []


@pytest.mark.parametrize("name", ["", " \t ", "A" * 121, "Siti\x00", "Siti\x1b[31m", "\u202eitiS", "a\ud800"])
def test_names_nobody_could_read_are_refused(register: Register, name: str) -> None:
    with pytest.raises(PersonRefused, match="name"):
        enrolment.upsert_employee(register, number="1", name=name, office="demo", at=NOW)
    assert people.list_people(register) == []


@pytest.mark.parametrize("name", ["'; DROP TABLE employees; --", 'D\'Arcy "x" %s', "=1+1", "ꦱꦶꦠꦶ", "😀", "O’Brien"])
def test_odd_names_are_kept_as_they_are(register: Register, name: str) -> None:
    assert enrolment.upsert_employee(register, number="1", name=name, office="demo", at=NOW).name == name


@given(st.text(max_size=150))
def test_a_cleaned_name_is_clean(name: str) -> None:
    try:
        clean = people_schema.cleaned_name(name)
    except PersonRefused:
        return
    assert people_schema.cleaned_name(clean) == clean
    assert clean == clean.strip()
    assert 1 <= len(clean) <= 120


@pytest.mark.parametrize("office", ["", "Demo", "../x", "a", "x" * 41, "a/b", "+", "#"])
def test_what_is_no_office_is_refused(register: Register, office: str) -> None:
    with pytest.raises(PersonRefused, match="is not an office id"):
        enrol(register, "1", office=office)
    with pytest.raises(PersonRefused, match="is not an office id"):
        built(register, office)


def test_a_refused_change_leaves_nothing_half_done(register: Register) -> None:
    enrol(register, "1001", 1)
    with register.write() as connection:
        for statement in REFUSE_PINS[register.dialect]:
            connection.exec_driver_sql(statement)
    with pytest.raises(RegisterError):
        enrolment.upsert_employee(
            register, number="1001", name="Other", office="demo", at=NOW, template=template(9), pin_hash="$a"
        )
    kept = people.find_employee(register, "1001")
    assert kept is not None
    assert kept.name == "Pegawai 1001"
    assert people.templates_of(register, ENGINE) == [("1001", template(1))]


def test_a_city_is_built_in_time(register: Register) -> None:
    with register.write() as connection:
        connection.execute(
            sa.insert(people_schema.employees),
            [{"number": str(n), "name": f"P {n}", "office": "demo", "valid_from": NOW} for n in range(20_000)],
        )
        rows = [
            {
                "employee": str(n),
                "engine_id": ENGINE,
                "source": "photos",
                "vector": vector(1),
                "samples": 3,
                "made_at": NOW,
            }
            for n in range(20_000)
        ]
        connection.execute(sa.insert(people_schema.templates), rows)
    assert len(built(register).people) == 20_000


def test_a_look_stands_beside_the_others_and_replaces_only_itself(register: Register) -> None:
    enrol(register, "1001", 1)
    for seed in (2, 3):
        enrolment.add_template(register, "1001", template(seed, look="glasses"))
    enrolment.add_template(register, "1001", template(4, look="jilbab"))
    assert [kept.look for _, kept in people.templates_of(register, ENGINE)] == ["", "glasses", "jilbab"]
    assert built(register).people[0].templates == (vector(1), vector(3), vector(4))


def test_an_administrator_is_one_in_the_next_set_and_until_they_are_withdrawn(register: Register) -> None:
    enrol(register, "1001", 1)
    enrol(register, "1002", 2)
    made, changed = enrolment.set_administrator(register, "1001", True)
    assert (made.administrator, changed) == (True, True)
    assert enrolment.set_administrator(register, "1001", True)[1] is False
    assert [(person.employee, person.administrator) for person in built(register).people] == [
        ("1001", True),
        ("1002", False),
    ]
    enrol(register, "1001", 3)
    assert [person.administrator for person in people.list_people(register)] == [True, False], "a new face changes none"

    assert enrolment.withdraw(register, "1001", at=NOW).administrator is False
    enrolment.upsert_employee(
        register, number="1001", name=None, office="demo", at=NOW, template=template(1), again=True
    )
    assert not any(person.administrator for person in built(register).people)
    enrolment.set_administrator(register, "1002", True)
    removed, changed = enrolment.set_administrator(register, "1002", False)
    assert (removed.administrator, changed) == (False, True)


@pytest.mark.parametrize("number", ["1999", "1003", "; --"])
def test_nobody_who_is_not_there_becomes_an_administrator(register: Register, number: str) -> None:
    enrol(register, "1003", 3)
    enrolment.withdraw(register, "1003", at=NOW)
    with pytest.raises(PersonRefused):
        enrolment.set_administrator(register, number, True)
    assert not any(person.administrator for person in people.list_people(register))
