"""The screen as a lamp: when it lights a face, for how long, and what becomes of a backlight."""

import logging
from pathlib import Path

import pytest

from terminal import backlight as lamps
from terminal.backlight import Backlight, Lamp
from terminal.lighting import SETTLING_S, TOLD_S, Light, lit, settling, told
from terminal.quality import Reason
from tests.terminal.made import served, sighting


def test_a_dark_face_is_lit_until_it_has_been_gone_for_a_while() -> None:
    light, was = Light(), []
    for tenth in range(100):
        now_s = tenth / 10
        there = 10 <= tenth < 40 or 52 <= tenth < 60
        light = lit(light, there=there, dark=there and tenth < 20, now_s=now_s)
        was.append(light.on)
    assert was.index(True) == 10
    assert all(was[10:89]), (
        "lit, it is not dark any more, and the light stays; nor does it flicker when the face is away"
    )
    assert not any(was[90:])


def test_a_face_that_is_light_enough_or_nobody_at_all_is_not_lit() -> None:
    light = Light()
    for tenth in range(50):
        light = lit(light, there=tenth % 2 == 0, dark=tenth % 2 == 1, now_s=tenth / 10)
        assert not light.on
    assert not settling(light, 0.0)
    assert not told(light, 0.0)


def test_the_camera_settles_and_what_happens_is_said_when_the_light_changes() -> None:
    light = lit(Light(), there=True, dark=True, now_s=5.0)
    assert (settling(light, 5.0 + SETTLING_S - 0.01), settling(light, 5.0 + SETTLING_S)) == (True, False)
    assert (told(light, 5.0 + TOLD_S - 0.01), told(light, 5.0 + TOLD_S)) == (True, False)
    dark = lit(light, there=False, dark=False, now_s=20.0)
    assert (dark.on, settling(dark, 20.1), told(dark, 20.1)) == (False, True, False)


def device(folder: Path, name: str, brightness: str, most: str = "255\n") -> Path:
    made = folder / name
    made.mkdir()
    (made / "max_brightness").write_text(most)
    (made / "brightness").write_text(brightness)
    return made / "brightness"


def test_every_backlight_is_raised_and_put_back(tmp_path: Path) -> None:
    one, other = device(tmp_path, "10-0045", "90\n"), device(tmp_path, "panel", "7\n", "31\n")
    backlight = Backlight(str(tmp_path))
    for _ in range(2):
        backlight.brighten()
        assert (one.read_text(), other.read_text()) == ("255\n", "31\n")
    for _ in range(2):
        backlight.put_back()
        assert (one.read_text(), other.read_text()) == ("90\n", "7\n")


def test_what_somebody_else_has_set_meanwhile_stays(tmp_path: Path) -> None:
    file = device(tmp_path, "panel", "90\n")
    backlight = Backlight(str(tmp_path))
    backlight.brighten()
    file.write_text("120\n")
    backlight.put_back()
    assert file.read_text() == "120\n"


@pytest.mark.parametrize("content", ["", "bright\n", "-1\n", "9" * 40, "255\n"])
def test_a_backlight_that_says_something_odd_is_left_alone_and_the_others_are_not(tmp_path: Path, content: str) -> None:
    odd, fine = device(tmp_path, "a", content), device(tmp_path, "b", "90\n")
    (tmp_path / "c").write_text("no device")
    backlight = Backlight(str(tmp_path))
    backlight.brighten()
    assert (odd.read_text(), fine.read_text()) == (content, "255\n")
    backlight.put_back()
    assert (odd.read_text(), fine.read_text()) == (content, "90\n")


def test_what_cannot_be_written_is_one_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = device(tmp_path, "panel", "90\n")

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    backlight = Backlight(str(tmp_path))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            backlight.brighten()
            backlight.put_back()
    assert len(caplog.records) == 1
    assert "Permission denied" in caplog.text
    assert file.read_text() == "90\n"


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_a_kiosk_without_a_backlight_goes_without(folder: str, caplog: pytest.LogCaptureFixture) -> None:
    backlight = Backlight(folder)
    backlight.brighten()
    backlight.put_back()
    assert not caplog.records


def test_the_lamp_follows_who_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(lamps.time, "monotonic", lambda: clock[0])
    file = device(tmp_path, "panel", "90\n")
    lamp = Lamp(Backlight(str(tmp_path)))
    lamp.saw(sighting(served(1, hint=Reason.MASK)))
    assert (lamp.on, lamp.told, lamp.settling(), file.read_text()) == (False, False, False, "90\n")
    lamp.saw(sighting(served(1, hint=Reason.TOO_DARK)))
    assert (lamp.on, lamp.told, lamp.settling(), file.read_text()) == (True, True, True, "255\n")
    clock[0] += TOLD_S
    lamp.saw(sighting(served(1)))
    assert (lamp.on, lamp.told, lamp.settling()) == (True, False, False)
    clock[0] += 10.0
    lamp.saw(None)
    assert (lamp.on, lamp.settling(), file.read_text()) == (False, True, "90\n"), "a camera that is lost lights nobody"


def test_a_kiosk_that_ends_puts_its_backlight_back(tmp_path: Path) -> None:
    file = device(tmp_path, "panel", "90\n")
    lamp = Lamp(Backlight(str(tmp_path)))
    lamp.saw(sighting(served(1, hint=Reason.TOO_DARK)))
    assert file.read_text() == "255\n"
    lamp.close()
    assert file.read_text() == "90\n"
