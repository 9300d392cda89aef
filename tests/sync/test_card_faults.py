"""A4 and A5: the kiosk's card answers with errors or is full, and the screen thanks for exactly what is on it."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from terminal import storage, store
from tests.sync import faults
from tests.sync.ext4_cuts import mounted, new_image
from tests.sync.faulty_kiosk import FaultyKiosk, faulty_kiosk

pytestmark = pytest.mark.slow

WRITES, SYNCS = "posix/io/rw/pwrite", ("posix/io/sync/fsync", "posix/io/sync/fdatasync")
READS = "posix/io/rw/pread"
NOT_RECORDED = "Belum tercatat"
TRY_AGAIN = "Silakan coba lagi"


@pytest.fixture(autouse=True)
def _a_new_process(program: Callable[[str], str]) -> None:
    program("fiu-run")
    store._checked.clear()
    store._broken.clear()


def kept(folder: Path) -> int:
    """Return how many punches the card holds, which is whole and was never set aside."""
    store._checked.clear()
    store._broken.clear()
    with closing(store.open_card(folder)) as connection:
        assert store.alarms(connection) == ()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = faults.rows(connection)
        punches = connection.execute("SELECT count(*) FROM outbox WHERE employee <> ''").fetchone()[0]
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    return int(punches)


def states(kiosk: FaultyKiosk, times: int) -> list[str]:
    """Return the screens of so many people, until the process has ended; a refusal says so in words."""
    found = []
    for _ in range(times):
        answer = kiosk.punch()
        if "state" not in answer:
            break
        if answer["state"] == "NotRecorded":
            assert NOT_RECORDED in answer["screen"]
            assert TRY_AGAIN in answer["screen"]
        found.append(answer["state"])
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a4_a_disk_that_often_has_no_space_thanks_for_what_it_keeps_and_needs_no_restart(
    tmp_path: Path, seed: int
) -> None:
    with faulty_kiosk(tmp_path, seed=seed) as kiosk:
        assert states(kiosk, 5) == ["Recorded"] * 5
        kiosk.fail(WRITES, errno.ENOSPC, 0.05)
        found = states(kiosk, 150)
        assert {*found} == {"Recorded", "NotRecorded"}
        assert len(found) == 150, "it goes on"
        kiosk.calm()
        assert states(kiosk, 1) == ["Recorded"]
        kiosk.kill()
    assert kept(tmp_path) == kiosk.thanked


def test_a4_a_sync_that_failed_ends_the_process_and_the_next_one_has_all_that_was_thanked_for(tmp_path: Path) -> None:
    thanked, failures = 0, 0
    for life in range(3):
        with faulty_kiosk(tmp_path, seed=life) as kiosk:
            for point in SYNCS:
                kiosk.fail(point, errno.EIO, 0.05)
            found = states(kiosk, 200)
            assert {*found[found.index("NotRecorded") :]} == {"NotRecorded"}, "nothing more is thanked for"
            failures += 1
            assert kiosk.refuses_to_go_on() == 1
            thanked += kiosk.thanked
        # A commit whose sync failed may be there all the same: one in each life, and its owner was told to try again.
        assert thanked <= kept(tmp_path) <= thanked + failures


def test_a4_faults_while_a_killed_kiosk_recovers_lose_nothing(tmp_path: Path) -> None:
    thanked, refused, opened = 0, 0, 0
    points = [(WRITES, errno.ENOSPC), (READS, errno.EIO), *((sync, errno.EIO) for sync in SYNCS)]
    for life in range(2):
        with faulty_kiosk(tmp_path, seed=life) as kiosk:
            assert "Recorded" in states(kiosk, 30)
            kiosk.kill()
            thanked += kiosk.thanked
        assert (tmp_path / (store.FILE + "-wal")).stat().st_size > 0, "there is something to recover"
        for attempt, probability in enumerate([0.1, 0.01, 0.003]):
            everything = tuple(f"{point}:{error}:{probability}" for point, error in points)
            with faulty_kiosk(tmp_path, faults=everything, seed=100 * life + attempt) as kiosk:
                found = states(kiosk, 20)
                refused += "Recorded" not in found
                opened += "Recorded" in found
                kiosk.kill()
                thanked += kiosk.thanked
    print(f"{refused} recoveries failed, {opened} did not")
    assert refused
    assert thanked <= kept(tmp_path) <= thanked + 2 * 3


# --- A5 -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path, program: Callable[[str], str]) -> Iterator[Path]:
    """The folder of a mounted ext4 of 3 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    image = new_image(tmp_path / "card.img", program("mkfs.ext4"), 3)
    try:
        with mounted(image, tmp_path / "card") as card:
            yield card
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine mounts no images: {error.stderr.decode().strip()}")


