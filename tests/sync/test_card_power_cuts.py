"""A2 and A3: the power is cut while the kiosk's card is written, on a made disk and on a real ext4."""

import os
import random
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from errors import HadirError
from sync.messages import AttendanceEvent
from terminal import store
from tests.sync import faults
from tests.sync.crash_vfs import CARD, Connection, CutVfs, Disk
from tests.sync.ext4_cuts import PACE, cut, disk_to_cut, mounted, puncher

SEEDS, NIGHTLY_SEEDS = range(250), range(1000)
_OPERATIONS = 40
"""A cut comes within so many, from a commit on or from the beginning of a checkpoint on."""
_CUT_AGAIN = 0.3  # how often the power goes once more while the cut before is being recovered from


@pytest.fixture(scope="module")
def vfs() -> Iterator[CutVfs]:
    made = CutVfs()
    yield made
    made.unregister()


@pytest.fixture(scope="module")
def new_card(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a card as the real store makes it, before the first punch."""
    folder = tmp_path_factory.mktemp("new-card")
    store.open_card(folder).close()
    return {CARD: (folder / store.FILE).read_bytes()}


def lived(vfs: CutVfs, disk: Disk, chance: random.Random, *, commits: int, safe: bool) -> list[AttendanceEvent]:
    """Return what was thanked for before the power went, which it did soon after so many commits."""
    vfs.disk = disk
    thanked: list[AttendanceEvent] = []
    if not commits:
        disk.cut_at = chance.randint(1, _OPERATIONS)
    with suppress(HadirError, sqlite3.Error), ExitStack() as held:
        connection = Connection()
        held.callback(connection.drop)
        outbox = faults.outbox_on(connection)
        if not safe:
            connection.execute("PRAGMA synchronous=NORMAL")
        while True:
            if len(thanked) == commits and disk.cut_at is None:
                if chance.random() < 0.5:
                    disk.cut_at = disk.operations + chance.randint(1, _OPERATIONS)
                else:
                    disk.cut_checkpoint = chance.randint(1, _OPERATIONS)
            thanked.append(faults.record(outbox, outbox.last_seq() + 1))
    assert disk.dead, "something else than a power cut ended it"
    return thanked


def found_after_cuts(vfs: CutVfs, new_card: dict[str, bytes], seed: int, *, safe: bool = True) -> list[str]:
    """Return what is wrong with the card of this seed after its cuts."""
    chance = random.Random(seed)
    disk, cuts = Disk(new_card), 0
    thanked: list[AttendanceEvent] = []
    while not cuts or chance.random() < _CUT_AGAIN:
        thanked += lived(vfs, disk, chance, commits=0 if cuts else chance.randint(5, 120), safe=safe)
        disk = disk.after_cut(chance)
        cuts += 1
    return found_on(vfs, disk, thanked, cuts=cuts)


def found_on(vfs: CutVfs, disk: Disk, thanked: list[AttendanceEvent], *, cuts: int = 1) -> list[str]:
    """Return what is wrong with a card that was cut off; one with which nothing is wrong can be used again."""
    vfs.disk = disk
    try:
        with Connection() as connection:
            found = faults.problems(connection, thanked, cuts=cuts)
            if not found:
                outbox = faults.outbox_on(connection)
                faults.record(outbox, outbox.last_seq() + 1)
    except sqlite3.DatabaseError as error:
        return [f"corrupt: {error}"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [SEEDS, pytest.param(NIGHTLY_SEEDS, marks=pytest.mark.nightly)], ids=str)
def test_a2_a_power_cut_at_any_write_loses_nothing_that_was_thanked_for(
    vfs: CutVfs, new_card: dict[str, bytes], seeds: range
) -> None:
    wrong = {seed: found for seed in seeds if (found := found_after_cuts(vfs, new_card, seed))}
    assert wrong == {}, "by seed"


def test_a2_control_with_synchronous_normal_the_same_cuts_lose_punches(vfs: CutVfs, new_card: dict[str, bytes]) -> None:
    found = [said for seed in SEEDS[:20] for said in found_after_cuts(vfs, new_card, seed, safe=False)]
    assert [said for said in found if said.startswith("lost")]


def found_after_failed_sync(vfs: CutVfs, new_card: dict[str, bytes], seed: int, *, lies: bool) -> list[str]:
    """Return what is wrong after a sync failed, whoever used the card ended or never knew, and the power went."""
    chance = random.Random(seed)
    vfs.disk = disk = Disk(new_card)
    disk.lies = lies
    thanked: list[AttendanceEvent] = []
    with ExitStack() as held:
        connection = Connection()
        held.callback(connection.drop)
        outbox = faults.outbox_on(connection)
        # The card's own checkpoints tell nobody that a sync of theirs failed; they begin again at the next commit.
        in_checkpoint = chance.random() < 0.5
        disk.failing = CARD if in_checkpoint else None
        disk.syncs_until_failure = 1 if in_checkpoint else chance.randint(1, 60)
        with suppress(HadirError):
            while disk.syncs_until_failure > -chance.randint(0, 30):
                thanked.append(faults.record(outbox, outbox.last_seq() + 1))
        disk.dead = True
    return found_on(vfs, disk.after_cut(chance), thanked)


def test_a4_what_a_failed_sync_lost_for_good_was_not_thanked_for(vfs: CutVfs, new_card: dict[str, bytes]) -> None:
    wrong = {seed: found for seed in range(60) if (found := found_after_failed_sync(vfs, new_card, seed, lies=False))}
    assert wrong == {}, "by seed"


def test_a4_control_a_disk_that_says_nothing_of_it_loses_punches(vfs: CutVfs, new_card: dict[str, bytes]) -> None:
    found = [said for seed in range(20) for said in found_after_failed_sync(vfs, new_card, seed, lies=True)]
    assert [said for said in found if said.startswith("lost")]
    assert [said for said in found if said.startswith("corrupt")], "when it was a checkpoint's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One power cut of a real disk: what was thanked for before it, and what its copy holds."""

    thanked: int
    kept: list[tuple[int, bytes]]
    whole: bool


@pytest.fixture
def card_disk(tmp_path: Path, program: Callable[[str], str]) -> Iterator[tuple[Path, Path]]:
    """A folder on a real ext4, and the image whose copy is that ext4 after a power cut."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    made = disk_to_cut(tmp_path, mkfs_btrfs=program("mkfs.btrfs"), mkfs_ext4=program("mkfs.ext4"))
    with ExitStack() as held:
        try:
            disk = held.enter_context(made)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine mounts no images: {error.stderr.decode().strip()}")
        yield disk


def cuts_of(card_disk: tuple[Path, Path], folder: Path, times: int, *, safe: bool, checkpoints: bool) -> list[Cut]:
    """Return so many cuts while a process punched; each card was opened by the real store after its disk was mounted.

    Whatever a card holds is byte for byte what the process wrote under that seq.
    """
    card, image = card_disk
    found = []
    with puncher(card, safe=safe, checkpoints=checkpoints) as punching:
        for number in range(times):
            # The control stands still for its cut: it is so fast that most of its time goes into its few syncs.
            thanked = punching.hear(at_least=punching.thanked + PACE)
            copy = cut(image, number)
            if not safe:
                punching.go_on()
            with mounted(copy, folder / f"cut-{number}") as after, closing(store.open_card(after)) as connection:
                checked = connection.execute("PRAGMA integrity_check").fetchall()
                whole = checked == [("ok",)] and store.alarms(connection) == ()
                found.append(Cut(thanked=thanked, kept=faults.rows(connection), whole=whole))
            copy.unlink()
    with closing(store.open_card(card)) as connection:
        written = faults.rows(connection)
    assert [each.kept for each in found] == [written[: len(each.kept)] for each in found]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("checkpoints", [False, True])
@pytest.mark.parametrize("cuts", [6, pytest.param(25, marks=pytest.mark.nightly)])
def test_a3_a_real_power_cut_loses_nothing_that_was_thanked_for(
    card_disk: tuple[Path, Path], tmp_path: Path, cuts: int, checkpoints: bool
) -> None:
    found = cuts_of(card_disk, tmp_path, cuts, safe=True, checkpoints=checkpoints)
    assert all(each.whole for each in found)
    assert [each for each in found if len(each.kept) < each.thanked] == []


@pytest.mark.slow
def test_a3_control_with_synchronous_normal_real_cuts_lose_punches(
    card_disk: tuple[Path, Path], tmp_path: Path
) -> None:
    found = cuts_of(card_disk, tmp_path, 4, safe=False, checkpoints=False)
    assert [each for each in found if len(each.kept) < each.thanked]
