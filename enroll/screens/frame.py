"""What an enrolment's screens share: who it is about, the way out, the way without a face, a plain message. *Pure*.

The way out is always in the upper right corner, the way without a face always where the kiosk has its PIN button: who
does not want to go on need not search.
"""

from collections.abc import Callable
from dataclasses import dataclass

from enroll.wizard import signals
from enroll.wizard.choices import choices
from enroll.wizard.states import Wizard
from terminal.screens.drawing import Colour, Screen, Weight
from terminal.screens.look import (
    BAR,
    CORNER,
    GUTTER,
    INK,
    KEY,
    MARGIN,
    NIGHT,
    PALE,
    TEAL,
    WHITE,
    Context,
    actions,
    bar_height,
    corner_button,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.screens.words import Words
from terminal.visit.signals import BACK_BUTTON, CANCEL

CANCEL_WIDTH = 124.0
BUTTON_HEIGHT = 76.0
TOP = CORNER + BUTTON_HEIGHT + 12
"""Where the screen begins below the way out."""

_LONGEST = 120

Symbol = Callable[[Sheet, float, float, float], None]
"""(sheet, x and y of the centre, size) -> drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing said: a symbol, a title, what it means; `buttons` (id, label) are what can be done about it."""

    symbol: Symbol
    title: str
    who: str = ""
    details: tuple[str, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()


def printable(words: str) -> str:
    """Return `words` without what no font draws, and no more than a screen could show: a list may hold anything."""
    return "".join(letter for letter in words[:_LONGEST] if letter.isprintable())


def name_of(wizard: Wizard, employee: str) -> str:
    """Return the name of somebody on the roster, "" for nobody's number."""
    entry = wizard.roster.get(employee)
    return printable(entry.name).strip() if entry is not None else ""


def who(wizard: Wizard, employee: str, say: Words) -> str:
    """Return name and number in a line."""
    number = say.number_is.format(printable(employee)).replace(" ", "\N{NO-BREAK SPACE}")
    name = name_of(wizard, employee)
    return f"{name} ({number})" if name else number


def ways_out(sheet: Sheet, wizard: Wizard, say: Words) -> None:
    """Add the way out and the way without a face, where they are open."""
    offered = choices(wizard)
    if CANCEL in offered:
        cancel(sheet, say)
    if signals.REFUSE_BUTTON in offered:
        corner_button(sheet, signals.REFUSE_BUTTON, say.wizard["no_face"], KEY, WHITE, lines=2)
    elif BACK_BUTTON in offered:
        corner_button(sheet, BACK_BUTTON, say.back, KEY, WHITE)


def cancel(sheet: Sheet, say: Words, x: float | None = None) -> None:
    """Add the way out, at the top right, or at `x`."""
    x = sheet.width - CORNER - CANCEL_WIDTH if x is None else x
    sheet.button(CANCEL, say.cancel, x, CORNER, CANCEL_WIDTH, BUTTON_HEIGHT, colour=BAR, ink=WHITE, size=26)


def label_of(sheet: Sheet, words: str, width: float, height: float, *, largest: float = 25) -> tuple[list[str], float]:
    """Return lines and size at which words are as large as they can be on a button."""
    fits = (
        fitted(
            words, width, largest=min(largest, (height - 8) / (lines * LINE_HEIGHT)), smallest=14, lines=lines,
            weight=Weight.BOLD, measure=sheet.measure,
        )
        for lines in (1, 2, 3)
    )  # fmt: skip
    whole = [found for found in fits if not found[0][-1].endswith("…")]
    return max(whole, key=lambda found: found[1], default=([words], 14.0))


def paragraph(
    sheet: Sheet,
    words: str,
    x: float,
    y: float,
    width: float,
    *,
    largest: float,
    smallest: float = 16,
    lines: int = 2,
    colour: Colour = WHITE,
    weight: Weight = Weight.MEDIUM,
    align: Align = Align.LEFT,
) -> float:
    """Add words on the background on as many lines as they need; return the y below them."""
    broken, size = fitted(
        words, width, largest=largest, smallest=smallest, lines=lines, weight=weight, measure=sheet.measure
    )
    return sheet.lines(broken, x, y, size, colour, NIGHT, weight=weight, align=align)


def message(sheet: Sheet, context: Context, wizard: Wizard, said: Message) -> Screen:
    """Return the screen that says one thing: the symbol beside the words, upright above them."""
    ways_out(sheet, wizard, context.say)
    ground = sheet.height - (bar_height(sheet) if choices(wizard) else GUTTER)
    top = TOP if CANCEL in choices(wizard) else float(GUTTER)
    symbol = 132.0
    x = sheet.width / 2 if sheet.upright else MARGIN + symbol + 36
    room = sheet.width - 2 * MARGIN if sheet.upright else sheet.width - x - MARGIN
    gap = 12.0
    above = symbol + 24 if sheet.upright else 0.0
    for scale in (1.0, 0.92, 0.85, 0.78):
        blocks = _blocks(sheet, said, room, scale)
        tall = sum(len(broken) * size * LINE_HEIGHT for broken, size, _, _ in blocks) + gap * (len(blocks) - 1)
        if above + tall <= ground - top:
            break
    y = top + max(0.0, (ground - top - tall - above) / 2)
    if sheet.upright:
        said.symbol(sheet, x, y + symbol / 2, symbol)
        y += above
    else:
        said.symbol(sheet, MARGIN + symbol / 2, y + tall / 2, symbol)
    for broken, size, colour, weight in blocks:
        align = Align.CENTRE if sheet.upright else Align.LEFT
        y = gap + sheet.lines(broken, x, y, size, colour, NIGHT, weight=weight, align=align)
    actions(sheet, tuple((id_, label, TEAL, INK) for id_, label in said.buttons))
    return sheet.screen(NIGHT)


def _blocks(sheet: Sheet, said: Message, room: float, scale: float) -> list[tuple[list[str], float, Colour, Weight]]:
    """Return each part in lines, with its size, colour and weight."""
    blocks = []
    for words, largest, lines, colour, weight in (
        (said.title, 42.0, 2, WHITE, Weight.BOLD),
        (said.who, 26.0, 3, TEAL, Weight.MEDIUM),
        *((detail, 27.0, 4, PALE, Weight.MEDIUM) for detail in said.details),
    ):
        if words:
            broken, size = fitted(
                words, room, largest=largest * scale, smallest=18, lines=lines, weight=weight, measure=sheet.measure
            )
            blocks.append((broken, size, colour, weight))
    return blocks