def filled(path: Path, percent: float = 100) -> Path:
    """Return `path`, a file that takes what is left of its disk, or so much that the disk is that full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while percent == 100 or storage.level(path.parent).percent < percent:
            file.write(bytes(1024))
    return path


def given_to_lose(card: Path) -> None:
    """Six pictures and ten logs of 20 kB lie on the card, about one percent each; number 0 is the oldest."""
    for folder, pieces in ((storage.EVIDENCE, 6), (storage.LOGS, 10)):
        (card / folder).mkdir()
        for number in range(pieces):
            path = card / folder / str(number)
            path.write_bytes(bytes([number]) * 20_000)
            os.utime(path, (number, number))


def left_of(card: Path, folder: str) -> list[int]:
    return sorted(int(path.name) for path in (card / folder).iterdir())


def test_a5_a_card_that_fills_loses_pictures_then_logs_and_never_an_event(small_disk: Path) -> None:
    given_to_lose(small_disk)
    with faulty_kiosk(small_disk) as kiosk:
        assert states(kiosk, 20) == ["Recorded"] * 20
        filled(small_disk / "a", 82)
        assert kiosk.say("look")["alarms"] == ["storage_80"]
        pictures = left_of(small_disk, storage.EVIDENCE)
        assert pictures == list(range(6 - len(pictures), 6)), "the oldest are gone"
        assert 0 < len(pictures) < 6
        assert len(left_of(small_disk, storage.LOGS)) == 10
        filled(small_disk / "b", 89)
        assert kiosk.say("look")["alarms"] == ["storage_80"]
        logs = left_of(small_disk, storage.LOGS)
        assert left_of(small_disk, storage.EVIDENCE) == []
        assert logs == list(range(10 - len(logs), 10))
        assert 0 < len(logs) < 10
        filled(small_disk / "c", 95)
        assert kiosk.say("look")["alarms"] == ["storage_90"]
        assert left_of(small_disk, storage.LOGS) == []
        assert states(kiosk, 8) == ["Recorded"] * 8
        kiosk.kill()
    assert kept(small_disk) == kiosk.thanked == 28


def test_a5_at_no_space_at_all_a_punch_is_refused_and_a_freed_megabyte_brings_it_back(small_disk: Path) -> None:
    with faulty_kiosk(small_disk) as kiosk:
        assert states(kiosk, 1) == ["Recorded"]
        filled(small_disk / "a", 40)
        filler = filled(small_disk / "b")
        assert os.statvfs(small_disk).f_bavail == 0
        found = states(kiosk, 200)
        assert "NotRecorded" in found
        assert kiosk.punch()["alarms"] == ["storage_90"]
        assert filler.stat().st_size > 1_000_000
        os.truncate(filler, filler.stat().st_size - 1_000_000)
        assert states(kiosk, 50) == ["Recorded"] * 50, "without a restart"
        kiosk.kill()
    assert kept(small_disk) == kiosk.thanked


def test_a5_a_refused_punch_gives_up_pictures_at_once_and_the_next_one_is_recorded(small_disk: Path) -> None:
    with faulty_kiosk(small_disk) as kiosk:
        assert states(kiosk, 1) == ["Recorded"]
        given_to_lose(small_disk)
        filled(small_disk / "a")
        found = states(kiosk, 12)
        assert found.count("NotRecorded") == 1
        assert left_of(small_disk, storage.EVIDENCE) == []
        kiosk.kill()
    assert kept(small_disk) == kiosk.thanked == 12


@pytest.mark.parametrize("pictures", [True, False])
def test_a5_a_kiosk_starts_on_a_full_card_if_it_has_something_to_give_up(small_disk: Path, pictures: bool) -> None:
    with faulty_kiosk(small_disk) as kiosk:
        assert states(kiosk, 3) == ["Recorded"] * 3
        kiosk.kill()
    store.open_card(small_disk).close()
    if pictures:
        given_to_lose(small_disk)
    filler = filled(small_disk / "a")
    with faulty_kiosk(small_disk) as kiosk:
        answer = kiosk.punch()
        assert answer.get("state") == ("Recorded" if pictures else None), "and only then"
        assert ("disk is full" in answer.get("ended", "")) != pictures
    filler.unlink()
    assert kept(small_disk) == 3 + pictures
