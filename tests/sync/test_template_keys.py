"""Templates in the register are sealed with their person's key, which lies elsewhere and can be destroyed."""

import random
import sqlite3
import struct
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import config
from sync.command import register as command
from sync.register import Register, RegisterError, enrolment, people, sets
from sync.register.backup import back_up
from sync.register.people import Template
from sync.register.people_schema import templates
from sync.register.sealed_templates import TemplatesSealed
from sync.template_keys import FILE, TemplateKeys, TemplateKeysFailed

NOW = datetime(2025, 1, 2, tzinfo=UTC)


def vector(seed: int) -> bytes:
    return struct.pack("<16f", *(random.Random(f"{seed}/{place}").gauss(0, 1) for place in range(16)))


def enrol(register: Register, number: str, seed: int) -> None:
    template = Template(engine_id="e", vector=vector(seed), samples=3, source="photos", made_at=NOW)
    enrolment.upsert_employee(register, number=number, name="Canary", office="demo", at=NOW, template=template)


def vectors(register: Register) -> dict[str, bytes]:
    return {number: template.vector for number, template in people.templates_of(register, "e")}


def files_with(folder: Path, trace: bytes) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and trace in path.read_bytes())


def test_c5_no_template_is_readable_in_the_register_its_log_or_a_backup(sqlite_url: str, tmp_path: Path) -> None:
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        for number in range(20):
            enrol(register, f"10{number:02}", number)
        back_up(register, tmp_path / "centre" / "backup.sqlite")
        assert [files_with(tmp_path, vector(number)) for number in range(20)] == [[]] * 20
        assert vectors(register)["1007"] == vector(7)
        with register.write() as connection:
            connection.execute(sa.update(templates).where(templates.c.employee == "1003").values(vector=vector(3)))
        assert files_with(tmp_path, vector(3)), "the search would find what is not sealed"


def test_i1_after_the_key_is_destroyed_no_copy_of_the_register_gives_the_template_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    before = tmp_path / "before.sqlite"
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        enrol(register, "1001", 1)
        enrol(register, "1002", 2)
        back_up(register, before)
        key = register.template_keys.of("1001")
        assert key is not None
        assert files_with(tmp_path, key) == [FILE], "the control: while they are enrolled it is there"
        enrolment.withdraw(register, "1001", at=NOW)
        assert vectors(register) == {"1002": vector(2)}
        assert files_with(tmp_path, key) == []
        assert register.template_keys.destroy("1001") is False
    with Register.open(f"sqlite:///{before}", tmp_path / "keys") as old:
        assert len(people.template_notes(old, "1001")) == 1, "the row is in the backup"
        with pytest.raises(TemplatesSealed, match="1001"):
            vectors(old)


def test_who_comes_back_gets_another_key(sqlite_url: str, tmp_path: Path) -> None:
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        enrol(register, "1001", 1)
        first = register.template_keys.of("1001")
        enrolment.withdraw(register, "1001", at=NOW)
        template = Template(engine_id="e", vector=vector(5), samples=3, source="photos", made_at=NOW)
        enrolment.upsert_employee(
            register, number="1001", name="Canary", office="demo", at=NOW, template=template, again=True
        )
        assert register.template_keys.of("1001") not in (None, first)
        assert vectors(register) == {"1001": vector(5)}


def test_templates_of_before_are_sealed_when_the_desk_opens_the_register(register_url: str, tmp_path: Path) -> None:
    with Register.open(register_url, tmp_path / "keys") as register:
        for number in range(3):
            enrol(register, f"100{number}", number)
        with register.write() as connection:
            for number in range(3):
                wanted = templates.c.employee == f"100{number}"
                connection.execute(sa.update(templates).where(wanted).values(vector=vector(number), sealed=False))
    if register_url.startswith("sqlite"):
        assert files_with(tmp_path, vector(1)), "in clear, as before there were keys"
    Register.open(register_url).close()  # the collector's way: it has no keys, and needs none
    with Register.open(register_url, tmp_path / "keys") as register:
        assert vectors(register) == {f"100{number}": vector(number) for number in range(3)}
        with register.read() as connection:
            rows = connection.execute(sa.select(templates.c.vector, templates.c.sealed)).all()
        assert [row.sealed for row in rows] == [True] * 3
        assert not {bytes(row.vector) for row in rows} & {vector(number) for number in range(3)}
        if register_url.startswith("sqlite"):
            assert files_with(tmp_path, vector(1)) == []
    assert files_with(tmp_path, vector(1)) == []


