"""The card: safe settings on every connection, damage set aside, one sentence for everything else."""

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from sync import keys
from sync.messages import ClockQuality
from sync.outbox import Outbox, OutboxFailed
from terminal import store
from terminal.store import CardFailed
from tests.sync.samples import SIGNER
from tests.terminal.made import SEVEN, punch

BOOT = "b" * 32


@pytest.fixture(autouse=True)
def _a_new_process() -> None:
    """Have no card checked yet, as when the kiosk has just started."""
    store._checked.clear()
    store._broken.clear()


def recorded(connection: sqlite3.Connection, times: int = 1) -> Outbox:
    outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
    for _ in range(times):
        outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
    return outbox


def test_a_card_is_made_with_every_table_and_reads_back_its_settings(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path / "new" / "folder")) as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "journal_mode",
                "synchronous",
                "busy_timeout",
                "wal_autocheckpoint",
                "journal_size_limit",
                "foreign_keys",
                "trusted_schema",
                "cell_size_check",
                "secure_delete",
            )
        }
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert store.alarms(connection) == ()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 5000,
        "wal_autocheckpoint": 200,
        "journal_size_limit": 4_194_304,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "secure_delete": 1,
    }
    assert {"outbox", "outbox_epochs", "settings", "alarms"} <= tables
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700


def test_the_next_opening_finds_what_was_recorded(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path)) as connection:
        epoch = recorded(connection, 3).epoch
    store._checked.clear()
    with closing(store.open_card(tmp_path)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        assert (outbox.epoch, outbox.last_seq(), outbox.depth()) == (epoch, 3, 3)


def test_threads_that_open_at_once_share_one_card(tmp_path: Path) -> None:
    begin = threading.Barrier(6)

    def work(_: int) -> str:
        begin.wait(20)
        with closing(store.open_card(tmp_path)) as connection:
            return recorded(connection, 5).epoch

    with ThreadPoolExecutor(6) as pool:
        epochs = list(pool.map(work, range(6)))
    assert len(set(epochs)) == 1
    with closing(store.open_card(tmp_path)) as connection:
        assert Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER).last_seq() == 30


@pytest.mark.parametrize("harm", ["page", "header", "text"])
def test_a_damaged_database_is_set_aside_and_a_new_epoch_begins(tmp_path: Path, harm: str) -> None:
    with closing(store.open_card(tmp_path)) as connection:
        epoch = recorded(connection, 50).epoch
    path = tmp_path / store.FILE
    damaged = bytearray(path.read_bytes())
    match harm:
        case "page":
            damaged[4096 : 4096 * 3] = os.urandom(4096 * 2)
        case "header":
            damaged[:100] = os.urandom(100)
        case "text":
            damaged = bytearray(b"this was never a database\n" * 400)
    path.write_bytes(damaged)
    store._checked.clear()
    with closing(store.open_card(tmp_path)) as connection:
        assert store.alarms(connection) == ("card_damaged",)
        assert recorded(connection).epoch != epoch
    aside = list(tmp_path.glob(f"damaged-*-{store.FILE}"))
    assert len(aside) == 1
    assert aside[0].read_bytes() == bytes(damaged), "what was thanked for is kept for whoever can still read it"
    store._checked.clear()
    with closing(store.open_card(tmp_path)) as connection:
        assert store.alarms(connection) == ("card_damaged",), "the alarm outlives a restart"


@pytest.mark.parametrize("harm", ["cut off", "zeros", "gone"])
def test_a_damaged_key_is_set_aside_and_a_new_one_waits_for_approval(tmp_path: Path, harm: str) -> None:
    with closing(store.open_card(tmp_path)) as connection:
        first = keys.raw(store.own_key(connection, tmp_path).public_key())
        assert store.alarms(connection) == ()
        private = tmp_path / "device.key"
        whole = private.read_bytes()
        match harm:
            case "cut off":
                private.write_bytes(whole[:40])
            case "zeros":
                private.write_bytes(bytes(len(whole)))
            case "gone":
                private.unlink()
        harmed = private.read_bytes() if private.exists() else None
        second = keys.raw(store.own_key(connection, tmp_path).public_key())
        assert second != first
        assert store.alarms(connection) == ("card_damaged",), "never a silent fresh start"
        assert keys.raw(store.own_key(connection, tmp_path).public_key()) == second
    aside = {path.name.rpartition("-")[2]: path.read_bytes() for path in tmp_path.glob("damaged-*-device.*")}
    assert keys.PublicKey.from_public_bytes(first) == keys.load_public(next(tmp_path.glob("damaged-*-device.pub")))
    assert aside.get("device.key") == harmed


def test_c5_a_key_that_lies_on_the_card_is_moved_to_the_folder_of_secrets(tmp_path: Path) -> None:
    card, secrets = tmp_path / "card", tmp_path / "secrets"
    with closing(store.open_card(card)) as connection:
        before = keys.raw(store.own_key(connection, card).public_key())
        for _ in range(2):
            assert keys.raw(store.own_key(connection, card, secrets=secrets).public_key()) == before
            assert (card / "device.key").exists() is False
            assert (secrets / "device.key").stat().st_mode & 0o777 == 0o600
            assert secrets.stat().st_mode & 0o777 == 0o700
            assert keys.raw(keys.load_public(card / "device.pub")) == before, "the card's own punches can be checked"
        assert store.alarms(connection) == ()


