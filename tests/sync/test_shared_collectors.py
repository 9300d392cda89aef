"""Several collectors side by side: each event goes to one of them, and nothing is lost or doubled when one dies."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo import broker
from sync.mqtt import Received
from sync.register import Register
from sync.register.events import count_events
from tests.sync.way import Centre, await_collector, collector, connected, exactly, new_centre, running_kiosk, until

pytestmark = pytest.mark.slow

NAMES = ("collector-a", "collector-b")


@pytest.fixture
def centre(register_url: str, tmp_path: Path) -> Centre:
    return new_centre(register_url, tmp_path / "keys")


def test_two_collectors_of_which_one_is_killed_now_and_then_lose_and_double_nothing(
    tmp_path: Path, centre: Centre, program: Callable[[str], str]
) -> None:
    program("mosquitto")
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with ExitStack() as stack:
        register = stack.enter_context(Register.open(centre.url))
        server = stack.enter_context(broker.mosquitto())
        running = {name: stack.enter_context(ExitStack()) for name in NAMES}
        for name, life in running.items():
            life.enter_context(collector(centre, server.settings, name=name, shared=True))
        await_collector(server.settings)
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        for _ in range(4):
            kiosk.punch(rng.randint(10, 40))
            time.sleep(rng.uniform(0, 0.3))
            victim = rng.choice(NAMES)
            running[victim].close()
            kiosk.punch(10)
            running[victim].enter_context(collector(centre, server.settings, name=victim, shared=True))
        kiosk.punch(10)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_both_collectors_take_a_part_and_each_event_goes_to_one(tmp_path: Path, program: Callable[[str], str]) -> None:
    program("mosquitto")
    centre = new_centre(f"sqlite:///{tmp_path}/centre/register.sqlite", tmp_path / "keys")
    count_taken = """
take = sync.collector.take
def counted(*given, **more):
    if more["events"]:
        with open(FILE, "a") as file:
            file.write("".join(f"{each.entry.seq}\\n" for each in more["events"]))
    return take(*given, **more)
sync.collector.take = counted
"""
    with ExitStack() as stack:
        server = stack.enter_context(broker.mosquitto())
        files = [tmp_path / name for name in NAMES]
        for name, file in zip(NAMES, files, strict=True):
            before = count_taken.replace("FILE", repr(str(file)))
            stack.enter_context(collector(centre, server.settings, before, name=name, shared=True))
        await_collector(server.settings)
        time.sleep(1)  # the other one has subscribed, too
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre, resend_after_s=30))
        for _ in range(60):
            kiosk.punch()
            time.sleep(0.02)
        until(kiosk.drained, "the outbox is empty")
        taken = [sorted(int(line) for line in file.read_text().split()) for file in files]
    print("taken by each:", [len(each) for each in taken])
    assert all(taken), "both had a part"
    assert len(taken[0]) + len(taken[1]) < 80, "and hardly anything came to both"


def test_the_embedded_broker_shares_too(tmp_path: Path) -> None:
    centre = new_centre(f"sqlite:///{tmp_path}/centre/register.sqlite", tmp_path / "keys")
    with ExitStack() as stack:
        register = stack.enter_context(Register.open(centre.url))
        server = stack.enter_context(broker.embedded())
        watchers = [stack.enter_context(connected(server.settings, f"watcher-{number}")) for number in (1, 2)]
        for watcher in watchers:
            watcher.subscribe("$share/others/hadir/v1/+/+/event")
        for name in NAMES:
            stack.enter_context(collector(centre, server.settings, name=name, shared=True))
        await_collector(server.settings)
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        for _ in range(20):
            kiosk.punch()
            time.sleep(0.02)
        until(kiosk.drained, "the outbox is empty", 20)
        assert count_events(register) == 20
        exactly(register, kiosk)
        seen = []
        for watcher in watchers:
            events = iter(lambda watcher=watcher: watcher.next(0.3), None)  # type: ignore[misc]
            seen.append(sum(isinstance(each, Received) for each in events))
    print("the embedded broker gave two that share:", seen)
    assert sum(seen) == 20
    assert all(seen)
