"""Lays out one screen in pixels and hands it over in fractions. *Pure*: how wide words are is asked of a function.

`unit` is one pixel of a 7" panel of 800x480 (or 480x800): about 0.2 mm there, and scaled with the screen elsewhere, so
that a touch target of 75 units is 15 mm on the panel it is meant for.
"""

from collections.abc import Callable
from enum import StrEnum

from terminal.screens.drawing import (
    Button,
    Colour,
    Ellipse,
    Panel,
    Progress,
    Rect,
    Screen,
    Shape,
    Stroke,
    Text,
    Veil,
    Weight,
)

Measure = Callable[[str, float, Weight], float]
"""(words, size in pixels, weight) -> width in pixels."""

LINE_HEIGHT = 1.2
_ELLIPSIS = "…"


class Align(StrEnum):
    """Where words stand relative to x."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


def wrapped(words: str, width: float, size: float, weight: Weight, measure: Measure) -> list[str]:
    """Return `words` broken at spaces (not at hard ones) into lines no wider than `width`; a long word stays whole."""
    lines: list[str] = []
    for word in words.split(" "):
        if lines and measure(f"{lines[-1]} {word}", size, weight) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def fitted(
    words: str, width: float, *, largest: float, smallest: float, lines: int, weight: Weight, measure: Measure
) -> tuple[list[str], float]:
    """Return the lines and the size, largest first, at which `words` fit into `width` and `lines`.

    Where even the smallest size is too large, what does not fit is cut and marked with an ellipsis.
    """
    size = largest
    while True:
        broken = wrapped(words, width, size, weight, measure)
        if len(broken) <= lines and all(measure(line, size, weight) <= width for line in broken):
            return broken, size
        if size <= smallest:
            break
        size = max(smallest, size * 0.94)
    kept = [*broken[: lines - 1], " ".join(broken[lines - 1 :])]
    return [cut(line, width, size, weight, measure) for line in kept], size


def cut(words: str, width: float, size: float, weight: Weight, measure: Measure) -> str:
    """Return `words`, shortened with an ellipsis until they fit into `width`."""
    if measure(words, size, weight) <= width:
        return words
    while words and measure(words + _ELLIPSIS, size, weight) > width:
        words = words[:-1].rstrip()
    return words + _ELLIPSIS


class Sheet:
    """Collects what stands on one screen. Every number is in units from the upper left corner."""

    def __init__(self, name: str, *, width_px: int, height_px: int, measure: Measure) -> None:
        self.name = name
        self.upright = height_px > width_px
        shorter, longer = sorted((width_px, height_px))
        self.unit = min(shorter / 480, longer / 800)
        self.width = width_px / self.unit
        self.height = height_px / self.unit
        self._measure_px = measure
        self.shapes: list[Shape] = []
        self.texts: list[Text] = []
        self.buttons: list[Button] = []
        self.picture: Rect | None = None
        self.focus = (0.5, 0.5)
        self.progress: Progress | None = None

    def screen(self, background: tuple[Colour, Colour]) -> Screen:
        """Return what was laid out."""
        return Screen(
            name=self.name,
            background=background,
            shapes=tuple(self.shapes),
            texts=tuple(self.texts),
            buttons=tuple(self.buttons),
            picture=self.picture,
            focus=self.focus,
            progress=self.progress,
        )

    def measure(self, words: str, size: float, weight: Weight) -> float:
        """Return the width of `words` in units."""
        return self._measure_px(words, size * self.unit, weight) / self.unit

    def rect(self, x: float, y: float, width: float, height: float) -> Rect:
        """Return units as fractions."""
        return Rect(x / self.width, y / self.height, width / self.width, height / self.height)

    def panel(self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0) -> None:
        self.shapes.append(Panel(box=self.rect(x, y, width, height), colour=colour, radius=radius / self.height))

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour, line: float = 0) -> None:
        """Add an ellipse around the centre x, y."""
        box = self.rect(x - width / 2, y - height / 2, width, height)
        self.shapes.append(Ellipse(box=box, colour=colour, line=line / self.height))

    def stroke(self, points: list[tuple[float, float]], colour: Colour, line: float) -> None:
        placed = tuple((x / self.width, y / self.height) for x, y in points)
        self.shapes.append(Stroke(points=placed, colour=colour, line=line / self.height))

    def veil(self, height: float, clear: Rect, colour: Colour, strength: float) -> None:
        box = self.rect(0, 0, self.width, height)
        self.shapes.append(Veil(box=box, clear=clear, colour=colour, strength=strength))

    def text(
        self,
        words: str,
        x: float,
        y: float,
        size: float,
        colour: Colour,
        on: tuple[Colour, ...],
        *,
        weight: Weight = Weight.MEDIUM,
        align: Align = Align.LEFT,
        width: float | None = None,
        smallest: float = 16,
    ) -> float:
        """Add one line whose top is y, shrunk and then cut to fit `width`; return the width it takes."""
        if width is not None:
            lines, size = fitted(
                words, width, largest=size, smallest=min(size, smallest), lines=1, weight=weight, measure=self.measure
            )
            words = lines[0]
        taken = self.measure(words, size, weight)
        match align:
            case Align.CENTRE:
                x -= taken / 2
            case Align.RIGHT:
                x -= taken
            case Align.LEFT:
                pass
        box = self.rect(x, y, taken, size * LINE_HEIGHT)
        self.texts.append(Text(words=words, box=box, size=size / self.height, weight=weight, colour=colour, on=on))
        return taken

    def lines(
        self,
        lines: list[str],
        x: float,
        y: float,
        size: float,
        colour: Colour,
        on: tuple[Colour, ...],
        *,
        weight: Weight,
        align: Align,
    ) -> float:
        """Add lines below each other; return the y below the last."""
        for line in lines:
            self.text(line, x, y, size, colour, on, weight=weight, align=align)
            y += size * LINE_HEIGHT
        return y

    def button(
        self,
        id: str,
        label: str,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        colour: Colour,
        ink: Colour,
        size: float,
        radius: float = 14,
        weight: Weight = Weight.BOLD,
        lines: int = 1,
    ) -> None:
        """Add a button with its label in the middle (none when the label is drawn otherwise), on up to `lines`."""
        self.panel(x, y, width, height, colour, radius)
        box = self.rect(x, y, width, height)
        self.buttons.append(Button(id=id, label=label, box=box, radius=radius / self.height))
        if size:
            broken, size = fitted(
                label,
                width - 16,
                largest=size,
                smallest=min(size, 16),
                lines=lines,
                weight=weight,
                measure=self.measure,
            )
            top = y + (height - len(broken) * size * LINE_HEIGHT) / 2
            self.lines(broken, x + width / 2, top, size, ink, (colour,), weight=weight, align=Align.CENTRE)
