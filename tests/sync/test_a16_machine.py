"""A16: any order of crashes, cuts, wipes, restored backups and jumping clocks, found by hypothesis.

After every step nothing that a screen thanked for is nowhere, nothing counts twice or otherwise than its corrections
say, and every chain is whole; when all works again everything is in the register. A failing example prints how to run
it again (`@reproduce_failure`).
"""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sync.register.devices import KeyState, device_list, revoke
from tests.sync.samples import SEVEN
from tests.sync.world import World

pytestmark = pytest.mark.slow

IN_CI = os.environ.get("CI") == "true"
MEMORY = Path("/dev/shm")  # what a disk does with a commit is tested elsewhere
FARTHEST = timedelta(days=20)  # a row acknowledged longer ago than 30 days may be gone


class Delivery(RuleBasedStateMachine):
    """One kiosk and its centre."""

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.world = World(Path(self.folder.name), seed=seed)
        self.kiosk = self.world.kiosks["lobby-1"]
        self.copies: list[dict[str, bytes]] = []
        self.backups: list[bytes] = []

    # --- what goes on -------------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 5), thanked=st.booleans())
    def punch(self, count: int, thanked: bool) -> None:
        for _ in range(count):
            self.kiosk.punch(thanked=thanked or count > 1)

    @rule(back=st.integers(0, 3))
    def somebody_says_not_me(self, back: int) -> None:
        self.kiosk.not_me(back)

    @rule()
    def an_administrator_is_there(self) -> None:
        self.kiosk.note_desk()

    @rule(seconds=st.sampled_from([0.01, 0.1, 1, 5, 40]), rounds=st.integers(1, 4))
    def time_passes(self, seconds: float, rounds: int) -> None:
        for _ in range(rounds):
            self.world.step(seconds)

    @rule(most=st.integers(1, 3))
    def broker_carries(self, most: int) -> None:
        self.world.broker.carry(most)

    @rule(seconds=st.sampled_from([0.0, 0.1, 6]))
    def kiosk_turns(self, seconds: float) -> None:
        self.world.clock.monotonic_s += seconds
        self.kiosk.uplink.turn(0)

    @rule(seconds=st.sampled_from([0.0, 0.1, 6]))
    def collector_turns(self, seconds: float) -> None:
        self.world.clock.monotonic_s += seconds
        self.world.turn_centre()

    @rule()
    def set_update(self) -> None:
        self.world.release()

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    @rule()
    def kiosk_crashes(self) -> None:
        self.kiosk.start(self.kiosk.die())

    @rule()
    def network_goes(self) -> None:
        self.world.broker.cut()

    @rule()
    def network_comes(self) -> None:
        self.world.broker.network = True

    @rule()
    def broker_is_wiped(self) -> None:
        self.world.broker.wipe()

    @rule()
    def broker_drops_what_waits(self) -> None:
        self.world.broker.drop_queues()

    @rule()
    def broker_shuffles(self) -> None:
        self.world.broker.shuffle()

    @rule(most=st.integers(1, 20))
    def somebody_replays(self, most: int) -> None:
        self.world.broker.replay(most)

    @rule(kind=st.sampled_from(["event", "ack", "status"]))
    def broker_denies(self, kind: str) -> None:
        self.world.broker.denies ^= {f"hadir/v1/demo/lobby-1/{kind}"}

    @rule(jump=st.sampled_from([-3 * 86400, -3 * 3600, -3, 3, 3 * 3600, 3 * 86400]))
    def clock_jumps(self, jump: int) -> None:
        if abs(self.kiosk.off + timedelta(seconds=jump)) < FARTHEST:
            self.kiosk.off += timedelta(seconds=jump)

    @rule(where=st.sampled_from(["now", "confirm", "publish"]))
    def collector_crashes(self, where: str) -> None:
        if where == "now":
            self.world.kill_centre()
            self.world.start_centre()
        else:
            self.world.centre_link.crash_at = where

    @rule()
    def key_is_revoked_or_approved(self) -> None:
        if device_list(self.world.register, "lobby-1")[0].state is KeyState.APPROVED:
            revoke(self.world.register, "lobby-1", at=SEVEN)
        else:
            self.world.approve("lobby-1")

    @rule()
    def register_is_backed_up(self) -> None:
        self.backups.append(self.world.backup())

    @precondition(lambda self: self.backups)
    @rule(data=st.data())
    def register_is_put_back(self, data: st.DataObject) -> None:
        self.world.put_back(self.backups[data.draw(st.integers(0, len(self.backups) - 1))])
        self.world.forgive()

    @rule()
    def card_is_copied(self) -> None:
        self.copies.append(self.kiosk.files())

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def card_is_put_back(self, data: st.DataObject) -> None:
        self.kiosk.die()
        self.kiosk.start(self.copies[data.draw(st.integers(0, len(self.copies) - 1))])
        self.world.forgive()

    # --- what must be true --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_doubled_and_chains_are_whole(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "kiosk"):
            return
        try:
            self.world.settle()
            self.world.check()
        finally:
            self.world.close()
            self.folder.cleanup()


def runs(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    )


@pytest.mark.timeout(900)  # the time is for making a failure small
def test_a16_any_order_of_misfortunes() -> None:
    run_state_machine_as_test(Delivery, settings=runs(200, 50) if IN_CI else runs(40, 30))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a16_many_orders_of_misfortunes() -> None:
    run_state_machine_as_test(Delivery, settings=runs(5000, 50))


def test_a16_control_rows_dropped_at_the_brokers_word_are_missed(tmp_path: Path) -> None:
    world = World(tmp_path, seed=1)
    world.settle()
    kiosk = world.kiosks["lobby-1"]
    kiosk.punch()
    kiosk.uplink.turn(0)
    world.broker.carry(1)
    kiosk.card.execute("DELETE FROM outbox")
    world.broker.drop_queues()
    world.centre_link.events.clear()
    with pytest.raises(AssertionError, match="a thanked punch is nowhere"):
        world.check()
    world.close()
