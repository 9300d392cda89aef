"""The window, full screen or none: draws a Screen over the live picture, returns touches and keys, sounds tones.

The only pygame import. SDL wants its window, its events and its drawing on the main thread.
"""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import cv2
import numpy as np
import pygame

import config
from errors import HadirError
from terminal.display import tones
from terminal.display.shapes import coverage
from terminal.faces import Picture
from terminal.screens.drawing import Colour, Rect, Screen, Shape, Text, Weight
from terminal.visit import signals
from terminal.visit.signals import Sound

FONTS = Path(__file__).parent / "fonts"
_FILES = {
    Weight.LIGHT: "Roboto-Light.ttf",
    Weight.MEDIUM: "Roboto-Medium.ttf",
    Weight.BOLD: "Roboto-Bold.ttf",
}
_PICTURE_EVERY_S = 1 / 8
_PICTURE_AT_LEAST_EVERY_S = 2.0  # so that whoever looks at the file can tell a still kiosk from a dead one
_PRESSED_S = 0.12
_NOISE_PX = 64
_KEYS = {
    pygame.K_RETURN: signals.ENTER,
    pygame.K_KP_ENTER: signals.ENTER,
    pygame.K_BACKSPACE: signals.BACKSPACE,
    pygame.K_DELETE: signals.BACKSPACE,
    pygame.K_ESCAPE: signals.CANCEL,
    **{getattr(pygame, f"K_KP{digit}"): str(digit) for digit in range(10)},
}
_log = logging.getLogger("hadir.terminal.display")
V = TypeVar("V")


class DisplayFailed(HadirError):
    """There is no such screen, or it stopped taking pictures; the text says what to set instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A finger or the mouse, in fractions of the screen."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A key: a printable character, or one of the names in `signals`."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Somebody closed the window."""


