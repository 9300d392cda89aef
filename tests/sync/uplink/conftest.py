"""Uplinks for each test, closed afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sync.uplink.desk import Desk


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**more: object) -> Desk:
        desk = Desk(tmp_path, **more)  # type: ignore[arg-type]
        desks.append(desk)
        desk.uplink.open()
        return desk

    yield make
    for desk in desks:
        desk.link.answering = True
        desk.uplink.close()
        desk.card.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    made = make_desk()
    made.link.connect()
    made.turn()
    return made
