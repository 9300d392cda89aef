"""Whether the person sometimes looks otherwise at work: one more picture for each such look, or none. *Pure*."""

from enroll.screens.frame import BUTTON_HEIGHT, TOP, paragraph, ways_out
from enroll.screens.live import look_name
from enroll.wizard import signals
from enroll.wizard.states import OfferLooks, Wizard
from terminal.screens.drawing import Screen, Weight
from terminal.screens.heads import head
from terminal.screens.look import (
    BAR,
    CORNER,
    GUTTER,
    INK,
    MARGIN,
    NIGHT,
    PALE,
    TEAL,
    WHITE,
    Context,
    actions,
    bar_height,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted

_GAP = 12.0


def offering(sheet: Sheet, context: Context, wizard: Wizard, state: OfferLooks) -> Screen:
    """Return the screen: a tile for each look, drawn and named, and going on without any."""
    say = context.say
    ways_out(sheet, wizard, say)
    beside = sheet.width - MARGIN - CORNER - 136
    y = paragraph(
        sheet, say.wizard["looks_title"], MARGIN, CORNER + 4, beside, largest=32, smallest=22, weight=Weight.BOLD,
        lines=2,
    )  # fmt: skip
    room = sheet.width - 2 * MARGIN
    y = paragraph(sheet, say.wizard["looks_how"], MARGIN, max(y + 4, TOP), room, largest=24, smallest=18, colour=PALE)
    top, ground = y + 14, sheet.height - bar_height(sheet) - 8
    columns = 1 if sheet.upright else min(3, len(state.looks))
    while (rows := -(-len(state.looks) // columns)) > 1 and (ground - top + _GAP) / rows - _GAP < BUTTON_HEIGHT:
        columns += 1
    wide = (sheet.width - 2 * GUTTER - _GAP * (columns - 1)) / columns
    tall = min(176.0, (ground - top - _GAP * (rows - 1)) / rows)
    labels = [look_name(look, say) for look in state.looks]
    above = not sheet.upright and tall >= 140
    size = min(_letters(sheet, label, wide - 24 if above else wide - 138) for label in labels)
    for index, (look, label) in enumerate(zip(state.looks, labels, strict=True)):
        row, column = divmod(index, columns)
        x, y = GUTTER + column * (wide + _GAP), top + row * (tall + _GAP)
        sheet.button(f"{signals.LOOK_BUTTON}{look}", label, x, y, wide, tall, colour=BAR, ink=WHITE, size=0)
        if above:
            head(sheet, x + wide / 2, y + (tall - 44) / 2 + 6, tall - 76, PALE, look=look)
            _label(sheet, label, x + wide / 2, y + tall - 42, size, Align.CENTRE, wide - 24)
        else:
            icon = min(tall - 28, 84.0)
            head(sheet, x + 22 + icon / 2, y + tall / 2, icon, PALE, look=look)
            _label(sheet, label, x + 42 + icon, y + (tall - size * LINE_HEIGHT) / 2, size, Align.LEFT, wide - 138)
    actions(sheet, ((signals.GO_ON_BUTTON, say.wizard["go_on"], TEAL, INK),))
    return sheet.screen(NIGHT)


def _letters(sheet: Sheet, label: str, room: float) -> float:
    return fitted(label, room, largest=26, smallest=17, lines=1, weight=Weight.BOLD, measure=sheet.measure)[1]


def _label(sheet: Sheet, label: str, x: float, y: float, size: float, align: Align, room: float) -> None:
    sheet.text(label, x, y, size, WHITE, (BAR,), weight=Weight.BOLD, align=align, width=room)
