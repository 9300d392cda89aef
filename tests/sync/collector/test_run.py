"""The collector as a program: what it waits for, what it refuses to begin with, and how it ends."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import config
import sync.collector
from sync import keys
from sync.register import Register, RegisterNewer, RegisterUnavailable
from sync.register.events import events_since
from tests.sync.samples import released


def with_keys(folder: Path, *, register: str) -> config.Config:
    keys.new_centre_keys(folder / "keys")
    centre = {"register": register, "keys": str(folder / "keys"), "heads": str(folder / "heads")}
    return config.replace(config.Config(), centre=centre)


def test_run_without_the_key_that_signs_acknowledgements_says_how_to_make_it(tmp_path: Path, url: str) -> None:
    settings = config.replace(config.Config(), centre={"register": url, "keys": str(tmp_path / "none")})
    with pytest.raises(keys.KeyRefused, match=r"run \./hadir keys new"):
        sync.collector.run(settings, stop=threading.Event(), released=released({}))


def run_in_thread(settings: config.Config, stop: threading.Event) -> tuple[threading.Thread, list[BaseException]]:
    failures: list[BaseException] = []

    def body() -> None:
        try:
            sync.collector.run(settings, stop=stop, released=released({}))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, failures


def test_run_waits_for_a_register_that_is_away_and_stops_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = threading.Semaphore(0)

    def away(url: str) -> Register:
        tries.release()
        raise RegisterUnavailable("no server")

    monkeypatch.setattr(Register, "open", away)
    stop = threading.Event()
    settings = with_keys(tmp_path, register=f"sqlite:///{tmp_path}/r.sqlite")
    thread, failures = run_in_thread(settings, stop)
    assert tries.acquire(timeout=5)
    assert tries.acquire(timeout=5)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 2
    assert not failures


def test_run_refuses_a_register_of_a_newer_hadir(tmp_path: Path, url: str) -> None:
    Register.open(url).close()
    with closing(sqlite3.connect(tmp_path / "register.sqlite")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = with_keys(tmp_path, register=url)
    with pytest.raises(RegisterNewer):
        sync.collector.run(settings, stop=threading.Event(), released=released({}))


def test_run_feeds_the_watchdog_and_stops_within_two_seconds(
    tmp_path: Path, url: str, embedded_broker: config.Mqtt, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    alive = threading.Event()

    def heard(text: str) -> None:
        words.append(text)
        if text == "WATCHDOG=1":
            alive.set()

    monkeypatch.setattr(sync.collector, "tell", heard)
    stop = threading.Event()
    settings = config.replace(with_keys(tmp_path, register=url), mqtt={"port": embedded_broker.port})
    thread, failures = run_in_thread(settings, stop)
    assert alive.wait(5)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 2
    assert not failures
    assert (words[0], words[-1]) == ("READY=1", "STOPPING=1")
    with Register.open(url) as register:
        assert events_since(register, 0) == []
