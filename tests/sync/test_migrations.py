"""Registers that an older Hadir made: opened by this one, with everything that was in them."""

from datetime import UTC, datetime
from pathlib import Path

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from sync import register as register_package
from sync.register import Register, people
from sync.register.events import count_events, last_id

FOLDER = Path(register_package.__file__).with_name("migrations")
AT = datetime(2026, 3, 2, tzinfo=UTC)


def settings() -> alembic.config.Config:
    made = alembic.config.Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    return made


OLDER = [script.revision for script in ScriptDirectory.from_config(settings()).walk_revisions()][:0:-1]


def made_by(revision: str, url: str) -> None:
    """Have a register of that schema with three punches, of which the second never came, and a conflict."""
    Path(sa.make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        wanted = settings()
        wanted.attributes["connection"] = connection
        alembic.command.upgrade(wanted, revision)
        tables = sa.MetaData()
        tables.reflect(connection)
        key = {"terminal": "lobby-1", "epoch": "e" * 32, "office": "demo"}
        punch = {
            "employee": "1987", "method": "face", "direction": "in", "clock": "synced",
            "occurred_at": AT, "first_seen_at": AT, "received_at": AT,
        }  # fmt: skip
        for seq in (1, 3, 4):
            connection.execute(
                sa.insert(tables.tables["events"]).values(
                    **key, **punch, seq=seq, payload=b"payload %d" % seq, payload_sha256=b"digest %d" % seq
                )
            )
        if "templates" in tables.tables:
            person = {"number": "1987", "name": "Siti", "office": "demo", "valid_from": AT}
            connection.execute(sa.insert(tables.tables["employees"]).values(**person))
            connection.execute(
                sa.insert(tables.tables["templates"]).values(
                    employee="1987", engine_id="e", source="photos", vector=b"v", samples=3, made_at=AT
                )
            )
        connection.execute(sa.insert(tables.tables["heads"]).values(**key, upto=1, highest=4, changed_at=AT))
        connection.execute(
            sa.insert(tables.tables["quarantine"]).values(
                **key, seq=1, payload=b"other", payload_sha256=b"other digest", received_at=AT
            )
        )
    engine.dispose()


def everything(register: Register) -> dict[str, object]:
    statements = {
        "events": "SELECT id, terminal, epoch, seq, office, employee, payload, payload_sha256 FROM events ORDER BY id",
        "heads": "SELECT terminal, epoch, office, upto, highest FROM heads",
        "quarantine": "SELECT id, terminal, epoch, seq, payload, payload_sha256 FROM quarantine",
    }
    with register.read() as connection:
        return {name: [tuple(row) for row in connection.execute(sa.text(text))] for name, text in statements.items()}


@pytest.mark.parametrize("revision", OLDER)
def test_a_register_of_an_older_hadir_keeps_what_it_has(register_url: str, revision: str, tmp_path: Path) -> None:
    made_by(revision, register_url)
    key = ("lobby-1", "e" * 32)
    Register.open(register_url).close()  # as the collector does, which has no keys of templates
    with Register.open(register_url, tmp_path / "keys") as register:
        assert everything(register) == {
            "events": [
                (number, *key, seq, "demo", "1987", b"payload %d" % seq, b"digest %d" % seq)
                for number, seq in enumerate((1, 3, 4), 1)
            ],
            "heads": [(*key, "demo", 1, 4)],
            "quarantine": [(1, *key, 1, b"other", b"other digest")],
        }
        assert (count_events(register), last_id(register)) == (3, 3)
        of_before = people.templates_of(register, "e")
        assert [(kept.vector, kept.look) for _, kept in of_before] == ([] if revision == "0001" else [(b"v", "")])
        with register.read() as connection:
            assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) != revision


@pytest.mark.parametrize("revision", OLDER)
def test_an_id_is_not_given_again_after_a_migration(register_url: str, revision: str) -> None:
    """Whoever asks for what is newer than the last id would miss it."""
    made_by(revision, register_url)
    with Register.open(register_url) as register, register.write() as connection:
        tables = sa.MetaData()
        tables.reflect(connection, only=["events"])
        events = tables.tables["events"]
        columns = [column for column in events.columns if column.name not in ("id", "seq", "payload_sha256")]
        copied = sa.select(sa.literal(5), sa.literal(b"digest 5"), *columns).where(events.c.seq == 4)
        names = ["seq", "payload_sha256", *(column.name for column in columns)]
        connection.execute(sa.delete(events).where(events.c.seq == 3))
        connection.execute(sa.insert(events).from_select(names, copied))
        assert connection.scalar(sa.select(events.c.id).where(events.c.seq == 5)) == 4
