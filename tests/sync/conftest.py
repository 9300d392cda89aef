"""Brokers for the tests of this room: the embedded one and mosquitto, each on a free port and gone afterwards."""

from collections.abc import Callable, Iterator

import pytest

import config
from demo import broker


@pytest.fixture
def embedded_broker() -> Iterator[config.Mqtt]:
    """Settings of a running iotcore broker; nothing outlives it."""
    with broker.embedded() as running:
        yield running.settings


@pytest.fixture
def mosquitto(program: Callable[[str], str]) -> Iterator[config.Mqtt]:
    """Settings of a running mosquitto that keeps everything in memory."""
    program("mosquitto")
    with broker.mosquitto() as running:
        yield running.settings


@pytest.fixture(params=["embedded_broker", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> config.Mqtt:
    """Settings of each kind of broker in turn."""
    settings = request.getfixturevalue(request.param)
    assert isinstance(settings, config.Mqtt)
    return settings
