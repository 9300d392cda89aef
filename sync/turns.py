"""Long work in Python, done so that the other threads of the process have their turn."""

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

_REST_S = 1e-4
"""Long enough that a thread that waits for Python's lock gets it, which it may not with 0."""

T = TypeVar("T")


def rest() -> None:
    """Every thread that waited for Python's lock has had it."""
    time.sleep(_REST_S)


def in_turns(items: Sequence[T], *, a_turn: int) -> Iterator[T]:
    """Yield each of `items`, and rest after every `a_turn` of them."""
    for start in range(0, len(items), a_turn):
        if start:
            rest()
        yield from items[start : start + a_turn]
