"""A head that does or wears what somebody is asked to. *Pure*."""

from terminal.screens.drawing import Colour
from terminal.screens.look import BAR, INK, PALE, WHITE
from terminal.screens.sheet import Sheet

_CLOTH = Colour(122, 96, 190)


def head(
    sheet: Sheet,
    x: float,
    y: float,
    size: float,
    colour: Colour,
    *,
    turn: float = 0,
    nod: float = 0,
    shut: bool = False,
    look: str = "",
) -> None:
    """Add a head around the centre x, y, `size` high. `turn` is -1 to the left of the screen, 1 to the right, `nod` -1
    with the chin lifted, 1 with it lowered; `shut` are the eyes."""
    s = size / 100
    if look == "jilbab":
        sheet.ellipse(x, y + 2 * s, 104 * s, 116 * s, _CLOTH)
        sheet.ellipse(x, y + 34 * s, 112 * s, 54 * s, _CLOTH)
    wide, tall = (66.0, 78.0) if look == "jilbab" else (76.0, 100.0)
    sheet.ellipse(x, y, wide * s, tall * s, colour)
    shift, line = 17 * s * turn, 5 * s
    below = y + 14 * s * nod
    for side in (-1, 1):
        eye = x + shift + side * 15 * s * (1 - 0.25 * max(0.0, side * turn))
        if shut:
            sheet.stroke([(eye - 6 * s, below - 8 * s), (eye + 6 * s, below - 8 * s)], BAR, 4 * s)
        else:
            sheet.ellipse(eye, below - 8 * s, 9 * s, 9 * s, BAR)
    nose = below + 5 * s * nod
    sheet.stroke([(x + shift * 1.5, nose - 2 * s), (x + shift * 1.5 + 5 * s * turn, nose + 12 * s)], BAR, line)
    sheet.stroke([(x + shift - 10 * s, below + 27 * s), (x + shift + 10 * s, below + 27 * s)], BAR, line)
    if look == "glasses":
        for side in (-1, 1):
            sheet.ellipse(x + side * 17 * s, y - 8 * s, 28 * s, 26 * s, INK, 4 * s)
        sheet.stroke([(x - 3 * s, y - 9 * s), (x + 3 * s, y - 9 * s)], INK, 4 * s)
    if look == "mask":
        sheet.panel(x - 31 * s, y + 4 * s, 62 * s, 36 * s, WHITE, 12 * s)
        sheet.stroke([(x - 20 * s, y + 17 * s), (x + 20 * s, y + 17 * s)], PALE, 3 * s)
        sheet.stroke([(x - 20 * s, y + 28 * s), (x + 20 * s, y + 28 * s)], PALE, 3 * s)
