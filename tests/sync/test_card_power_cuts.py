"""A2 and A3: the power is cut while the kiosk's card is written, on a made disk and on a real ext4."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from errors import HadirError
from sync.messages import AttendanceEvent
from terminal import store
from tests.sync import faults
from tests.sync.crash_vfs import CARD, Connection, CutVfs, Disk

SEEDS = range(1000)
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
    """Return what is wrong with the card of this seed after its cuts, and that it can be used again."""
    chance = random.Random(seed)
    disk, cuts = Disk(new_card), 0
    thanked: list[AttendanceEvent] = []
    while not cuts or chance.random() < _CUT_AGAIN:
        thanked += lived(vfs, disk, chance, commits=0 if cuts else chance.randint(5, 120), safe=safe)
        disk = disk.after_cut(chance)
        cuts += 1
    vfs.disk = disk
    with Connection() as connection:
        found = faults.problems(connection, thanked, cuts=cuts)
        if not found:
            outbox = faults.outbox_on(connection)
            faults.record(outbox, outbox.last_seq() + 1)
    return found


@pytest.mark.slow
def test_a2_a_power_cut_at_any_write_loses_nothing_that_was_thanked_for(
    vfs: CutVfs, new_card: dict[str, bytes]
) -> None:
    wrong = {seed: found for seed in SEEDS if (found := found_after_cuts(vfs, new_card, seed))}
    assert wrong == {}, "by seed"


def test_a2_control_with_synchronous_normal_the_same_cuts_lose_punches(vfs: CutVfs, new_card: dict[str, bytes]) -> None:
    found = [said for seed in SEEDS[:20] for said in found_after_cuts(vfs, new_card, seed, safe=False)]
    assert [said for said in found if said.startswith("lost")]
