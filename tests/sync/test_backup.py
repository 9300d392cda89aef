"""A backup of the register: whole, of one moment, whatever is written meanwhile; a failed one leaves the older."""

import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.register import Register, RegisterError
from sync.register.arrivals import Outcome, add_events
from sync.register.backup import back_up
from sync.register.events import all_heads, count_events, last_id
from sync.register.schema import events
from tests.sync.samples import arrival

BATCH = 5


@pytest.fixture
def centre(sqlite_url: str) -> Iterator[Register]:
    with Register.open(sqlite_url) as opened:
        yield opened


@contextmanager
def punches_coming_in(register: Register, acknowledged: list[int]) -> Iterator[threading.Event]:
    """Have batches stored, one after the other, meanwhile; `acknowledged` grows by the last seq of each."""
    stop, many = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def storing() -> None:
        try:
            while not stop.is_set():
                start = acknowledged[-1] + 1 if acknowledged else 1
                add_events(register, [arrival(seq) for seq in range(start, start + BATCH)])
                acknowledged.append(start + BATCH - 1)
                if len(acknowledged) > 20:
                    many.set()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)
            many.set()

    thread = threading.Thread(target=storing)
    thread.start()
    try:
        assert many.wait(60)
        yield many
    finally:
        stop.set()
        thread.join(60)
    assert failures == []


def seqs_in(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [seq for (seq,) in raw.execute("SELECT seq FROM events ORDER BY id")]


@pytest.mark.slow
def test_a19_a_backup_under_load_has_everything_acknowledged_before_and_whole_batches(
    centre: Register, tmp_path: Path
) -> None:
    acknowledged: list[int] = []
    target = tmp_path / "backups" / "register.sqlite"
    with punches_coming_in(centre, acknowledged):
        for _ in range(10):
            before = acknowledged[-1]
            made = back_up(centre, target)
            batches_meanwhile = len(acknowledged)
            found = seqs_in(target)
            assert found == list(range(1, len(found) + 1))
            assert before <= len(found) <= BATCH * (batches_meanwhile + 1)
            assert len(found) % BATCH == 0
            assert (made.events, made.last_id, made.size_bytes) == (len(found), len(found), target.stat().st_size)
    assert [each.name for each in target.parent.iterdir()] == ["register.sqlite"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a19_control_a_copy_of_the_file_alone_lacks_what_was_acknowledged(centre: Register, tmp_path: Path) -> None:
    add_events(centre, [arrival(1)])
    assert centre.file is not None
    shutil.copy(centre.file, tmp_path / "copy.sqlite")
    try:
        copied = seqs_in(tmp_path / "copy.sqlite")
    except sqlite3.DatabaseError:
        copied = []
    assert copied != [1]
    back_up(centre, tmp_path / "backup.sqlite")
    assert seqs_in(tmp_path / "backup.sqlite") == [1]


def test_a_restored_backup_goes_on_where_it_was(centre: Register, tmp_path: Path) -> None:
    add_events(centre, [arrival(seq) for seq in (1, 2, 5)])
    back_up(centre, tmp_path / "backup.sqlite")
    add_events(centre, [arrival(3), arrival(6)])
    with Register.open(f"sqlite:///{tmp_path / 'backup.sqlite'}") as restored:
        assert [(each.upto, each.highest) for each in all_heads(restored)] == [(2, 5)]
        again = add_events(restored, [arrival(seq) for seq in range(1, 7)])
        assert again.outcomes.count(Outcome.STORED) == 3
        assert [(each.upto, each.highest) for each in all_heads(restored)] == [(6, 6)]
        assert count_events(restored) == 6
        assert last_id(restored) >= 6


def test_a_long_reader_and_a_backup_do_not_disturb_each_other(centre: Register, tmp_path: Path) -> None:
    add_events(centre, [arrival(1)])
    with centre.read() as reader:
        assert reader.scalar(sa.select(sa.func.count()).select_from(events)) == 1
        add_events(centre, [arrival(2)])
        assert back_up(centre, tmp_path / "backup.sqlite").events == 2
        assert reader.scalar(sa.select(sa.func.count()).select_from(events)) == 1


def test_a_damaged_register_does_not_replace_the_backup_of_a_whole_one(sqlite_url: str, tmp_path: Path) -> None:
    target = tmp_path / "backup.sqlite"
    with Register.open(sqlite_url) as centre:
        add_events(centre, [arrival(seq) for seq in range(1, 400)])
        back_up(centre, target)
        assert centre.file is not None
        file = centre.file
    before = target.read_bytes()
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(b"\xff" * 8192)
    with Register.open(sqlite_url) as centre, pytest.raises(RegisterError, match=r"damaged|malformed"):
        back_up(centre, target)
    assert target.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup.sqlite", "centre"]


def test_no_database_that_is_in_use_is_written_over(centre: Register, tmp_path: Path) -> None:
    add_events(centre, [arrival(1)])
    assert centre.file is not None
    link = tmp_path / "link.sqlite"
    link.symlink_to(centre.file)
    for itself in (centre.file, link):
        with pytest.raises(RegisterError, match="the register itself"):
            back_up(centre, itself)
    with (
        Register.open(f"sqlite:///{tmp_path / 'other.sqlite'}"),
        pytest.raises(RegisterError, match="a database in use"),
    ):
        back_up(centre, tmp_path / "other.sqlite")
    with pytest.raises(RegisterError, match="is a folder"):
        back_up(centre, tmp_path)
    (tmp_path / "letter").write_text("x")
    with pytest.raises(RegisterError, match="cannot be written"):
        back_up(centre, tmp_path / "letter" / "backup.sqlite")
    assert count_events(centre) == 1


def test_a_postgresql_register_is_left_to_its_own_tool(postgres_url: str, tmp_path: Path) -> None:
    with Register.open(postgres_url) as centre, pytest.raises(RegisterError, match="pg_dump") as refused:
        back_up(centre, tmp_path / "backup")
    assert "hadir:" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
