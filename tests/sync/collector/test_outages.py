"""The collector while its register is away: nothing is acknowledged, nothing is lost, and memory has a bound."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import sync.collector
from sync.register import RegisterReplaced
from sync.register.events import count_events
from tests.sync.collector.desk import Desk, impatient
from tests.sync.samples import event


def test_while_the_register_is_away_nothing_is_acknowledged_and_afterwards_everything(
    desk: Desk, locked: Callable[[], sqlite3.Connection], caplog: pytest.LogCaptureFixture
) -> None:
    impatient(desk.register)
    blocker = locked()
    desk.take(event(1), event(2))
    for _ in range(4):
        desk.turn(after_ms=3000)
    desk.give(event(3))
    desk.turn(after_ms=3000)
    assert (desk.acks(), desk.link.confirmed) == ([], [])
    assert caplog.text.count("nothing is acknowledged until the register works again") == 1
    blocker.close()
    desk.turn(after_ms=30_000)
    assert desk.acks() == [(3, ())]
    assert len(desk.link.confirmed) == 3
    assert "nothing was lost" in caplog.text or count_events(desk.register) == 3


def test_a_register_removed_under_the_collector_ends_it_and_nothing_is_acknowledged(desk: Desk, tmp_path: Path) -> None:
    desk.take(event(1))
    (tmp_path / "register.sqlite").unlink()
    with pytest.raises(RegisterReplaced):
        desk.take(event(2))
    assert desk.acks() == [(1, ())]


def test_a_register_that_is_away_for_long_is_not_hammered_and_memory_is_bounded(
    desk: Desk, locked: Callable[[], sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(desk.register)
    blocker = locked()
    tries: list[float] = []
    real = sync.collector.take

    def counted(*arguments: object, **more: object) -> object:
        tries.append(desk.clock)
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sync.collector, "take", counted)
    desk.give(*(event(seq) for seq in range(1, 41)))
    for _ in range(600):
        desk.turn(after_ms=1000)
    assert 20 <= len(tries) <= 60, "ten minutes at 15 to 30 s"
    assert desk.collector._held() == 10, "twice the batch; the broker keeps the rest"
    assert desk.acks() == []
    blocker.close()
    desk.turn(after_ms=30_000)
    assert count_events(desk.register) == 10
    assert desk.link.drops == ["messages wait at the broker since the register was away"]


def test_what_comes_while_a_batch_that_grew_is_tried_again_stays_within_the_bound(
    desk: Desk, locked: Callable[[], sqlite3.Connection]
) -> None:
    impatient(desk.register)
    blocker = locked()
    desk.take(*(event(seq) for seq in range(1, 6)))
    desk.give(event(6))
    desk.turn()
    assert desk.collector._held() == 6, "a batch that failed, and one more"
    desk.give(*(event(seq) for seq in range(7, 41)))
    desk.turn(after_ms=30_000)
    assert desk.collector._held() == 10
    blocker.close()


def test_what_the_broker_gives_again_after_a_reconnect_is_held_once(
    desk: Desk, locked: Callable[[], sqlite3.Connection]
) -> None:
    impatient(desk.register)
    blocker = locked()
    for _ in range(20):
        desk.give(event(1), event(2))
        desk.link.deliver("hadir/v1/demo/lobby-1/event", b"junk")
        desk.turn(after_ms=60)
        desk.turn()
        desk.turn()
        desk.link.disconnect()
        desk.turn()
        desk.link.connect(session_present=True)
        desk.turn()
    assert desk.collector._held() == 3
    blocker.close()
    desk.give(event(1), event(2))
    desk.turn(after_ms=30_000)
    desk.turn(after_ms=100)
    assert count_events(desk.register) == 2
    assert desk.acks()[-1] == (2, ())
