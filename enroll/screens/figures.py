"""What is drawn instead of said: people who walk, arrows, signs. *Pure*; terminal.screens.heads has the heads."""

from terminal.screens.drawing import Colour, Weight
from terminal.screens.look import AMBER, BAR, INK, KEY, TEAL, WHITE
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet

DIM = Colour(96, 128, 142)
"""What is not the turn of: seen, and not looked at."""


def person(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
    """Add head and shoulders, `size` high, standing on y."""
    s = size / 100
    sheet.ellipse(x, y - 74 * s, 46 * s, 52 * s, colour)
    sheet.panel(x - 42 * s, y - 42 * s, 84 * s, 42 * s, colour, 20 * s)


def chevrons(sheet: Sheet, x: float, y: float, way: int) -> None:
    """Add an arrow that says where to turn, -1 for the left of the screen: seen on any picture."""
    for colour, line in ((BAR, 24.0), (AMBER, 13.0)):
        for place in (-20, 20):
            tip = x + way * (place + 16)
            sheet.stroke([(tip - way * 30, y - 34), (tip, y), (tip - way * 30, y + 34)], colour, line)


def arrow(sheet: Sheet, x: float, y: float, length: float, colour: Colour) -> None:
    """Add a small arrow to the right, its middle at x, y."""
    half = length / 2
    sheet.stroke([(x - half, y), (x + half, y)], colour, 4)
    sheet.stroke([(x + half - 7, y - 7), (x + half, y), (x + half - 7, y + 7)], colour, 4)


def ticked(sheet: Sheet, x: float, y: float, size: float, *, colour: Colour = TEAL) -> None:
    """Add a tick in a disc around the centre."""
    s = size / 100
    sheet.ellipse(x, y, size, size, colour)
    sheet.stroke([(x - 25 * s, y + 2 * s), (x - 7 * s, y + 20 * s), (x + 26 * s, y - 18 * s)], INK, 11 * s)


def warning(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add the sign for what somebody has to look at."""
    _sign(sheet, "!", x, y, size, AMBER, INK)


def question(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add the sign for what is not known yet."""
    _sign(sheet, "?", x, y, size, KEY, WHITE)


def nothing(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add the sign for what did not happen."""
    s = size / 100
    sheet.ellipse(x, y, size, size, KEY)
    sheet.stroke([(x - 26 * s, y), (x + 26 * s, y)], WHITE, 11 * s)


def waiting(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Add the sign for what takes a moment."""
    s = size / 100
    sheet.ellipse(x, y, size, size, KEY)
    for place in (-26, 0, 26):
        sheet.ellipse(x + place * s, y, 14 * s, 14 * s, WHITE)


def _sign(sheet: Sheet, letter: str, x: float, y: float, size: float, colour: Colour, ink: Colour) -> None:
    sheet.panel(x - size / 2, y - size / 2, size, size, colour, size / 2)
    tall = size * 0.62
    sheet.text(
        letter, x, y - tall * LINE_HEIGHT / 2, tall, ink, (colour,), weight=Weight.BOLD, align=Align.CENTRE
    )  # fmt: skip
