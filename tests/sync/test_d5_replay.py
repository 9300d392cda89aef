"""D5: whoever kept a copy of what was said may say it again: it changes nothing."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.messages import terminal_topic
from sync.register.refusals import latest_rejected, refusal_counts
from tests.sync.tiny_broker import Message
from tests.sync.world import World

EVENTS = terminal_topic("demo", "lobby-1", "event")
ACKS = terminal_topic("demo", "lobby-1", "ack")
OTHERS = terminal_topic("demo", "lobby-2", "event")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, seed=5, terminals=("lobby-1", "lobby-2"))
    made.settle()
    yield made
    made.close()


def captured(world: World, topic: str) -> list[Message]:
    return [message for message in world.broker.history if message.topic == topic]


def say_again(world: World, messages: list[Message]) -> None:
    """The messages come again, some at a time, and everybody has the time to believe them."""
    for start in range(0, len(messages), 100):
        for message in messages[start : start + 100]:
            world.broker.accept(message)
        world.step(1)
    for _ in range(5):
        world.step(10)


def once(world: World) -> None:
    world.settle()
    world.check()
    for kiosk in world.kiosks.values():
        assert Counter(row.receipt for row in world.registered(kiosk.terminal)) == Counter(kiosk.thanked.keys())


def test_d5_a_thousand_captured_messages_said_again_by_the_same_and_by_another_terminal(world: World) -> None:
    kiosk = world.kiosks["lobby-1"]
    while len(captured(world, EVENTS)) < 1000:
        for _ in range(2):
            kiosk.punch()
            kiosk.uplink.turn(0)
        world.step(0.1)
    world.settle()
    messages = captured(world, EVENTS)[:1000]
    before = world.registered("lobby-1")

    say_again(world, messages)
    assert world.registered("lobby-1") == before
    assert refusal_counts(world.register).quarantined == 0
    assert refusal_counts(world.register).rejected == 0

    say_again(world, [Message(OTHERS, message.payload) for message in messages])
    assert world.registered("lobby-1") == before
    assert world.registered("lobby-2") == []
    assert refusal_counts(world.register).quarantined == 0
    assert {row.reason for row in latest_rejected(world.register)} == {
        "it says it is from lobby-1 of demo, but came on another topic"
    }
    assert kiosk.outbox.depth() == 0


def test_d5_old_acks_said_again_free_nothing_that_the_centre_lacks(world: World) -> None:
    """After a card was put back and took another way, and after the register was put back."""
    kiosk = world.kiosks["lobby-1"]
    for _ in range(4):
        kiosk.punch()
    world.settle()
    copy, yesterday = kiosk.files(), world.backup()
    for _ in range(6):
        kiosk.punch()
    world.settle()
    acks = captured(world, ACKS)

    kiosk.die()
    kiosk.start(copy)
    world.forgive()
    world.broker.cut()
    for _ in range(6):
        kiosk.punch()  # under the numbers the centre has other punches of
    world.broker.network = True
    world.broker.denies.add(EVENTS)
    world.step(1)
    say_again(world, acks)
    registered = {row.receipt for row in world.registered("lobby-1")}
    freed = {row.receipt for row in kiosk.rows() if not row.waits and row.receipt} - registered
    assert freed == set(), "an ack for another card's rows freed these"
    once(world)

    world.put_back(yesterday)
    world.forgive()
    say_again(world, acks + captured(world, ACKS))
    once(world)


def test_d5_a_card_put_back_twice_after_it_recorded_a_punch_again_counts_it_once(world: World) -> None:
    kiosk = world.kiosks["lobby-1"]
    empty = kiosk.files()
    kiosk.punch()
    world.settle()
    kiosk.die()
    kiosk.start(empty)
    world.forgive()
    world.broker.cut()
    kiosk.punch()
    waiting = kiosk.files()
    for _ in range(3):
        world.settle()
        once(world)
        kiosk.die()
        kiosk.start(waiting)
    once(world)
