"""The display without a screen: what is drawn, what is touched and typed, the picture file, the tones."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pygame
import pytest
from numpy.typing import NDArray

import config
from terminal.display import Closed, Display, DisplayFailed, Pressed, Touched, driver_of, screenshots, tones
from terminal.display.picture_file import PictureFile
from terminal.display.shapes import coverage
from terminal.faces import Picture
from terminal.screens import screen_of
from terminal.screens.catalogue import LOCALES
from terminal.screens.drawing import Colour, Ellipse, Panel, Rect, Screen, Stroke, Veil, Weight
from terminal.visit import signals
from terminal.visit.signals import Sound
from terminal.visit.states import Idle, Looking

RED, GREEN, BLUE = Colour(200, 0, 0), Colour(0, 200, 0), Colour(0, 0, 200)


@pytest.fixture
def display() -> Iterator[Display]:
    opened = Display(config.Display(driver="dummy"))
    yield opened
    opened.close()


def plain(**parts: object) -> Screen:
    whole = {"name": "plain", "background": (BLUE, BLUE), "shapes": (), "texts": (), "buttons": (), **parts}
    return Screen(**whole)  # type: ignore[arg-type]


def pixel(x: float, y: float) -> tuple[int, int, int]:
    surface = pygame.display.get_surface()
    assert surface is not None
    return tuple(surface.get_at((int(x * surface.get_width()), int(y * surface.get_height()))))[:3]


def halves(left: Colour, right: Colour, width: int = 640, height: int = 360) -> Picture:
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = left, right
    return picture


# --- drawing --------------------------------------------------------------------------------------------------------


def test_the_live_picture_is_a_mirror_in_true_colours(display: Display) -> None:
    screen = plain(picture=Rect(0.25, 0.25, 0.5, 0.5))
    display.show(screen, halves(RED, Colour(0, 200, 0)))
    assert pixel(0.1, 0.1) == BLUE
    assert pixel(0.3, 0.5) == (0, 200, 0), "what is right in the picture is left in a mirror"
    assert pixel(0.7, 0.5) == RED


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (720, 1280), (97, 61), (1, 1)])
def test_pictures_of_any_shape_fill_their_place(display: Display, width: int, height: int) -> None:
    display.show(plain(picture=Rect(0, 0, 1, 0.7)), halves(RED, RED, width, height))
    for x, y in ((0.001, 0.001), (0.998, 0.001), (0.001, 0.69), (0.998, 0.69)):
        assert pixel(x, y) == RED
    assert pixel(0.5, 0.75) == BLUE


def test_a_picture_that_is_a_view_of_another_is_drawn_as_well(display: Display) -> None:
    display.show(plain(picture=Rect(0, 0, 1, 1)), halves(RED, BLUE)[::2, ::2][:, ::-1])
    assert pixel(0.1, 0.5) == RED


def test_a_veil_dims_the_picture_but_not_the_oval(display: Display) -> None:
    veil = Veil(box=Rect(0, 0, 1, 1), clear=Rect(0.3, 0.2, 0.4, 0.6), colour=Colour(0, 0, 0), strength=0.5)
    display.show(plain(picture=Rect(0, 0, 1, 1), shapes=(veil,)), halves(RED, RED))
    assert pixel(0.5, 0.5) == RED
    assert pixel(0.05, 0.05) == pytest.approx((100, 0, 0), abs=2)


def test_nothing_is_drawn_again_when_nothing_changed(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    flips = []
    monkeypatch.setattr(pygame.display, "flip", lambda: flips.append(1))
    picture = halves(RED, RED)
    for _ in range(5):
        display.show(plain(), picture)
    assert len(flips) == 1
    live = plain(picture=Rect(0, 0, 1, 1))
    display.show(live, picture)
    display.show(live, picture.copy())
    assert len(flips) == 3


def test_a_pressed_button_lights_up_and_goes_out(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_of(Idle(since_s=0), screenshots.ordinary(display, "id"))
    box = screen.buttons[0].box
    corner = (box.x + 0.02, box.y + box.height / 2)
    display.show(screen)
    before = pixel(*corner)
    display.press(box)
    display.show(screen)
    assert sum(pixel(*corner)) > sum(before) + 60
    now_s = time.monotonic()
    monkeypatch.setattr("terminal.display.window.time.monotonic", lambda: now_s + 1)
    display.show(screen)
    assert pixel(*corner) == before


@pytest.mark.slow
def test_every_screen_is_drawn_and_looks_like_no_other(tmp_path: Path) -> None:
    written = list(screenshots.write(tmp_path, sizes=((800, 480),)))
    assert len(written) == len(list(screenshots.specimens())) * len(LOCALES)
    for code in LOCALES:
        pictures = {path.read_bytes() for path in written if f"-{code}-" in path.name}
        assert len(pictures) == len(written) / len(LOCALES)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written}, "nothing else is left"


def test_letters_of_any_size_keep_no_file_open(display: Display) -> None:
    """A long life meets names of every length, and each makes its letters of another size."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for size in range(8, 180):
        for weight in Weight:
            display.measure("Siti", size, weight)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_letters_are_those_of_the_kiosk_and_measured_as_drawn(display: Display) -> None:
    assert display.measure("", 30, Weight.BOLD) == 0
    light, bold = (display.measure("Wajah belum dikenali", 40, weight) for weight in (Weight.LIGHT, Weight.BOLD))
    assert 300 < light < bold < 500


