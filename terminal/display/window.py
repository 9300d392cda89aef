"""The window, full screen or none: shows a Screen over the live picture, returns touches and keys.

SDL wants its window, its events and its drawing on the main thread.
"""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pygame

import config
from errors import HadirError
from terminal.display.events import Event, event_of
from terminal.display.painter import Painter
from terminal.display.picture_file import PictureFile
from terminal.faces import Picture
from terminal.screens.drawing import Rect, Screen, Weight

_PICTURE_EVERY_S = 1 / 8
_PICTURE_AT_LEAST_EVERY_S = 2.0  # so that whoever looks at the file can tell a still kiosk from a dead one
_PRESSED_S = 0.12
_log = logging.getLogger("hadir.terminal.display")


class DisplayFailed(HadirError):
    """There is no such screen, or it stopped taking pictures; the text says what to set instead."""


def driver_of(asked: str, environment: Mapping[str, str], cards: Path = Path("/dev/dri")) -> str:
    """Return SDL's video driver for config `display.driver`: for auto what the environment offers, dummy for nothing.

    A desktop comes first (Wayland, X); without one a graphics card that may be opened means a bare console.
    """
    if asked != "auto":
        return asked
    if environment.get("WAYLAND_DISPLAY"):
        return "wayland"
    if environment.get("DISPLAY"):
        return "x11"
    found = sorted(cards.glob("card*")) if cards.is_dir() else []
    return "kmsdrm" if any(os.access(card, os.R_OK | os.W_OK) for card in found) else "dummy"


class Display:
    """One window. Use it from the main thread only, and close it."""

    def __init__(self, settings: config.Display) -> None:
        """The window is open. Raises DisplayFailed."""
        self._settings = settings
        self.driver = driver_of(settings.driver, os.environ)
        self._surface = self._open()
        self._painter = Painter()
        self._shown: tuple[Screen, Picture | None] | None = None
        self._pressed: tuple[Rect, float] | None = None
        self._saved_at_s = 0.0
        self._changed = False
        self.flips = 0
        """How many pictures the screen has been given."""
        self._picture_file = PictureFile(Path(settings.picture_file)) if settings.picture_file else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as they are now."""
        return self._surface.get_size()

    def measure(self, words: str, size_px: float, weight: Weight) -> float:
        """Return the width of `words` in pixels at a font size of `size_px`."""
        return self._painter.measure(words, size_px, weight)

    def events(self) -> list[Event]:
        """Return what was touched, typed and closed since the last call."""
        found: list[Event] = []
        for event in pygame.event.get():
            if event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED, pygame.WINDOWRESTORED):
                self._surface = pygame.display.get_surface() or self._surface
                self._shown = None
            elif (meant := event_of(event, self.size)) is not None:
                found.append(meant)
        return found

    def press(self, box: Rect) -> None:
        """The button at `box` looks pressed for a moment."""
        self._pressed = (box, time.monotonic())

    def show(self, screen: Screen, picture: Picture | None = None, *, at_once: bool = False) -> None:
        """The screen is drawn and visible; `picture` is RGB, shown mirrored where the screen wants it.

        Nothing is drawn when nothing changed. The picture file follows a few times a second, or `at_once`.
        Raises DisplayFailed when the screen takes no more pictures.
        """
        now_s = time.monotonic()
        if self._pressed is not None and now_s > self._pressed[1] + _PRESSED_S:
            self._pressed = self._shown = None
        if screen.picture is None:
            picture = None
        if self._shown is None or self._shown[1] is not picture or self._shown[0] != screen or self._pressed:
            try:
                self._painter.paint(self._surface, screen, picture, self._pressed[0] if self._pressed else None)
                pygame.display.flip()
                self.flips += 1
            except pygame.error as error:
                raise DisplayFailed(f"the screen takes no more pictures ({error}); the kiosk starts again") from error
            self._shown, self._changed = (screen, picture), True
        self._save(now_s, at_once)

    def close(self) -> None:
        """The window is gone, and so is the picture file."""
        if self._picture_file is not None:
            self._picture_file.close()
        pygame.quit()

    # --- window -------------------------------------------------------------------------------------------------------

    def _open(self) -> pygame.Surface:
        asked = self._settings
        try:
            return self._open_with(self.driver)
        except pygame.error as error:
            if asked.driver != "auto" or self.driver == "dummy":
                raise DisplayFailed(
                    f"no screen through display.driver {asked.driver} ({error}); set x11, wayland or kmsdrm for the "
                    "screen this machine has, or dummy for none"
                ) from error
            _log.warning("no screen through %s (%s); going on without one", self.driver, error)
        self.driver = "dummy"
        return self._open_with("dummy")

    def _open_with(self, driver: str) -> pygame.Surface:
        pygame.display.quit()
        os.environ["SDL_VIDEODRIVER"] = driver
        os.environ.setdefault("SDL_VIDEO_ALLOW_SCREENSAVER", "0")
        pygame.display.init()
        pygame.font.init()
        pygame.display.set_caption("Hadir")
        size = (self._settings.width_px, self._settings.height_px)
        whole = self._settings.full_screen or driver == "kmsdrm"
        if whole and driver != "dummy":
            sizes = pygame.display.get_desktop_sizes()
            size = sizes[0] if sizes else size
            pygame.mouse.set_visible(False)
            # Without vsync the Pi's KMS driver refuses page flips (raspberrypi/linux#5828).
            try:
                return pygame.display.set_mode(size, pygame.FULLSCREEN | pygame.SCALED, vsync=1)
            except pygame.error:
                return pygame.display.set_mode(size, pygame.FULLSCREEN)
        return pygame.display.set_mode(size, 0 if driver == "dummy" else pygame.RESIZABLE)

    # --- the picture file -------------------------------------------------------------------------------------------

    def _save(self, now_s: float, at_once: bool) -> None:
        """The picture file is as new as it has to be; a full disk costs a warning, never the kiosk."""
        due = now_s >= self._saved_at_s + (_PICTURE_EVERY_S if self._changed else _PICTURE_AT_LEAST_EVERY_S)
        if self._picture_file is None or not (due or at_once):
            return
        self._saved_at_s, self._changed = now_s, False
        if at_once:
            self._picture_file.put_now(self._surface)
        else:
            self._picture_file.put(self._surface)