def test_c5_a_move_of_the_key_that_was_cut_off_is_ended_at_the_next_start(tmp_path: Path) -> None:
    card, secrets = tmp_path / "card", tmp_path / "secrets"
    with closing(store.open_card(card)) as connection:
        before = store.own_key(connection, card)
        secrets.mkdir(mode=0o700)
        (secrets / "device.key").write_bytes((card / "device.key").read_bytes())
        (secrets / "device.key").chmod(0o600)
        after = store.own_key(connection, card, secrets=secrets)
        assert keys.raw(after.public_key()) == keys.raw(before.public_key())
        assert not (card / "device.key").exists()


@pytest.mark.parametrize("harm", ["cut off", "gone", "all gone"])
def test_c5_secrets_that_were_lost_are_no_silent_fresh_start(tmp_path: Path, harm: str) -> None:
    card, secrets = tmp_path / "card", tmp_path / "secrets"
    with closing(store.open_card(card)) as connection:
        first = keys.raw(store.own_key(connection, card, secrets=secrets).public_key())
        if harm == "cut off":
            (secrets / "device.key").write_bytes(b"-----BEGIN")
        else:
            (secrets / "device.key").unlink()
        if harm == "all gone":
            (secrets / "device.pub").unlink()
        second = keys.raw(store.own_key(connection, card, secrets=secrets).public_key())
        assert second != first
        assert store.alarms(connection) == ("card_damaged",)
        assert keys.raw(keys.load_public(card / "device.pub")) == second


def test_a_card_that_cannot_note_it_keeps_the_damaged_key_where_it_is(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path)) as connection:
        store.own_key(connection, tmp_path)
        (tmp_path / "device.key").write_bytes(b"no key")
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(store.CardFailed):
            store.own_key(connection, tmp_path)
    assert (tmp_path / "device.key").read_bytes() == b"no key"


def test_a_write_ahead_log_left_by_a_kill_is_no_damage(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from terminal import store\n"
        "from tests.terminal.test_store import recorded\n"
        "connection = store.open_card(Path(sys.argv[1])); recorded(connection, 20); os.kill(os.getpid(), 9)\n"
    )
    project = Path(__file__).resolve().parents[2]
    finished = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=project, check=False)
    assert finished.returncode == -9
    with closing(store.open_card(tmp_path)) as connection:
        assert Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER).last_seq() == 20
        assert store.alarms(connection) == ()


def test_a_card_of_a_newer_hadir_is_left_alone(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('card', 'store_99', 'now')"
        )
    store._checked.clear()
    with pytest.raises(CardFailed, match="newer Hadir"):
        store.open_card(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(CardFailed, match=r"not allowed to write here; give the folder"):
        store.open_card(tmp_path / "card")


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "card").write_text("no folder")
    with pytest.raises(CardFailed, match=r"set terminal\.state"):
        store.open_card(tmp_path / "card")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "disk is full"),
        (sqlite3.SQLITE_READONLY, "not allowed to write"),
        (sqlite3.SQLITE_CANTOPEN, "not allowed to write"),
        (sqlite3.SQLITE_BUSY, "another program holds it"),
        (sqlite3.SQLITE_IOERR_FSYNC, "replace the card"),
    ],
)
def test_what_sqlite_says_becomes_advice(tmp_path: Path, code: int, advice: str) -> None:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    with pytest.raises(CardFailed, match=advice), store._failing_clearly(tmp_path):
        raise error


def test_two_kiosks_never_share_a_folder(tmp_path: Path) -> None:
    with store.claim(tmp_path), pytest.raises(CardFailed, match="another kiosk"):
        store.claim(tmp_path)
    store.claim(tmp_path).close()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a5_a_full_disk_refuses_and_space_brings_it_back(tmp_path: Path) -> None:
    from sync.outbox import OutboxFailed

    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        with closing(store.open_card(folder)) as connection:
            outbox = recorded(connection)
            filler = folder / "filler"
            with filler.open("wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 1024):
                        pass
                except OSError:
                    pass
            thanked, refused = 1, 0
            for _ in range(300):
                try:
                    outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
                    thanked += 1
                except OutboxFailed:
                    refused += 1
            assert refused > 0
            assert outbox.last_seq() == thanked
            filler.unlink()
            outbox.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
            assert outbox.last_seq() == outbox.depth() == thanked + 1
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_file_that_breaks_while_in_use_is_used_no_more_by_any_thread(tmp_path: Path) -> None:
    with closing(store.open_card(tmp_path)) as connection, closing(store.open_card(tmp_path)) as other:
        outbox = recorded(connection, 300)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert store.broken(tmp_path) is None
        size = (tmp_path / store.FILE).stat().st_size
        with (tmp_path / store.FILE).open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        connection.execute("PRAGMA shrink_memory").fetchall()
        with pytest.raises(OutboxFailed):
            outbox.punches("1001", since=punch().occurred_at)
        assert "malformed" in (store.broken(tmp_path) or "")
        with pytest.raises(sqlite3.OperationalError, match="used no more until the kiosk starts again"):
            other.execute("BEGIN IMMEDIATE")
    store._checked.clear()
    store._broken.clear()
    with closing(store.open_card(tmp_path)) as connection:
        assert store.alarms(connection) == ("card_damaged",)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_failing_or_read_only_disk_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(store.CardFailing, match=os.strerror(number)):
        store.claim(tmp_path)


def test_a_card_that_another_kiosk_has_is_not(tmp_path: Path) -> None:
    with store.claim(tmp_path), pytest.raises(CardFailed, match="another kiosk") as found:
        store.claim(tmp_path)
    assert not isinstance(found.value, store.CardFailing)