def test_a_screen_that_takes_no_more_pictures_ends_the_kiosk_in_a_sentence(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise pygame.error("Could not queue pageflip: -22")

    monkeypatch.setattr(pygame.display, "flip", fail)
    with pytest.raises(DisplayFailed, match="no more pictures"):
        display.show(plain())


# --- shapes ---------------------------------------------------------------------------------------------------------


def test_shapes_cover_the_area_they_should() -> None:
    def area(shape: Panel | Ellipse | Stroke) -> float:
        return float(coverage(shape, 400, 200)[2].sum()) / 255

    assert area(Panel(box=Rect(0.25, 0.25, 0.5, 0.5), colour=RED)) == 200 * 100
    rounded = area(Panel(box=Rect(0.25, 0.25, 0.5, 0.5), colour=RED, radius=0.1))
    assert rounded == pytest.approx(200 * 100 - (4 - np.pi) * 20**2, rel=0.002)
    assert area(Ellipse(box=Rect(0.25, 0.1, 0.5, 0.8), colour=RED)) == pytest.approx(np.pi * 100 * 80, rel=0.005)
    ring = area(Ellipse(box=Rect(0.3, 0.1, 0.4, 0.8), colour=RED, line=0.05))
    assert ring == pytest.approx(np.pi * 160 * 10, rel=0.02)
    line = Stroke(points=((0.25, 0.5), (0.75, 0.5)), colour=RED, line=0.1)
    assert area(line) == pytest.approx(200 * 20 + np.pi * 100, rel=0.01)
    dot = Stroke(points=((0.5, 0.5),), colour=RED, line=0.1)
    assert area(dot) == pytest.approx(np.pi * 100, rel=0.02)


def test_what_lies_outside_is_cut_off() -> None:
    for box in (Rect(-0.5, -0.5, 0.2, 0.2), Rect(0.9, 0.9, 0.5, 0.5), Rect(1.5, 0, 0.1, 0.1)):
        left, top, alpha = coverage(Ellipse(box=box, colour=RED), 100, 50)
        assert left + alpha.shape[1] <= max(left, 100)
        assert top + alpha.shape[0] <= max(top, 50)


# --- touches and keys -----------------------------------------------------------------------------------------------


def post(kind: int, **values: object) -> None:
    pygame.event.post(pygame.event.Event(kind, **values))


def pressed(key: int, unicode: str = "", mod: int = 0) -> None:
    post(pygame.KEYDOWN, key=key, unicode=unicode, mod=mod, scancode=0)


def test_fingers_and_the_mouse_touch_but_a_mouse_made_of_a_finger_does_not(display: Display) -> None:
    display.events()
    post(pygame.FINGERDOWN, x=0.25, y=0.75, finger_id=0, touch_id=1, dx=0, dy=0, pressure=1)
    post(pygame.MOUSEBUTTONDOWN, pos=(200, 360), button=1, touch=True)
    post(pygame.MOUSEBUTTONDOWN, pos=(400, 120), button=1, touch=False)
    post(pygame.MOUSEBUTTONDOWN, pos=(400, 120), button=3, touch=False)
    assert display.events() == [Touched(x=0.25, y=0.75), Touched(x=0.5, y=0.25)]


def test_keyboards_and_keypads_type(display: Display) -> None:
    display.events()
    pressed(pygame.K_7, "7")
    pressed(pygame.K_KP7, "")
    pressed(pygame.K_KP7, "7")
    pressed(pygame.K_a, "a")
    pressed(pygame.K_RETURN, "\r")
    pressed(pygame.K_KP_ENTER, "\r")
    pressed(pygame.K_BACKSPACE, "\x08")
    pressed(pygame.K_DELETE, "\x7f")
    pressed(pygame.K_ESCAPE, "\x1b")
    pressed(pygame.K_c, "\x03", pygame.KMOD_LCTRL)
    pressed(pygame.K_F4, "", pygame.KMOD_LALT)
    pressed(pygame.K_LSHIFT)
    keys = [event.key for event in display.events() if isinstance(event, Pressed)]
    assert keys == ["7", "7", "7", "a", *[signals.ENTER] * 2, *[signals.BACKSPACE] * 2, signals.CANCEL]


def test_closing_the_window_is_said(display: Display) -> None:
    display.events()
    post(pygame.QUIT)
    assert display.events() == [Closed()]


# --- the driver -----------------------------------------------------------------------------------------------------


def test_the_driver_follows_the_machine(tmp_path: Path) -> None:
    nothing = tmp_path / "none"
    assert driver_of("kmsdrm", {"DISPLAY": ":0"}) == "kmsdrm"
    assert driver_of("auto", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, nothing) == "wayland"
    assert driver_of("auto", {"DISPLAY": ":0"}, nothing) == "x11"
    assert driver_of("auto", {}, nothing) == "dummy"
    (tmp_path / "card0").touch()
    assert driver_of("auto", {}, tmp_path) == "kmsdrm"
    assert driver_of("auto", {"DISPLAY": ":0"}, tmp_path) == "x11"


def test_a_screen_that_was_asked_for_and_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(DisplayFailed, match=r"display\.driver x11 .*or dummy for none"):
        Display(config.Display(driver="x11"))
    pygame.quit()


def test_without_a_working_screen_auto_goes_on_without_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with caplog.at_level(logging.WARNING):
        display = Display(config.Display(driver="auto"))
    try:
        assert display.driver == "dummy"
        assert "going on without one" in caplog.text
    finally:
        display.close()


# --- the picture file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_the_picture_file_is_whole_and_gone_at_the_end(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "made" / f"screen.{kind}"
    display = Display(config.Display(driver="dummy", picture_file=str(path)))
    display.show(screen_of(Idle(since_s=0), screenshots.ordinary(display, "id")), at_once=True)
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (480, 800, 3)
    assert list(path.parent.iterdir()) == [path]
    display.close()
    assert list(path.parent.iterdir()) == []


def test_the_picture_file_changes_a_few_times_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves: list[float] = []
    now_s = [100.0]
    monkeypatch.setattr("terminal.display.window.time.monotonic", lambda: now_s[0])
    display = Display(config.Display(driver="dummy", picture_file=str(tmp_path / "screen.jpg")))
    monkeypatch.setattr(PictureFile, "put", lambda *_: saves.append(now_s[0]))
    live = plain(picture=Rect(0, 0, 1, 1))
    for _ in range(60):
        now_s[0] += 1 / 30
        display.show(live, halves(RED, BLUE))
    assert 12 <= len(saves) <= 16
    saves.clear()
    for _ in range(150):
        now_s[0] += 1 / 30
        display.show(plain())
    assert 2 <= len(saves) <= 4, "a still kiosk is not a dead one"
    display.close()


def test_a_disk_that_does_not_answer_holds_up_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), threading.Semaphore(0)
    written: list[tuple[int, ...]] = []

    def slow(surface: pygame.Surface, path: Path) -> None:
        asked.release()
        assert answers.wait(20)
        written.append(tuple(surface.get_at((0, 0)))[:3])
        path.write_bytes(b"whole")

    monkeypatch.setattr(pygame.image, "save", slow)
    file = PictureFile(tmp_path / "screen.jpg")
    surface = pygame.Surface((4, 4))
    for colour in (RED, GREEN, BLUE):
        surface.fill(colour)
        file.put(surface)
        if colour == RED:
            assert asked.acquire(timeout=10)
    surface.fill((9, 9, 9))  # what is drawn next is not in a picture that was put before
    answers.set()
    assert asked.acquire(timeout=10)
    file.close()
    assert written == [RED, BLUE], "the newest one, and none queued behind a slow disk"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_a_warning_and_not_the_kiosk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    display = Display(config.Display(driver="dummy", picture_file=str(tmp_path / "screen.jpg")))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pygame.image, "save", full)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            display.show(plain(), at_once=True)
    assert caplog.text.count("picture of the screen not written") == 1
    display.close()


