"""The whole kiosk without something it needs: it starts, says so, works as far as it can, and takes what comes."""

import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

import config
from sync import releases
from sync.messages import Method
from terminal import app, store
from terminal.faces.models import ModelUnavailable
from terminal.shelf import Shelf
from terminal.visit.signals import ENTER
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, FakeEngine, Kit, encoding_set

pytestmark = pytest.mark.slow


def test_without_a_broker_the_screen_says_since_when_and_keeps_recording(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminal.pulse._OFFLINE_AFTER_S", 0.5)

    def director() -> None:
        kit.camera.show(1)
        watched.until_screen("Recorded")
        kit.camera.show()
        pattern = re.compile(r"Luring sejak \d\d:\d\d.*1 menunggu terkirim.*Data wajah v3")
        watched.until(lambda: any(pattern.search(said) for said in watched.said), "not said to be offline")

    live(kit, director)


def test_without_models_the_kiosk_works_by_pin_and_takes_them_when_they_come(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = threading.Event()
    tried: list[int] = []

    def open_engine(_: config.Engine) -> FakeEngine:
        tried.append(1)
        if not here.is_set():
            raise ModelUnavailable("the models are not the published ones; delete them")
        return kit.engine

    monkeypatch.setattr(app, "open_engine", open_engine)
    monkeypatch.setattr(app, "engine_id_of", lambda _: kit.engine.engine_id)
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.until(lambda: "READY=1" in watched.told, "a kiosk without models is a kiosk")
        watched.until(lambda: "Pengenalan wajah belum tersedia" in watched.said[-1], "not said on the screen")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        watched.until(lambda: len(tried) > 3, "not tried again")
        kit.camera.show(2)
        here.set()
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")
        kit.camera.show()
        watched.until_screen("Idle")
        watched.until(lambda: "Pengenalan wajah" not in watched.said[-1], "the alarm stays")

    live(kit, director, engine_given=False)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]
    assert caplog.text.count("alarm models_unavailable") == 1, "said once, however often it is tried"


def test_models_that_take_long_to_come_leave_the_pin(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = threading.Event()

    def open_engine(_: config.Engine) -> FakeEngine:
        here.wait(20)
        return kit.engine

    monkeypatch.setattr(app, "open_engine", open_engine)
    monkeypatch.setattr(app, "engine_id_of", lambda _: kit.engine.engine_id)
    monkeypatch.setattr("terminal.supplies._PATIENCE_S", 0.2)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        here.set()
        watched.until_screen("Idle")

    live(kit, director, engine_given=False)


def test_a_manifest_that_cannot_be_read_leaves_the_pin_until_it_can(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = threading.Event()

    def identify(_: config.Engine) -> str:
        if not mended.is_set():
            raise ModelUnavailable("engine.manifest mine.yaml cannot be read; give the right file")
        return kit.engine.engine_id

    monkeypatch.setattr(app, "engine_id_of", identify)
    monkeypatch.setattr(app, "open_engine", lambda _: kit.engine)
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)
    monkeypatch.setattr("terminal.lasting._RESTART_AFTER_S", 0.05)

    def director() -> None:
        watched.until_screen("CameraDown")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        kit.camera.show(2)
        mended.set()
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")

    live(kit, director, engine_given=False)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]


@pytest.mark.parametrize("torn", [False, True])
def test_without_a_release_key_nobody_is_known_until_it_comes(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, torn: bool
) -> None:
    monkeypatch.setattr("terminal.supplies._FIRST_RETRY_S", 0.05)
    monkeypatch.setattr("terminal.lasting._RESTART_AFTER_S", 0.05)
    key = tmp_path / "late.pub"
    if torn:
        key.write_bytes(b"-----BEGIN PUBLIC")

    def director() -> None:
        watched.until(lambda: bool(watched.said) and "Kunci data wajah tidak ada" in watched.said[-1], "not said")
        kit.camera.show(2)
        watched.until_screen("Looking")
        part = tmp_path / "part"
        part.write_bytes(kit.settings.terminal.release_key.read_bytes())
        part.replace(key)
        watched.until(lambda: any("Siti" in said for said in watched.said), "not Siti")

    live(kit, director, terminal={"release_key": str(key)})
    assert kit.events()[0].punch.gallery_version == 3


def test_a_card_that_cannot_be_opened_is_said_and_waited_for(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, mended = store.open_card, threading.Event()

    def failing(folder: Path) -> Any:
        if not mended.is_set():
            raise store.CardFailing("the card cannot be used (Read-only file system); mend it")
        return opened(folder)

    monkeypatch.setattr(store, "open_card", failing)
    monkeypatch.setattr("terminal.card._TRY_EVERY_S", 0.1)

    def director() -> None:
        watched.until_screen("CardDown")
        assert any("daftar hadir kertas" in said for said in watched.said)
        assert {"READY=1", "WATCHDOG=1"} <= set(watched.told), "systemd would restart it for nothing"
        mended.set()
        kit.camera.show(1)
        watched.until_screen("Recorded")

    live(kit, director)


def test_a_card_with_an_io_error_is_not_written_again_and_ends_the_kiosk(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []
    execute = store._Cursor.execute

    class Failing(store._Cursor):
        """Its disk fails every commit of a punch as a fsync with EIO does."""

        def execute(self, sql: str, *rest: Any) -> Any:
            with store._noting(self.connection, sql):
                if sql == "COMMIT" and "visit" in watched.told:
                    commits.append(sql)
                    failure = sqlite3.OperationalError("disk I/O error")
                    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                    raise failure
                return execute(self, sql, *rest)

    monkeypatch.setattr(store, "_Cursor", Failing)

    def director() -> None:
        watched.until_screen("Idle")
        watched.told.append("visit")
        kit.camera.show(1)
        watched.until_screen("NotRecorded")
        kit.camera.show(2)
        watched.until(lambda: "STOPPING=1" in watched.told, "it goes on")

    with pytest.raises(store.CardFailed, match="start the kiosk again"):
        live(kit, director)
    assert len(commits) == 1, "never a second fsync"
    assert "Recorded" not in watched.screens
    store._broken.clear()  # the next process
    monkeypatch.setattr(store, "_Cursor", Failing.__base__)
    watched.told.clear()
    live(kit, lambda: watched.until_screen("Recorded"))
    assert [event.seq for event in kit.events()] == [1]


def test_a_new_set_is_used_without_a_restart(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, pin_hash: str
) -> None:
    shelves: list[Shelf] = []

    class Kept(Shelf):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            shelves.append(self)

    monkeypatch.setattr(app, "Shelf", Kept)

    def director() -> None:
        watched.until(lambda: any("Belum ada data wajah" in said for said in watched.said), "somebody is known")
        kit.camera.show(1)
        watched.until_screen("Looking")
        shelves[0].put(encoding_set(pin_hash, version=8))
        watched.until_screen("Recorded")

    (kit.card / "current.hset").unlink()
    live(kit, director)
    assert kit.events()[0].punch.gallery_version == 8


def test_a_damaged_set_on_the_card_leaves_a_kiosk_that_starts(kit: Kit, watched: Watched) -> None:
    releases.keep_set(kit.card, b"these bytes were never a set")

    def director() -> None:
        watched.until(lambda: any("Belum ada data wajah" in said for said in watched.said), "somebody is known")

    live(kit, director)
