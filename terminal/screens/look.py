"""The kiosk's colours and measures, and what a screen has to know beside the state of the visit. *Pure*."""

from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from sync.messages import ClockQuality
from terminal.screens.drawing import Colour, Weight
from terminal.screens.facts import Facts
from terminal.screens.sheet import LINE_HEIGHT, Align, Measure, Sheet
from terminal.screens.words import Words
from terminal.sighting import CameraTrouble
from terminal.visit import signals
from terminal.visit.schedule import Schedule
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
EASE_SIZE = 80
CORNER = 16
"""From the edges of the screen to the button for large letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a screen needs beside the state. `name` is that of the state's employee. `picture`: a live picture is there,
    and `face` is the middle of the face served in it, in fractions. `camera` is ok, starting or lost, `trouble` why;
    `offline_since` is absent while the broker is there; `alarms` are status codes; `gallery_days` is the set's age.
    `message` is the office's own of today. `large`: somebody asked for large letters. `facts` are for an administrator.
    `renew`: the state's employee should enrol again before their face fails. `enrols`: people can be enrolled here.
    `lit`: the screen lights a face that is too dark, and `lighting` says so.
    """

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
    gallery_days: int = 0
    trouble: CameraTrouble | None = None
    face: tuple[float, float] | None = None
    message: str = ""
    large: bool = False
    schedule: Schedule = field(default_factory=Schedule)
    facts: Facts = field(default_factory=Facts)
    renew: bool = False
    enrols: bool = False
    lit: bool = False
    lighting: bool = False


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
    corner_button(sheet, signals.PIN_BUTTON, say.use_pin, colour, ink)


def ease_button(sheet: Sheet, context: Context, say: Words) -> None:
    """Add the button for large letters and more time, in the upper right corner of every screen that waits."""
    colour, ink = (TEAL, INK) if context.large else (KEY, WHITE)
    x = sheet.width - CORNER - EASE_SIZE
    sheet.button(
        signals.EASE_BUTTON, say.large_letters, x, CORNER, EASE_SIZE, EASE_SIZE, colour=colour, ink=ink, size=0
    )
    middle = CORNER + EASE_SIZE / 2
    small = sheet.measure("A", 26, Weight.BOLD)
    taken = small + sheet.measure("A", 44, Weight.BOLD)
    left = x + (EASE_SIZE - taken) / 2
    foot = middle + 44 * LINE_HEIGHT / 2
    sheet.text("A", left, foot - 26 * LINE_HEIGHT - 5, 26, ink, (colour,), weight=Weight.BOLD)
    sheet.text("A", left + small, foot - 44 * LINE_HEIGHT, 44, ink, (colour,), weight=Weight.BOLD)


def back_button(sheet: Sheet, label: str, *, colour: Colour, ink: Colour) -> None:
    """Add the way back, at the place where other screens have the PIN."""
    corner_button(sheet, signals.BACK_BUTTON, label, colour, ink)


def corner_button(sheet: Sheet, id_: str, label: str, colour: Colour, ink: Colour, *, lines: int = 1) -> None:
    """Add the button in the lower right corner, upright across the foot."""
    width = sheet.width - 2 * GUTTER if sheet.upright else _PIN_WIDTH
    below = 20 if sheet.upright else (bar_height(sheet) - _PIN_HEIGHT) / 2
    x, y = sheet.width - width - GUTTER, sheet.height - _PIN_HEIGHT - below
    sheet.button(id_, label, x, y, width, _PIN_HEIGHT, colour=colour, ink=ink, size=28, lines=lines)


def actions(sheet: Sheet, buttons: tuple[tuple[str, str, Colour, Colour], ...]) -> None:
    """Add a row of buttons (id, label, colour, ink) beside the PIN button, upright above it."""
    if not buttons:
        return
    gap = 12.0
    room = sheet.width - 2 * GUTTER if sheet.upright else sheet.width - 2 * GUTTER - _PIN_WIDTH - gap
    wide = min((room - gap * (len(buttons) - 1)) / len(buttons), 240)
    top = sheet.height - bar_height(sheet) + (12 if sheet.upright else (bar_height(sheet) - _PIN_HEIGHT) / 2)
    x = GUTTER + ((room - len(buttons) * wide - gap * (len(buttons) - 1)) / 2 if sheet.upright else 0)
    for id_, label, colour, ink in buttons:
        sheet.button(id_, label, x, top, wide, _PIN_HEIGHT, colour=colour, ink=ink, size=25)
        x += wide + gap


def heading(sheet: Sheet, words: str) -> float:
    """Add a headline at the top left of a dark screen; return the y below it."""
    size = 34.0
    room = sheet.width - 2 * MARGIN
    sheet.text(words, MARGIN, 28, size, WHITE, NIGHT, weight=Weight.BOLD, align=Align.LEFT, width=room, smallest=20)
    return 28 + size * LINE_HEIGHT