# --- sound ----------------------------------------------------------------------------------------------------------


def rhythm(wave: NDArray[np.int16]) -> tuple[tuple[int, int], ...]:
    """Return begin and length of each note in hundredths of a second, as who cannot tell pitches hears a tone."""
    blocks = np.abs(wave[:, 0].astype(int))[: len(wave) // 441 * 441].reshape(-1, 441).max(axis=1) > 300
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blocks, [False]]).astype(int)))
    return tuple((int(a), int(b - a)) for a, b in edges.reshape(-1, 2))


def test_tones_are_short_distinct_and_do_not_click() -> None:
    made = {sound: tones.samples(sound) for sound in Sound}
    assert len({wave.tobytes() for wave in made.values()}) == len(Sound)
    for sound, wave in made.items():
        assert wave.dtype == np.int16
        assert wave.shape[1] == 2
        assert len(wave) / tones.RATE_HZ <= 0.25
        assert np.abs(wave[[0, -1]]).max() < 1500, sound
        assert 1000 < np.abs(wave).max() < 20_000


def test_tones_are_told_apart_by_their_rhythm_too() -> None:
    heard = {sound: rhythm(tones.samples(sound)) for sound in Sound}
    assert [len(heard[sound]) for sound in (Sound.RECORDED, Sound.ALREADY, Sound.REFUSED, Sound.ALARM)] == [2, 2, 1, 3]
    (_, short), (_, long) = heard[Sound.RECORDED]
    (_, one), (_, other) = heard[Sound.ALREADY]
    assert long > 2 * short
    assert one == other
    assert heard[Sound.REFUSED][0][1] > 5 * heard[Sound.KEY][0][1]


def test_a_looking_screen_costs_little_time_a_frame(display: Display) -> None:
    context = replace(screenshots.ordinary(display, "id"), picture=True)
    state = Looking(track_id=1, arrived_at=context.now.at, hint=None, seen_at_s=0)
    frames = [halves(RED, BLUE, 1280, 720) for _ in range(3)]
    display.show(screen_of(state, context), frames[-1])
    begun = time.process_time()
    for number in range(60):
        display.show(screen_of(state, context), frames[number % 3])
    assert (time.process_time() - begun) / 60 < 0.03
