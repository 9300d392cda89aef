"""A damaged card gives the fresh one every punch that can still be read of it, and they reach the centre once.

Which those are is told by the bytes alone: an entry that stands whole in the damaged files must be saved.
"""

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from sync import chain, keys
from sync.messages import ClockQuality, Entry
from sync.outbox import Outbox
from sync.outbox.salvage import _ENTRY, salvage
from terminal import store
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack, open_card, punch
from tests.sync.way import signer_of
from tests.sync.world import CARD, Files, World

PAGE = 4096
CLOCK = ClockQuality.SYNCED
VERIFY = keys.verifier([SIGNER.public])


def made_card(folder: Path, *, rows: int, acknowledged: int, wal: bool) -> tuple[list[bytes], Files]:
    """Return every entry of a card and its files, with the newest of them in the log beside it or not."""
    folder.mkdir()
    with closing(open_card(folder)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        for number in range(rows):
            outbox.record(punch(str(number)), clock=CLOCK, boot_id=BOOT, boottime_ns=number, recorded_at=SEVEN)
            if number == rows // 2 and wal:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if acknowledged:
            outbox.acknowledge(ack(outbox, acknowledged))
        if not wal:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        payloads = [payload for (payload,) in connection.execute("SELECT payload FROM outbox ORDER BY seq")]
        files = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}
    return payloads, files


def zeroed_pages(rng: random.Random, files: Files) -> None:
    content = bytearray(files[CARD])
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content) // PAGE) * PAGE
        content[at : at + PAGE] = bytes(PAGE)
    files[CARD] = bytes(content)


def noise(rng: random.Random, files: Files) -> None:
    content = bytearray(files[CARD])
    for _ in range(rng.randint(1, 5)):
        at, size = rng.randrange(len(content)), rng.randint(1, 9000)
        content[at : at + size] = rng.randbytes(min(size, len(content) - at))
    files[CARD] = bytes(content)


def cut_off(rng: random.Random, files: Files) -> None:
    files[CARD] = files[CARD][: rng.randrange(len(files[CARD]))]


def torn_header(rng: random.Random, files: Files) -> None:
    files[CARD] = rng.randbytes(512) + files[CARD][512:]


def torn_log(rng: random.Random, files: Files) -> None:
    if files.get(CARD + "-wal"):
        content = bytearray(files[CARD + "-wal"])
        at = rng.randrange(len(content))
        content[at : at + 512] = rng.randbytes(min(512, len(content) - at))
        files[CARD + "-wal"] = bytes(content)
    else:
        cut_off(rng, files)


HARMS = [zeroed_pages, noise, cut_off, torn_header, torn_log]


@pytest.mark.parametrize("wal", [False, True], ids=["all in the file", "half in the log"])
@pytest.mark.parametrize("harm", HARMS)
def test_every_entry_that_stands_whole_in_a_damaged_card_is_saved(
    harm: Callable[[random.Random, Files], None], wal: bool, tmp_path: Path
) -> None:
    payloads, whole = made_card(tmp_path / "old", rows=90, acknowledged=30, wal=wal)
    saved_of_waiting = waiting = 0
    for seed in range(8):
        print(f"seed {seed}")
        files = dict(whole)
        harm(random.Random(seed), files)
        damaged = written(tmp_path / f"damaged-{seed}", files)
        with closing(open_fresh(tmp_path / f"fresh-{seed}")) as fresh:
            count = salvage(fresh, damaged, verify=VERIFY)
            rows = fresh.execute("SELECT seq, payload FROM outbox WHERE acknowledged_us IS NULL").fetchall()
            assert [closed for (closed,) in fresh.execute("SELECT closed FROM outbox_epochs")] in ([], [1])
        assert count == len(rows)
        assert all(payload == payloads[seq - 1] for seq, payload in rows), "byte for byte"
        left = files[CARD] + b"|" + files.get(CARD + "-wal", b"")
        there = {seq for seq, payload in enumerate(payloads, 1) if payload in left}
        assert {seq for seq, _ in rows} >= {seq for seq in there if seq > 30}
        saved_of_waiting += sum(seq > 30 for seq, _ in rows)
        waiting += 60
    print(f"{harm.__name__}: {saved_of_waiting} of {waiting} saved")


@pytest.mark.parametrize("kind", get_args(Entry))
def test_every_kind_of_entry_is_known_by_its_bytes_alone(kind: type[Entry]) -> None:
    entry = f'{{"type":"{kind.__struct_config__.tag}","and":"so on and so forth"}}\n{"A" * 86}=='.encode()
    assert _ENTRY.findall(b"\0 torn" + entry + b"\0") == [entry]


