"""D8: who is there: a kiosk that is killed is soon shown as offline, and a last will is never a punch."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

import config
from console.watch import Watch
from demo import broker
from sync.messages import Presence, encode, terminal_topic
from sync.register import Register
from sync.register.events import count_events, last_id
from sync.register.refusals import refusal_counts
from sync.register.statuses import all_statuses
from tests.sync.samples import SEVEN, event, payload_of, status
from tests.sync.way import (
    Centre,
    await_collector,
    collector,
    connected,
    kiosk_process,
    new_centre,
    running_kiosk,
    until,
)

pytestmark = pytest.mark.slow

BOUND_S = 90.0  # acceptance D8


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return new_centre(f"sqlite:///{tmp_path}/centre/register.sqlite", tmp_path / "centre" / "keys")


@pytest.fixture
def register(centre: Centre) -> Iterator[Register]:
    with Register.open(centre.url) as opened:
        yield opened


def online(register: Register) -> list[bool]:
    return [state.online for state in all_statuses(register)]


def test_d8_a_killed_kiosk_is_offline_in_the_register_and_on_the_consoles_board(
    tmp_path: Path, centre: Centre, register: Register, program: Callable[[str], str]
) -> None:
    program("mosquitto")
    settings = config.replace(config.Config(), centre={"register": centre.url})
    watch = Watch(settings)
    watch.start()

    def shown() -> list[str]:
        return [str(kiosk.state) for kiosk in watch.shown.board.kiosks]

    with ExitStack() as stack:
        stack.callback(watch.stop)
        server = stack.enter_context(broker.mosquitto())
        stack.enter_context(collector(centre, server.settings))
        with kiosk_process(tmp_path / "card", server.settings, centre) as kiosk:
            until(lambda: online(register) == [True], "it is seen")
            until(lambda: shown() == ["online"], "and shown")
            kiosk.kill()
            killed = time.monotonic()
            until(lambda: online(register) == [False], "its last will is heard", BOUND_S)
            until(lambda: shown() == ["offline"], "and shown", BOUND_S)
            took_s = time.monotonic() - killed
    print(f"offline {took_s:.1f} s after kill -9")
    assert took_s < BOUND_S
    assert (count_events(register), last_id(register)) == (0, 0), "a will is no punch"


def test_d8_after_ten_flaps_the_final_state_is_right(
    tmp_path: Path, centre: Centre, register: Register, program: Callable[[str], str]
) -> None:
    program("mosquitto")
    with ExitStack() as stack:
        server = stack.enter_context(broker.mosquitto())
        stack.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        until(lambda: online(register) == [True], "it is seen")
        for _ in range(10):
            kiosk.uplink._link.reconnect("a flap")
            kiosk.punch()
            time.sleep(0.2)  # so that some flaps fall into the time in which it comes back
        flapped_at = datetime.now(UTC)
        until(kiosk.drained, "the outbox is empty")
        until(lambda: all_statuses(register)[0].heard_at > flapped_at, "it speaks again")
        assert online(register) == [True]
        assert count_events(register) == 10
        kiosk.uplink._link.reconnect("a last flap")
        kiosk.close()
        until(lambda: online(register) == [False], "it has gone")


def test_d8_what_a_will_says_is_never_a_punch(
    centre: Centre, register: Register, program: Callable[[str], str]
) -> None:
    """Also where somebody has a will on the topic of punches: it must be signed like any other."""
    program("mosquitto")
    with ExitStack() as stack:
        server = stack.enter_context(broker.mosquitto())
        stack.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        sender = stack.enter_context(connected(server.settings, "sender"))
        offline = encode(status(Presence.OFFLINE, at=SEVEN))
        sender.publish(terminal_topic("demo", "lobby-1", "status"), offline, retain=True)
        sender.publish(terminal_topic("demo", "lobby-1", "event"), offline)
        sender.publish(terminal_topic("demo", "lobby-1", "event"), payload_of(event(1)))  # by a key nobody approved
        until(lambda: refusal_counts(register).rejected == 2, "both are refused")
        until(lambda: online(register) == [False], "the status is what it says")
        assert (count_events(register), last_id(register)) == (0, 0)
