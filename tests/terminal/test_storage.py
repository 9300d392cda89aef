"""How full the card is: which alarm stands, and what is given up, oldest first and never an event."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from sync.outbox import Outbox, OutboxFailed
from terminal import app, storage
from terminal.storage import Piece, Storage, StorageLevel, alarm_level, given_up
from tests.terminal.made import Kit


def at(percent: float, total: int = 1000) -> StorageLevel:
    return StorageLevel(used=round(total * percent / 100), total=total)


def pieces(folder: str, *sizes: int) -> list[Piece]:
    """Return files of these sizes, the first the oldest."""
    return [Piece(path=Path(folder, f"{n}"), size=size, changed_ns=n) for n, size in enumerate(sizes)]


# --- decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "before", "expected"),
    [
        (10, 0, 0),
        (49.9, 0, 0),
        (50, 0, 50),
        (80, 0, 80),
        (90, 0, 90),
        (100, 0, 90),
        (48, 50, 50),
        (46.9, 50, 0),
        (79, 80, 80),
        (76, 80, 50),
        (88, 90, 90),
        (86, 90, 80),
        (40, 90, 0),
        (49, 0, 0),
        (78, 50, 50),
    ],
)
def test_one_alarm_stands_the_highest_and_falls_only_well_below_its_level(
    percent: float, before: int, expected: int
) -> None:
    assert alarm_level(at(percent), before) == expected


def test_a_level_around_a_threshold_is_one_alarm_and_no_flapping() -> None:
    reached, changes = 0, 0
    for percent in [79.5, 80.1, 79.9, 80.0, 78.2, 80.3] * 20:
        found = alarm_level(at(percent), reached)
        changes += found != reached
        reached = found
    assert (reached, changes) == (80, 2), "from 0 over 50 to 80, and no more"


def test_below_eighty_nothing_is_given_up() -> None:
    assert given_up(at(79.9), evidence=pieces("e", 100, 100), logs=pieces("l", 100)) == ()


def test_from_eighty_on_the_oldest_pictures_go_first_and_only_as_many_as_it_takes() -> None:
    evidence = pieces("e", 20, 20, 20, 20)
    assert given_up(at(83), evidence=list(reversed(evidence)), logs=pieces("l", 500)) == tuple(evidence[:2])


def test_logs_go_when_the_pictures_were_not_enough() -> None:
    evidence, logs = pieces("e", 10, 10), pieces("l", 10, 10, 10)
    assert given_up(at(84), evidence=evidence, logs=logs) == (*evidence, *logs)
    assert given_up(at(83), evidence=evidence, logs=logs) == (*evidence, *logs[:2])


def test_from_ninety_on_all_of_both_goes() -> None:
    evidence, logs = pieces("e", 500, 10), pieces("l", 10)
    assert given_up(at(90), evidence=evidence, logs=logs) == (*evidence, *logs)


# --- the folder -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A kiosk's folder with everything in it that may lie there, each file 4 kB and the older the lower its number."""
    state = tmp_path / "terminal"
    for number, name in enumerate([
        "card.sqlite", "card.sqlite-wal", "card.sqlite-shm", "current.hset", "device.key", "kiosk.lock",
        "damaged-20260302T000000Z-card.sqlite", "evidence/2026-03-01/0.jpg", "evidence/2026-03-02/1.jpg",
        "evidence/2.jpg", "logs/debug.1", "logs/debug",
    ]):  # fmt: skip
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number + 1]) * 4096)
        os.utime(path, ns=(number, number))
    return state


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How full the disk is said to be, in percent: its first value, and the next after each look."""
    said: list[float] = []
    monkeypatch.setattr(
        storage, "level", lambda *_, **__: at(said.pop(0) if len(said) > 1 else said[0], total=100_000_000)
    )
    return said


def test_a_full_card_gives_up_pictures_and_logs_and_nothing_else(folder: Path, disk: list[float]) -> None:
    disk[:] = [99.0, 98.0]
    kept = [name for name in left(folder) if not name.startswith(("evidence", "logs"))]
    storage.make_room(folder)
    assert left(folder) == kept
    assert all((folder / name).stat().st_size == 4096 for name in kept)


def test_a_link_is_deleted_and_what_it_leads_to_is_not(folder: Path, tmp_path: Path, disk: list[float]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept")
    (folder / "evidence/link").symlink_to(folder / "card.sqlite")
    (folder / "evidence/folder").symlink_to(elsewhere)
    disk[:] = [99.0]
    storage.make_room(folder)
    assert (folder / "card.sqlite").stat().st_size == 4096
    assert (elsewhere / "precious").read_text() == "kept"
    assert not (folder / "evidence/link").is_symlink()


def test_an_evidence_folder_that_is_a_link_is_left_alone(folder: Path, tmp_path: Path, disk: list[float]) -> None:
    (folder / "evidence").rename(tmp_path / "pictures")
    (folder / "evidence").symlink_to(tmp_path / "pictures")
    disk[:] = [99.0]
    storage.make_room(folder)
    assert len(left(tmp_path / "pictures")) == 3


def test_a_log_that_is_still_open_gives_its_room_back(folder: Path, disk: list[float]) -> None:
    disk[:] = [99.0]
    with (folder / "logs/debug").open("ab") as writer:
        storage.make_room(folder)
        assert os.fstat(writer.fileno()).st_blocks == 0


def test_folders_that_are_not_there_are_no_trouble(tmp_path: Path, disk: list[float]) -> None:
    disk[:] = [99.0]
    storage.make_room(tmp_path)
    assert left(tmp_path) == []


def test_the_disk_counts_as_df_does(tmp_path: Path) -> None:
    found, disk = storage.level(tmp_path), os.statvfs(tmp_path)
    assert found.total - found.used == pytest.approx(disk.f_bavail * disk.f_frsize, abs=50_000_000)
    assert 0 < found.percent <= 100


def test_with_a_quota_the_folders_own_files_count(folder: Path) -> None:
    own = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    assert storage.level(folder, quota_mb=1) == StorageLevel(used=own, total=1_000_000)
    assert storage.level(folder, quota_mb=10**9).total < 10**15, "no more than the disk has left"


# --- the thread -----------------------------------------------------------------------------------------------------


def test_the_alarm_is_that_of_the_last_look_and_is_said_once(
    folder: Path, disk: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    kept = Storage(folder)
    assert kept.alarms() == ()
    for percents, expected in [
        ([10], ()),
        ([55], ("storage_50",)),
        ([56], ("storage_50",)),
        ([81, 79], ("storage_80",)),
        ([95], ("storage_90",)),
        ([30], ()),
    ]:
        disk[:] = percents
        kept.look()
        assert kept.alarms() == expected, percents
    assert caplog.text.count("alarm level 50, before 0") == 1


def test_a_disk_that_cannot_be_asked_is_said_once_and_changes_nothing(
    folder: Path, disk: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Storage(folder)
    disk[:] = [95.0]
    kept.look()
    alarms = kept.alarms()
    assert alarms == ("storage_90",)

    def failing(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage, "level", failing)
    kept.look()
    kept.look()
    assert kept.alarms() == alarms
    assert caplog.text.count("cannot be told") == 1


def test_it_looks_at_once_when_woken_and_ends_when_told(folder: Path, disk: list[float]) -> None:
    disk[:] = [10.0]
    kept, stop = Storage(folder), threading.Event()
    thread = threading.Thread(target=kept.run, args=(stop,), daemon=True)
    thread.start()
    disk[:] = [95.0]
    kept.wake()
    began_s = time.monotonic()
    while kept.alarms() != ("storage_90",) and time.monotonic() < began_s + 20:
        stop.wait(0.02)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert kept.alarms() == ("storage_90",)


# --- the kiosk ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_punch_that_is_refused_has_the_kiosk_make_room_at_once(
    kit: Kit, disk: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk[:] = [10.0]
    stop, deadline_s = threading.Event(), time.monotonic() + 30
    picture = kit.card / "evidence" / "1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"x")

    def refuse(*_: object, **__: object) -> None:
        disk[:] = [95.0]
        raise OutboxFailed("database or disk is full")

    def watch() -> None:
        while picture.exists() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        stop.set()

    monkeypatch.setattr(Outbox, "record", refuse)
    kit.camera.show(1)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    app.run(kit.settings, stop=stop, camera=kit.camera.open, engine=kit.engine)
    watcher.join(20)
    assert not picture.exists()
