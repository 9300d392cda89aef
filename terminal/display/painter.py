"""A Screen as pixels: the live picture, shapes and words on a surface, each kept for the next frame that needs it."""

import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pygame

from terminal.display.shapes import coverage
from terminal.faces import Picture
from terminal.screens.drawing import Colour, Rect, Screen, Shape, Text, Weight

FONTS = Path(__file__).parent / "fonts"
_FILES = {
    Weight.LIGHT: "Roboto-Light.ttf",
    Weight.MEDIUM: "Roboto-Medium.ttf",
    Weight.BOLD: "Roboto-Bold.ttf",
}
_NOISE_PX = 64
K = TypeVar("K")
V = TypeVar("V")


class Painter:
    """Paints screens of any size; belongs to the thread whose window it is."""

    def __init__(self) -> None:
        self._fonts: dict[tuple[Weight, int], pygame.Font] = {}
        self._widths: OrderedDict[tuple[str, int, Weight], float] = OrderedDict()
        self._shapes: OrderedDict[tuple[Shape, tuple[int, int]], tuple[pygame.Surface, int, int]] = OrderedDict()
        self._words: OrderedDict[tuple[str, int, Weight, Colour], pygame.Surface] = OrderedDict()
        self._grounds: OrderedDict[tuple[Colour, Colour, tuple[int, int]], pygame.Surface] = OrderedDict()
        self._live: tuple[Picture, tuple[tuple[int, int, int, int], tuple[float, float]], pygame.Surface] | None = None

    def measure(self, words: str, size_px: float, weight: Weight) -> float:
        """Return the width of `words` in pixels at a font size of `size_px`."""
        size = max(1, round(size_px))
        return _kept(self._widths, (words, size, weight), 4096, lambda: float(self._font(weight, size).size(words)[0]))

    def paint(self, surface: pygame.Surface, screen: Screen, picture: Picture | None, pressed: Rect | None) -> None:
        """The surface shows the screen over the RGB `picture`; the button at `pressed` looks pressed."""
        width, height = size = surface.get_size()
        surface.blit(self._ground(screen.background, size), (0, 0))
        if screen.picture is not None and picture is not None:
            place = _pixels(screen.picture, width, height)
            surface.blit(self._live_surface(picture, place, screen.focus), place[:2])
        for shape in screen.shapes:
            drawn, left, top = self._shape(shape, size)
            surface.blit(drawn, (left, top))
        if pressed is not None:
            self._paint_pressed(surface, pressed, screen)
        for text in screen.texts:
            self._paint_text(surface, text)
        if screen.progress is not None:
            place = _pixels(screen.progress.box, width, height)
            surface.fill(screen.progress.on, place)
            surface.fill(screen.progress.colour, (*place[:2], round(place[2] * screen.progress.part), place[3]))

    def _paint_text(self, surface: pygame.Surface, text: Text) -> None:
        width, height = surface.get_size()
        size = max(1, round(text.size * height))
        drawn = _kept(
            self._words,
            (text.words, size, text.weight, text.colour),
            256,
            lambda: self._font(text.weight, size).render(text.words, True, text.colour).convert_alpha(),
        )
        left, top = round(text.box.x * width), text.box.y * height
        surface.blit(drawn, (left, round(top + (text.box.height * height - drawn.get_height()) / 2)))

    def _paint_pressed(self, surface: pygame.Surface, box: Rect, screen: Screen) -> None:
        button = next((button for button in screen.buttons if button.box == box), None)
        if button is None:
            return
        panel = next((shape for shape in screen.shapes if getattr(shape, "box", None) == box), None)
        if panel is not None:
            lit = Colour(*(min(255, part + 38) for part in panel.colour))
            drawn, left, top = self._shape(replace(panel, colour=lit), surface.get_size())
            surface.blit(drawn, (left, top))

    def _shape(self, shape: Shape, size: tuple[int, int]) -> tuple[pygame.Surface, int, int]:
        def make() -> tuple[pygame.Surface, int, int]:
            left, top, alpha = coverage(shape, *size)
            rgba = np.empty((*alpha.shape, 4), np.uint8)
            rgba[..., :3] = shape.colour
            rgba[..., 3] = alpha
            drawn = pygame.image.frombuffer(rgba.tobytes(), alpha.shape[::-1], "RGBA")
            return (drawn.convert() if alpha.size and alpha.min() == 255 else drawn.convert_alpha()), left, top

        return _kept(self._shapes, (shape, size), 128, make)

    def _ground(self, colours: tuple[Colour, Colour], size: tuple[int, int]) -> pygame.Surface:
        def make() -> pygame.Surface:
            width, height = size
            column = np.linspace(colours[0], colours[1], height)
            # A little noise, the same every time, keeps the steps of a dark gradient from showing as bands.
            noise = np.random.default_rng(1).uniform(-0.5, 0.5, (height, _NOISE_PX, 1))
            strip = np.clip(np.round(column[:, None, :] + noise), 0, 255).astype(np.uint8)
            pixels = np.tile(strip, (1, -(-width // _NOISE_PX), 1))[:, :width]
            return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB").convert()

        return _kept(self._grounds, (*colours, size), 8, make)

    def _live_surface(
        self, picture: Picture, place: tuple[int, int, int, int], focus: tuple[float, float]
    ) -> pygame.Surface:
        """Return the picture mirrored (people expect a mirror) and cropped around `focus` to fill its place."""
        if self._live is not None and self._live[0] is picture and self._live[1] == (place, focus):
            return self._live[2]
        rows, columns = picture.shape[:2]
        wide, tall = place[2], place[3]
        scale = min(columns / wide, rows / tall)
        crop_x, crop_y = max(1, int(wide * scale)), max(1, int(tall * scale))
        left = min(max(0, round(focus[0] * columns - crop_x / 2)), columns - crop_x)
        top = min(max(0, round(focus[1] * rows - crop_y / 2)), rows - crop_y)
        part = picture[top : top + crop_y, left : left + crop_x]
        halved = crop_x >= 2 * wide
        sized = cv2.resize(part, (wide, tall), interpolation=cv2.INTER_AREA if halved else cv2.INTER_LINEAR)
        pixels = np.ascontiguousarray(cv2.flip(sized, 1))
        drawn = pygame.image.frombuffer(pixels.tobytes(), (wide, tall), "RGB")
        self._live = (picture, (place, focus), drawn)
        return drawn

    def _font(self, weight: Weight, size: int) -> pygame.Font:
        font = self._fonts.get((weight, size))
        if font is None:
            letters = _letters(weight)
            # From memory: a font opened by its path keeps a descriptor of its own for every size.
            font = pygame.font.Font(io.BytesIO(letters) if letters is not None else None, size)
            self._fonts[weight, size] = font
        return font


@cache
def _letters(weight: Weight) -> bytes | None:
    """Return the font's file, None where it is gone: pygame's own letters are better than none."""
    try:
        return (FONTS / _FILES[weight]).read_bytes()
    except OSError:
        return None


def _pixels(box: Rect, width: int, height: int) -> tuple[int, int, int, int]:
    left, top = round(box.x * width), round(box.y * height)
    return (
        left,
        top,
        max(1, round((box.x + box.width) * width) - left),
        max(1, round((box.y + box.height) * height) - top),
    )


def _kept(store: OrderedDict[K, V], key: K, most: int, make: Callable[[], V]) -> V:
    """Return what `store` keeps under `key`, made now if it is not there; the least lately used is forgotten."""
    if key in store:
        store.move_to_end(key)
        return store[key]
    value = store[key] = make()
    if len(store) > most:
        store.popitem(last=False)
    return value
