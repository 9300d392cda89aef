"""The demo's brokers: up, reachable, gone afterwards; and in words when they cannot be."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import broker
from demo.broker import BrokerFailed


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((broker.HOST, port)) == 0


@pytest.fixture(params=["embedded", "mosquitto"])
def start(request: pytest.FixtureRequest, program: Callable[[str], str]) -> Callable[..., object]:
    if request.param == "mosquitto":
        program("mosquitto")
    return getattr(broker, request.param)  # type: ignore[no-any-return]


def test_it_listens_inside_and_is_gone_afterwards(start: Callable[..., object]) -> None:
    with start() as running:  # type: ignore[attr-defined]
        port = running.settings.port
        assert running.settings.host == "127.0.0.1"
        assert listens(port)
    assert not listens(port)
    with start(port):  # type: ignore[attr-defined]
        assert listens(port)
    assert not listens(port)


def test_it_is_gone_when_the_inside_fails(start: Callable[..., object]) -> None:
    port = broker.free_port()
    with pytest.raises(ZeroDivisionError), start(port):  # type: ignore[attr-defined]
        raise ZeroDivisionError
    assert not listens(port)


def test_killed_it_is_gone_at_once_and_the_end_is_clean(start: Callable[..., object]) -> None:
    with start() as running:  # type: ignore[attr-defined]
        running.kill()
        deadline = time.monotonic() + 5
        while listens(running.settings.port):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_taken_port_is_said_in_words(start: Callable[..., object]) -> None:
    with socket.create_server((broker.HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerFailed, match=rf"port {port} is taken.*set another mqtt\.port"):
            start(port).__enter__()  # type: ignore[attr-defined]


def test_a_missing_mosquitto_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.shutil, "which", lambda *_, **__: None)
    with pytest.raises(BrokerFailed, match="sudo apt install mosquitto"):
        broker.mosquitto().__enter__()


def test_a_mosquitto_that_refuses_its_configuration_is_quoted(program: Callable[[str], str]) -> None:
    program("mosquitto")
    with pytest.raises(BrokerFailed, match=r"did not start: .*nonsense"):
        broker.mosquitto(more=["nonsense true"]).__enter__()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_a_killed_parent(start: Callable[..., object], how: signal.Signals, project: Path) -> None:
    program = f"""
import sys, time
sys.path.insert(0, {str(project)!r})
from demo import broker
with broker.{start.__name__}() as running:
    print(running.settings.port, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert listens(port)
        os.kill(parent.pid, how)
    deadline = time.monotonic() + 5
    while listens(port):
        assert time.monotonic() < deadline, "the broker outlived its parent"
        time.sleep(0.02)


@pytest.mark.slow
def test_mosquitto_with_a_folder_remembers_from_run_to_run(tmp_path: Path, program: Callable[[str], str]) -> None:
    program("mosquitto")
    with broker.mosquitto(folder=tmp_path):
        pass
    assert (tmp_path / "mosquitto.db").exists()
