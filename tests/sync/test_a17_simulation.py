"""A17: days of many kiosks in seconds, by a seed: whatever goes wrong does so again with the same seed."""

import hashlib
import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.sync.world import World

pytestmark = pytest.mark.slow

MEMORY = Path("/dev/shm")  # what a disk does with a commit is tested elsewhere
STEP_S = 300.0
DAY_S = 86_400.0


def simulate(seed: int, *, terminals: int, days: float, punches_a_day: int) -> str:
    """Run the days; fail where anything is lost or doubled. Return a digest of what the register holds, in order."""
    rng = random.Random(seed)
    names = tuple(f"lobby-{number}" for number in range(1, terminals + 1))
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        world = World(Path(folder), seed=seed, terminals=names)
        try:
            for _ in range(int(days * DAY_S / STEP_S)):
                for kiosk in world.kiosks.values():
                    if rng.random() < punches_a_day * STEP_S / DAY_S:
                        kiosk.punch(employee=str(rng.randrange(1000)))
                go_wrong(rng, world)
                world.step(STEP_S)
            world.settle()
            world.check()
            for kiosk in world.kiosks.values():
                registered = world.registered(kiosk.terminal)
                assert Counter(row.receipt for row in registered) == Counter(kiosk.thanked.keys())
            return summary(world)
        finally:
            world.close()


def go_wrong(rng: random.Random, world: World) -> None:
    """A few times a day something does."""
    kiosk = world.kiosks[rng.choice(list(world.kiosks))]
    match rng.randrange(60):
        case 0:
            kiosk.start(kiosk.die())
        case 1:
            world.broker.cut()
        case 2:
            world.broker.wipe()
        case 3:
            world.broker.drop_queues()
        case 4:
            world.kill_centre()
            world.start_centre()
        case 5:
            world.centre_link.crash_at = rng.choice(["confirm", "publish"])
        case 6:
            world.broker.shuffle()
        case 7:
            world.broker.replay(10)
        case 8 | 9 | 10 | 11:
            world.broker.network = True


def summary(world: World) -> str:
    """Return a digest of who was registered where, in what order: receipts and epochs are drawn anew each time."""
    digest = hashlib.sha256()
    for terminal, kiosk in world.kiosks.items():
        registered = world.registered(terminal)
        digest.update(repr([(terminal, row.seq, kiosk.thanked.get(row.receipt or "")) for row in registered]).encode())
    return digest.hexdigest()


def test_a17_days_of_kiosks_by_a_seed() -> None:
    seed = int(os.environ.get("HADIR_SEED", random.SystemRandom().randrange(2**32)))
    print(f"HADIR_SEED={seed}")
    first = simulate(seed, terminals=6, days=1, punches_a_day=60)
    assert simulate(seed, terminals=6, days=1, punches_a_day=60) == first, "a seed must replay"


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100))
def test_a17_three_days_of_twenty_kiosks(seed: int) -> None:
    simulate(seed, terminals=20, days=3, punches_a_day=60)
