"""The whole kiosk and the PIN: badges, hostile text, evidence, a camera unplugged, a pepper that comes later."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pygame
import pytest

import config
from sync import sealing
from sync.messages import Method
from terminal import store
from terminal.visit.signals import CANCEL, ENTER
from tests.terminal.living import Watched, live
from tests.terminal.made import PEPPER, PIN, Kit
from tests.terminal.test_readers import HOSTILE

pytestmark = pytest.mark.slow


def punch_by_badge(watched: Watched) -> None:
    watched.type(*"1001", ENTER)
    watched.until_screen("PinCode")
    watched.type(*PIN, ENTER)
    watched.until_screen("Recorded")


def keys_of(kit: Kit) -> Path:
    return kit.settings.terminal.evidence_key.parent


def test_a_badge_and_six_digits_are_a_punch_with_a_picture_that_the_card_cannot_open(
    kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """C5 and G4: the picture is on the card, and nothing on the card opens it."""

    def director() -> None:
        kit.camera.show(9)
        kit.camera._picture[60:140, 100:200] = 30  # something to see
        watched.until_screen("Looking")
        punch_by_badge(watched)

    with caplog.at_level(logging.DEBUG):
        live(kit, director, match={"unknown_after_s": 60})
    (event,) = kit.events()
    assert (event.punch.employee, event.punch.method) == ("1001", Method.PIN)
    ref = event.punch.evidence_ref or ""
    file = kit.card / "evidence" / sealing.name_of(ref)
    jpeg = sealing.open_sealed(file, keys_of(kit) / "evidence.key", ref=ref)
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) is not None
    secrets = (b"JFIF", jpeg[:64], PIN.encode(), PEPPER.secret, PEPPER.secret.hex().encode())
    found = {
        (path.name, secret[:16])
        for path in kit.card.rglob("*")
        if path.is_file()
        for secret in secrets
        if secret in path.read_bytes()
    }
    assert found == set()
    assert not (kit.card / "evidence.key").exists()
    assert PIN not in caplog.text


def test_with_the_camera_unplugged_the_pin_works_and_says_why_there_is_no_picture(kit: Kit, watched: Watched) -> None:
    kit.camera.unplug()

    def director() -> None:
        watched.until_screen("CameraDown")
        punch_by_badge(watched)

    live(kit, director)
    assert [event.punch.evidence_ref for event in kit.events()] == ["none:no_camera"]
    assert not (kit.card / "evidence").exists()


def test_c2_hostile_text_by_keyboard_and_reader_changes_no_row_and_stops_nothing(
    kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def rows() -> list[tuple[str, int]]:
        connection = store.open_card(kit.card)
        try:
            tables = [
                str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
            count = "SELECT count(*) FROM [{}]"
            return [(name, connection.execute(count.format(name)).fetchone()[0]) for name in tables]
        finally:
            connection.close()

    seen: list[list[tuple[str, int]]] = []

    def director() -> None:
        watched.until_screen("Idle")
        seen.append(rows())
        for text in HOSTILE:
            for character in text:
                pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=0, unicode=character, mod=0))
            watched.type(ENTER)
            if len(text) >= 3:
                watched.until(lambda: "Kartu tidak terbaca" in watched.said[-1], repr(text[:20]))
            watched.type(CANCEL)
            watched.until_screen("Idle")
        seen.append(rows())
        punch_by_badge(watched)

    live(kit, director)
    assert seen[0] == seen[1]
    assert [event.punch.employee for event in kit.events()] == ["1001"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_kiosk_without_its_pepper_says_so_and_takes_it_without_a_restart(kit: Kit, watched: Watched) -> None:
    pepper = Path(kit.settings.terminal.pepper)
    content = pepper.read_bytes()
    pepper.unlink()

    def director() -> None:
        watched.until_screen("Idle")
        watched.until(lambda: "PIN belum dapat diperiksa" in watched.said[-1], "no alarm on the screen")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until(lambda: "Belum terjawab, coba lagi" in watched.said[-1], "no word on the keypad")
        pepper.write_bytes(content)
        pepper.chmod(0o600)
        watched.type(*PIN, ENTER)
        watched.until_screen("Recorded")

    live(kit, director)
    assert not any("Nomor atau PIN salah" in said for said in watched.said)
    assert [event.punch.method for event in kit.events()] == [Method.PIN]


def test_no_picture_is_taken_where_the_office_wants_none(kit: Kit, watched: Watched) -> None:
    live(kit, lambda: (watched.until_screen("Idle"), punch_by_badge(watched))[1], pin={"picture": "never"})
    assert [event.punch.evidence_ref for event in kit.events()] == ["none:policy"]
    assert config.Pin().picture == "unless_refused"
