"""A collector on a register of its own for each test, and somebody who takes that register away."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.register import Register
from tests.sync.collector.desk import Desk


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/register.sqlite"


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    with Register.open(url) as register:
        made = Desk(register)
        made.link.connect()
        made.turn()
        yield made


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """A function that takes the register's write lock away until its connection is closed."""
    taken: list[sqlite3.Connection] = []

    def take_it() -> sqlite3.Connection:
        connection = sqlite3.connect(tmp_path / "register.sqlite", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        taken.append(connection)
        return connection

    yield take_it
    for connection in taken:
        connection.close()