def test_a_register_opened_without_the_keys_refuses_templates_and_nothing_else(register_url: str) -> None:
    with Register.open(register_url) as register:
        enrolment.upsert_employee(register, number="1001", name="A", office="demo", at=NOW)
        with pytest.raises(RegisterError, match="opened without the keys"):
            enrol(register, "1002", 2)
        with pytest.raises(RegisterError, match="opened without the keys"):
            people.templates_of(register, "e")
        assert [person.number for person in people.list_people(register)] == ["1001"], "and nothing half-written"


def test_lost_keys_are_named_and_the_command_says_who_must_be_enrolled_again(sqlite_url: str, tmp_path: Path) -> None:
    settings = config.replace(config.Config(), centre={"register": sqlite_url, "keys": str(tmp_path / "keys")})
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        enrol(register, "1001", 1)
        enrol(register, "1002", 2)
    (tmp_path / "keys" / FILE).unlink()
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        for asked in (vectors, _built):
            with pytest.raises(TemplatesSealed, match=r"drop-unreadable") as refused:
                asked(register)
            assert "\n" not in str(refused.value)
        enrol(register, "1002", 22)  # enrolled again already
    said = CliRunner().invoke(command, ["drop-unreadable"], obj=lambda: settings)
    assert said.output == "1 person must be enrolled again: 1001.\n"
    with Register.open(sqlite_url, tmp_path / "keys") as register:
        assert vectors(register) == {"1002": vector(22)}


def _built(register: Register) -> object:
    return sets.build_set(register, office="demo", engine_id="e", dimension=16, at=NOW)


def test_keys_are_private_durable_and_each_of_its_own(tmp_path: Path) -> None:
    keys = TemplateKeys(tmp_path / "keys")
    assert (keys.known(), keys.of("1001"), keys.destroy("1001")) == ({}, None, False)
    assert not (tmp_path / "keys").exists(), "asking makes nothing"
    first, second = keys.made_for("1001"), keys.made_for("1002")
    assert len({first, second}) == 2
    assert (len(first), keys.made_for("1001")) == (32, first)
    assert TemplateKeys(tmp_path / "keys").known() == {"1001": first, "1002": second}
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert keys.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_size for path in keys.path.parent.iterdir() if path != keys.path] in ([], [0]), (
        "no journal with a key in it stays behind"
    )
    assert keys.destroy("1001") is True
    assert files_with(tmp_path, first) == []
    assert files_with(tmp_path, second) == [FILE]


def test_the_key_of_an_offices_set_is_that_of_the_newest_only(tmp_path: Path) -> None:
    keys = TemplateKeys(tmp_path)
    keys.keep_set_key("demo", 1, b"1" * 32)
    keys.keep_set_key("north", 1, b"n" * 32)
    keys.keep_set_key("demo", 2, b"2" * 32)
    assert [keys.set_key("demo", version) for version in (1, 2, 3)] == [None, b"2" * 32, None]
    assert keys.set_key("north", 1) == b"n" * 32
    assert files_with(tmp_path, b"1" * 32) == []


@pytest.mark.parametrize("harm", ["others may read", "damaged", "a folder"])
def test_keys_that_cannot_be_used_are_one_sentence(tmp_path: Path, harm: str) -> None:
    keys = TemplateKeys(tmp_path)
    if harm == "a folder":
        keys.path.mkdir(mode=0o700)
    else:
        keys.made_for("1001")
    if harm == "others may read":
        keys.path.chmod(0o640)
    if harm == "damaged":
        keys.path.write_bytes(b"no database" * 1000)
    with pytest.raises(TemplateKeysFailed) as failed:
        keys.made_for("1002")
    assert "\n" not in str(failed.value)
    assert str(tmp_path) in str(failed.value)


def test_two_desks_that_make_a_persons_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    import threading

    got: list[bytes] = []
    together = threading.Barrier(4)

    def make() -> None:
        together.wait()
        got.extend(TemplateKeys(tmp_path).made_for(f"1{number}") for number in range(5))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(got), len(set(got))) == (20, 5)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
