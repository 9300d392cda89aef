"""The kiosk's colours and measures, and what a screen has to know beside the state of the visit. *Pure*."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sync.messages import ClockQuality
from terminal.screens.drawing import Colour
from terminal.screens.sheet import Measure, Sheet
from terminal.screens.words import Words
from terminal.visit import signals
from terminal.visit.states import Now

WHITE = Colour(255, 255, 255)
INK = Colour(6, 20, 28)
PALE = Colour(186, 208, 217)
BAR = Colour(6, 18, 26)
KEY = Colour(30, 78, 98)
KEY_STRONG = Colour(10, 122, 66)
TEAL = Colour(64, 214, 190)
AMBER = Colour(255, 190, 46)
NIGHT = (Colour(9, 28, 39), Colour(15, 58, 75))
GREEN = (Colour(8, 112, 60), Colour(5, 84, 48))
GREEN_DEEP = Colour(4, 62, 36)
BLUE = (Colour(29, 78, 178), Colour(20, 54, 128))
BLUE_DEEP = Colour(14, 38, 94)
RED = (Colour(158, 32, 32), Colour(112, 20, 24))
RED_DEEP = Colour(76, 12, 16)
SLATE = (Colour(38, 46, 56), Colour(24, 30, 38))

MARGIN = 32
GUTTER = 24
_PIN_WIDTH = 196
_PIN_HEIGHT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a screen needs beside the state. `name` is that of the state's employee. `picture`: a live picture is there.
    `camera` is ok, starting or lost; `offline_since` is absent while the broker is there; `alarms` are status codes."""

    width_px: int
    height_px: int
    measure: Measure
    now: Now
    zone: tzinfo
    say: Words
    office: str
    name: str | None = None
    picture: bool = False
    camera: str = "ok"
    offline_since: datetime | None = None
    waiting: int = 0
    gallery_version: int = 0
    gallery_people: int = 0
    clock: ClockQuality = ClockQuality.SYNCED
    alarms: tuple[str, ...] = ()


def bar_height(sheet: Sheet) -> float:
    """Return the height of the foot of a screen: one row beside the PIN button, or two rows when upright."""
    return 212 if sheet.upright else 112


def bar_text_width(sheet: Sheet) -> float:
    """Return how wide words in the foot may be."""
    return sheet.width - 2 * GUTTER - (0 if sheet.upright else _PIN_WIDTH + GUTTER)


def bar_text_height(sheet: Sheet) -> float:
    """Return how high the part of the foot is that words may fill, from its top."""
    return bar_height(sheet) - (_PIN_HEIGHT + 20 if sheet.upright else 0)


def pin_button(sheet: Sheet, say: Words, *, colour: Colour, ink: Colour) -> None:
    """Add the PIN button, at the same place on every screen without a keypad."""
    width = sheet.width - 2 * GUTTER if sheet.upright else _PIN_WIDTH
    below = 20 if sheet.upright else (bar_height(sheet) - _PIN_HEIGHT) / 2
    sheet.button(
        signals.PIN_BUTTON,
        say.use_pin,
        sheet.width - width - GUTTER,
        sheet.height - _PIN_HEIGHT - below,
        width,
        _PIN_HEIGHT,
        colour=colour,
        ink=ink,
        size=28,
    )
