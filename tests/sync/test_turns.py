"""Long work in turns: everything once and in order, and the others do run in between."""

import threading

import pytest

from sync.turns import in_turns


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_everything_comes_once_and_in_order(count: int) -> None:
    assert list(in_turns(range(count), a_turn=10)) == list(range(count))


def test_another_thread_runs_between_two_turns() -> None:
    go, ran = threading.Event(), threading.Event()

    def other() -> None:
        go.wait(10)
        ran.set()

    thread = threading.Thread(target=other)
    thread.start()
    seen_after = -1
    for number in in_turns(range(100_000), a_turn=100):
        go.set()
        if ran.is_set():
            seen_after = number
            break
    thread.join(10)
    assert seen_after > 0