def test_a_card_that_is_whole_gives_what_waits_and_nothing_else(tmp_path: Path) -> None:
    payloads, files = made_card(tmp_path / "old", rows=20, acknowledged=15, wal=True)
    damaged = written(tmp_path / "damaged", files)
    with closing(open_fresh(tmp_path / "fresh")) as fresh:
        assert salvage(fresh, damaged, verify=VERIFY) == 5
        assert salvage(fresh, damaged, verify=VERIFY) == 5, "twice is once"
        assert [payload for (payload,) in fresh.execute("SELECT payload FROM outbox ORDER BY seq")] == payloads[15:]
        ((last_seq, head_hash),) = fresh.execute("SELECT last_seq, head_hash FROM outbox_epochs").fetchall()
        assert (last_seq, head_hash) == (20, chain.digest(payloads[-1]).hex())
        outbox = Outbox(fresh, office="demo", terminal="lobby-1", signer=SIGNER)
        assert (outbox.last_seq(), outbox.depth()) == (0, 5), "a new epoch, and the old one's waits"


def test_what_another_key_signed_is_left_and_nothing_is_raised_whatever_lies_there(tmp_path: Path) -> None:
    _, files = made_card(tmp_path / "old", rows=5, acknowledged=0, wal=False)
    damaged = written(tmp_path / "damaged", files)
    with closing(open_fresh(tmp_path / "fresh")) as fresh:
        assert salvage(fresh, damaged, verify=keys.verifier([signer_of("lobby-2").public])) == 0
        assert salvage(fresh, tmp_path / "not there", verify=VERIFY) == 0
        assert salvage(fresh, tmp_path, verify=VERIFY) is None
        (tmp_path / "text").write_text("this was never a database\n" * 400)
        assert salvage(fresh, tmp_path / "text", verify=VERIFY) == 0
    assert salvage(fresh, damaged, verify=VERIFY) is None, "a closed connection"


def test_the_kiosk_starts_with_what_its_damaged_card_held_also_after_a_cut_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "card"
    signer = keys.signer(keys.device_key(folder))
    with closing(store.open_card(folder)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=signer)
        old = outbox.epoch
        for number in range(40):
            outbox.record(punch(), clock=CLOCK, boot_id=BOOT, boottime_ns=number, recorded_at=SEVEN)
        outbox.acknowledge(ack(outbox, 10))
    content = (folder / CARD).read_bytes()
    (folder / CARD).write_bytes(b"\0" * 100 + content[100:])
    with monkeypatch.context() as cut:
        cut.setattr(store, "salvage", lambda *_given, **_more: None)  # the power went before it was done
        store._checked.clear()
        store.open_card(folder).close()
    for _ in range(2):
        store._checked.clear()
        with closing(store.open_card(folder)) as connection:
            assert store.alarms(connection) == ("card_damaged",)
            outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=signer)
            assert outbox.epoch != old
            assert outbox.depth() >= 30
            seqs = {row.place.seq for row in outbox.pending()}
            assert seqs >= set(range(11, 41))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    made = World(tmp_path / "world", seed=7)
    yield made
    made.close()


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_saved_reaches_the_centre_once_whatever_it_had_before(
    harm: Callable[[random.Random, Files], None], world: World, tmp_path: Path
) -> None:
    kiosk = world.kiosks["lobby-1"]
    lost = 0
    for seed in range(4):
        print(f"seed {seed}")
        for _ in range(20):
            kiosk.punch()
        world.settle()
        world.broker.denies.add("hadir/v1/demo/lobby-1/ack")  # the centre has what comes now, the card does not know
        for _ in range(10):
            kiosk.punch()
        for _ in range(3):
            world.step(1)
        world.broker.cut()
        for _ in range(10):
            kiosk.punch()
        if seed % 2:
            kiosk.card.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        files = kiosk.die()
        harm(random.Random(seed), files)
        damaged = written(tmp_path / f"damaged-{seed}", files)
        fresh_folder = tmp_path / f"fresh-{seed}"
        with closing(open_fresh(fresh_folder)) as fresh:
            salvage(fresh, damaged, verify=keys.verifier([kiosk.signer.public]))
            fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kiosk.start({CARD: (fresh_folder / CARD).read_bytes()})
        before = len(kiosk.thanked)
        world.forgive()
        lost += before - len(kiosk.thanked)
        world.settle()
        times = Counter(row.receipt for row in world.registered("lobby-1"))
        assert times == Counter(kiosk.thanked.keys())
        assert world.quarantined("lobby-1") == set()
    print(f"{harm.__name__}: {lost} of 160 could not be read any more")


def open_fresh(folder: Path) -> sqlite3.Connection:
    folder.mkdir()
    return open_card(folder)


def written(folder: Path, files: Files) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / CARD
