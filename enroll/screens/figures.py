"""What is drawn instead of said: heads that turn or wear something, people who walk, signs. *Pure*."""

from terminal.screens.drawing import Colour, Weight
from terminal.screens.look import AMBER, BAR, INK, KEY, PALE, TEAL, WHITE
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet

DIM = Colour(96, 128, 142)
"""What is not the turn of: seen, and not looked at."""
_CLOTH = Colour(122, 96, 190)


def head(sheet: Sheet, x: float, y: float, size: float, colour: Colour, *, turn: int = 0, look: str = "") -> None:
    """Add a head around the centre x, y, `size` high. `turn` is -1 to the left of the screen, 1 to the right."""
    s = size / 100
    if look == "jilbab":
        sheet.ellipse(x, y + 2 * s, 104 * s, 116 * s, _CLOTH)
        sheet.ellipse(x, y + 34 * s, 112 * s, 54 * s, _CLOTH)
    wide, tall = (66.0, 78.0) if look == "jilbab" else (76.0, 100.0)
    sheet.ellipse(x, y, wide * s, tall * s, colour)
    shift, line = 17 * s * turn, 5 * s
    for side in (-1, 1):
        apart = 15 * s * (0.75 if side == turn else 1.0)
        sheet.ellipse(x + shift + side * apart, y - 8 * s, 9 * s, 9 * s, BAR)
    sheet.stroke([(x + shift * 1.5, y - 2 * s), (x + shift * 1.5 + 5 * s * turn, y + 12 * s)], BAR, line)
    sheet.stroke([(x + shift - 10 * s, y + 27 * s), (x + shift + 10 * s, y + 27 * s)], BAR, line)
    if look == "glasses":
        for side in (-1, 1):
            sheet.ellipse(x + side * 17 * s, y - 8 * s, 28 * s, 26 * s, INK, 4 * s)
        sheet.stroke([(x - 3 * s, y - 9 * s), (x + 3 * s, y - 9 * s)], INK, 4 * s)
    if look == "mask":
        sheet.panel(x - 31 * s, y + 4 * s, 62 * s, 36 * s, WHITE, 12 * s)
        sheet.stroke([(x - 20 * s, y + 17 * s), (x + 20 * s, y + 17 * s)], PALE, 3 * s)
        sheet.stroke([(x - 20 * s, y + 28 * s), (x + 20 * s, y + 28 * s)], PALE, 3 * s)


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
