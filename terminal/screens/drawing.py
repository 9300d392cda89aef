"""A screen as a value: what is drawn where, in fractions of its width and height. *Pure*.

Widths and x are fractions of the width; heights, y, text sizes, radii and line widths are fractions of the height.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Colour(NamedTuple):
    """sRGB, 0 to 255."""

    red: int
    green: int
    blue: int


class Rect(NamedTuple):
    """A rectangle in fractions; x, y is the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        """Return whether the point lies inside."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def covers(self, other: "Rect", slack: float = 1e-6) -> bool:
        """Return whether `other` lies wholly inside."""
        return (
            self.x <= other.x + slack
            and self.y <= other.y + slack
            and other.x + other.width <= self.x + self.width + slack
            and other.y + other.height <= self.y + self.height + slack
        )

    def touches(self, other: "Rect", slack: float = 1e-6) -> bool:
        """Return whether the two share any area."""
        return (
            self.x + slack < other.x + other.width
            and other.x + slack < self.x + self.width
            and self.y + slack < other.y + other.height
            and other.y + slack < self.y + self.height
        )


class Weight(StrEnum):
    """How heavy letters are."""

    LIGHT = "light"
    MEDIUM = "medium"
    BOLD = "bold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One line of text; `box` is the space it takes, measured. `on` is the colour it stands on."""

    words: str
    box: Rect
    size: float
    weight: Weight
    colour: Colour
    on: tuple[Colour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rounded rectangle."""

    box: Rect
    colour: Colour
    radius: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse:
    """An ellipse filling `box`; an outline of `line` width, or filled when it is 0."""

    box: Rect
    colour: Colour
    line: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A line through points with round joins and ends."""

    points: tuple[tuple[float, float], ...]
    colour: Colour
    line: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Veil:
    """A colour laid over the live picture within `box`, leaving an ellipse clear; `strength` 0 to 1."""

    box: Rect
    clear: Rect
    colour: Colour
    strength: float


Shape = Panel | Ellipse | Stroke | Veil


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a touch inside `box` means; it is drawn by the shapes and texts."""

    id: str
    label: str
    box: Rect
    radius: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How much of a result's time is left, as a bar filled to `part` (0 to 1)."""

    box: Rect
    part: float
    colour: Colour
    on: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Everything a display draws: background from top to bottom colour, the live picture (mirrored, cropped to fill
    `picture`, around the point `focus` of it in fractions, as far as it reaches), shapes in order, texts, progress.
    `buttons` are where touches count."""

    name: str
    background: tuple[Colour, Colour]
    shapes: tuple[Shape, ...]
    texts: tuple[Text, ...]
    buttons: tuple[Button, ...]
    picture: Rect | None = None
    focus: tuple[float, float] = (0.5, 0.5)
    progress: Progress | None = None

    def button_at(self, x: float, y: float) -> Button | None:
        """Return the button under a touch."""
        return next((button for button in self.buttons if button.box.holds(x, y)), None)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