Event = Touched | Pressed | Closed


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
        self._voice = _open_voice(self.driver)
        self._fonts: dict[tuple[Weight, int], pygame.Font] = {}
        self._widths: OrderedDict[tuple[str, int, Weight], float] = OrderedDict()
        self._shapes: OrderedDict[tuple[Shape, tuple[int, int]], tuple[pygame.Surface, int, int]] = OrderedDict()
        self._words: OrderedDict[tuple[str, int, Weight, Colour], pygame.Surface] = OrderedDict()
        self._grounds: OrderedDict[tuple[Colour, Colour, tuple[int, int]], pygame.Surface] = OrderedDict()
        self._live: tuple[Picture, tuple[int, int, int, int], pygame.Surface] | None = None
        self._shown: tuple[Screen, Picture | None] | None = None
        self._pressed: tuple[Rect, float] | None = None
        self._saved_at_s = 0.0
        self._changed = False
        self._picture_file = Path(settings.picture_file) if settings.picture_file else None
        self._picture_failed = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as they are now."""
        return self._surface.get_size()

    def measure(self, words: str, size_px: float, weight: Weight) -> float:
        """Return the width of `words` in pixels at a font size of `size_px`."""
        size = max(1, round(size_px))
        return _kept(self._widths, (words, size, weight), 4096, lambda: float(self._font(weight, size).size(words)[0]))

    def events(self) -> list[Event]:
        """Return what was touched, typed and closed since the last call."""
        found: list[Event] = []
        width, height = self.size
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                found.append(Closed())
            elif event.type == pygame.FINGERDOWN:
                found.append(Touched(x=event.x, y=event.y))
            elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 and not getattr(event, "touch", False):
                found.append(Touched(x=event.pos[0] / width, y=event.pos[1] / height))
            elif event.type == pygame.KEYDOWN and (key := _key_of(event)):
                found.append(Pressed(key=key))
            elif event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED, pygame.WINDOWRESTORED):
                self._surface = pygame.display.get_surface() or self._surface
                self._shown = None
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
                self._draw(screen, picture)
                pygame.display.flip()
            except pygame.error as error:
                raise DisplayFailed(f"the screen takes no more pictures ({error}); the kiosk starts again") from error
            self._shown, self._changed = (screen, picture), True
        self._save(now_s, at_once)

    def sound(self, sound: Sound) -> None:
        """The tone is sounding, where there is something to sound it."""
        if self._voice is not None:
            self._voice[sound].play()

    def close(self) -> None:
        """The window is gone, and so is the picture file."""
        if self._picture_file is not None:
            for path in (self._picture_file, self._part(self._picture_file)):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    _log.warning("picture file not removed: %s", error)
        pygame.quit()

    # --- window and sound -------------------------------------------------------------------------------------------

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

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _draw(self, screen: Screen, picture: Picture | None) -> None:
        surface, (width, height) = self._surface, self.size
        surface.blit(self._ground(screen.background), (0, 0))
        if screen.picture is not None and picture is not None:
            place = _pixels(screen.picture, width, height)
            surface.blit(self._live_surface(picture, place), place[:2])
        for shape in screen.shapes:
            drawn, left, top = self._shape(shape)
            surface.blit(drawn, (left, top))
        if self._pressed is not None:
            self._draw_pressed(self._pressed[0], screen)
        for text in screen.texts:
            self._draw_text(text)
        if screen.progress is not None:
            place = _pixels(screen.progress.box, width, height)
            surface.fill(screen.progress.on, place)
            surface.fill(screen.progress.colour, (*place[:2], round(place[2] * screen.progress.part), place[3]))

    def _draw_text(self, text: Text) -> None:
        width, height = self.size
        size = max(1, round(text.size * height))
        drawn = _kept(
            self._words,
            (text.words, size, text.weight, text.colour),
            256,
            lambda: self._font(text.weight, size).render(text.words, True, text.colour).convert_alpha(),
        )
        left, top = round(text.box.x * width), text.box.y * height
        self._surface.blit(drawn, (left, round(top + (text.box.height * height - drawn.get_height()) / 2)))

    def _draw_pressed(self, box: Rect, screen: Screen) -> None:
        button = next((button for button in screen.buttons if button.box == box), None)
        if button is None:
            return
        panel = next((shape for shape in screen.shapes if getattr(shape, "box", None) == box), None)
        if panel is not None:
            lit = Colour(*(min(255, part + 38) for part in panel.colour))
            drawn, left, top = self._shape(replace(panel, colour=lit))
            self._surface.blit(drawn, (left, top))

    def _shape(self, shape: Shape) -> tuple[pygame.Surface, int, int]:
        def make() -> tuple[pygame.Surface, int, int]:
            left, top, alpha = coverage(shape, *self.size)
            rgba = np.empty((*alpha.shape, 4), np.uint8)
            rgba[..., :3] = shape.colour
            rgba[..., 3] = alpha
            drawn = pygame.image.frombuffer(rgba.tobytes(), alpha.shape[::-1], "RGBA")
            return (drawn.convert() if alpha.size and alpha.min() == 255 else drawn.convert_alpha()), left, top

        return _kept(self._shapes, (shape, self.size), 128, make)

    def _ground(self, colours: tuple[Colour, Colour]) -> pygame.Surface:
        def make() -> pygame.Surface:
            width, height = self.size
            column = np.linspace(colours[0], colours[1], height)
            # A little noise, the same every time, keeps the steps of a dark gradient from showing as bands.
            noise = np.random.default_rng(1).uniform(-0.5, 0.5, (height, _NOISE_PX, 1))
            strip = np.clip(np.round(column[:, None, :] + noise), 0, 255).astype(np.uint8)
            pixels = np.tile(strip, (1, -(-width // _NOISE_PX), 1))[:, :width]
            return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB").convert()

        return _kept(self._grounds, (*colours, self.size), 8, make)

    def _live_surface(self, picture: Picture, place: tuple[int, int, int, int]) -> pygame.Surface:
        """Return the picture mirrored (people expect a mirror) and cropped to fill its place."""
        if self._live is not None and self._live[0] is picture and self._live[1] == place:
            return self._live[2]
        rows, columns = picture.shape[:2]
        wide, tall = place[2], place[3]
        scale = min(columns / wide, rows / tall)
        crop_x, crop_y = max(1, int(wide * scale)), max(1, int(tall * scale))
        left, top = (columns - crop_x) // 2, (rows - crop_y) // 2
        part = picture[top : top + crop_y, left : left + crop_x]
        halved = crop_x >= 2 * wide
        sized = cv2.resize(part, (wide, tall), interpolation=cv2.INTER_AREA if halved else cv2.INTER_LINEAR)
        pixels = np.ascontiguousarray(cv2.flip(sized, 1))
        drawn = pygame.image.frombuffer(pixels.tobytes(), (wide, tall), "RGB")
        self._live = (picture, place, drawn)
        return drawn

    def _font(self, weight: Weight, size: int) -> pygame.Font:
        font = self._fonts.get((weight, size))
        if font is None:
            path = FONTS / _FILES[weight]
            font = pygame.font.Font(path if path.exists() else None, size)
            self._fonts[weight, size] = font
        return font

    # --- the picture file -------------------------------------------------------------------------------------------

    def _save(self, now_s: float, at_once: bool) -> None:
        """The picture file is as new as it has to be; a full disk costs a warning, never the kiosk."""
        path = self._picture_file
        due = now_s >= self._saved_at_s + (_PICTURE_EVERY_S if self._changed else _PICTURE_AT_LEAST_EVERY_S)
        if path is None or not (due or at_once):
            return
        self._saved_at_s, self._changed = now_s, False
        part = self._part(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pygame.image.save(self._surface, part)
            part.replace(path)
            self._picture_failed = False
        except (OSError, pygame.error) as error:
            if not self._picture_failed:
                _log.warning("picture of the screen not written: %s", error)
            self._picture_failed = True

    @staticmethod
    def _part(path: Path) -> Path:
        return path.with_name(f".{path.stem}.part{path.suffix or '.jpg'}")


def _open_voice(driver: str) -> dict[Sound, pygame.mixer.Sound] | None:
    """Return the tones, or None on a machine without sound: ALSA would complain on the console if it were tried."""
    wired = any(Path("/dev/snd").glob("pcm*p")) if Path("/dev/snd").is_dir() else False
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    served = bool(os.environ.get("PULSE_SERVER")) or any(
        Path(session, name).exists() for name in ("pulse/native", "pipewire-0") if session
    )
    if driver == "dummy" or not (wired or served):
        return None
    try:
        pygame.mixer.init(frequency=tones.RATE_HZ, size=-16, channels=2, buffer=512)
        return {sound: pygame.mixer.Sound(buffer=tones.samples(sound).tobytes()) for sound in Sound}
    except pygame.error as error:
        _log.warning("no sound: %s", error)
        return None


def _key_of(event: pygame.Event) -> str | None:
    """Return the key as the visit knows it; keys with Ctrl, Alt and the like are none."""
    if event.mod & (pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META):
        return None
    if event.key in _KEYS and not (event.unicode.isprintable() and event.unicode):
        return _KEYS[event.key]
    if len(event.unicode) == 1 and event.unicode.isprintable():
        return str(event.unicode)
    return _KEYS.get(event.key)


def _pixels(box: Rect, width: int, height: int) -> tuple[int, int, int, int]:
    left, top = round(box.x * width), round(box.y * height)
    return (
        left,
        top,
        max(1, round((box.x + box.width) * width) - left),
        max(1, round((box.y + box.height) * height) - top),
    )


K = TypeVar("K")


def _kept(store: OrderedDict[K, V], key: K, most: int, make: Callable[[], V]) -> V:
    """Return what `store` keeps under `key`, made now if it is not there; the least lately used is forgotten."""
    if key in store:
        store.move_to_end(key)
        return store[key]
    value = store[key] = make()
    if len(store) > most:
        store.popitem(last=False)
    return value
