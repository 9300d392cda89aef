"""Fixtures of the kiosk's tests; what they are made of is in `made`."""

from pathlib import Path

import pytest

from terminal import store
from terminal.pin import hash_pin
from tests.terminal.living import Watched
from tests.terminal.made import PEPPER, PIN, FakeCamera, FakeEngine, Kit, encoding_set, settings_in


@pytest.fixture(scope="session")
def pin_hash() -> str:
    return hash_pin("1001", PIN, pepper=PEPPER)


@pytest.fixture
def kit(tmp_path: Path, pin_hash: str) -> Kit:
    """Everything a kiosk needs but a broker."""
    settings = settings_in(tmp_path, encoding_set(pin_hash))
    return Kit(settings=settings, camera=FakeCamera(), engine=FakeEngine())


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    store._checked.clear()
    store._broken.clear()
    return Watched(monkeypatch)
