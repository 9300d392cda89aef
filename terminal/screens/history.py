"""A person's own punches of today, shown to whoever was just recognised, for a few seconds. *Pure*."""

from sync import receipts
from terminal.screens import words
from terminal.screens.drawing import Screen, Weight
from terminal.screens.look import (
    BAR,
    INK,
    KEY,
    MARGIN,
    NIGHT,
    PALE,
    TEAL,
    WHITE,
    Context,
    actions,
    back_button,
    bar_height,
    heading,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.screens.words import Words
from terminal.visit import signals
from terminal.visit.results import may_open_desk
from terminal.visit.states import DayLine, History

_GAP = 10


def history(sheet: Sheet, context: Context, say: Words, state: History) -> Screen:
    """Return the screen: the newest punches that fit, each with time, direction, how, receipt and how far it got."""
    top = heading(sheet, say.today_title) + 2
    name = context.name or state.result.event.punch.employee
    whole, size = fitted(
        name, sheet.width - 2 * MARGIN, largest=24, smallest=16, lines=2, weight=Weight.MEDIUM, measure=sheet.measure
    )
    top = 14 + sheet.lines(whole, MARGIN, top, size, PALE, NIGHT, weight=Weight.MEDIUM, align=Align.LEFT)
    row = 116.0 if sheet.upright else 72.0
    if context.large:
        row *= 1.25
    bottom = sheet.height - bar_height(sheet) - 8
    lines = state.result.today
    room = bottom - top + _GAP
    if len(lines) * (row + _GAP) > room:
        room -= 28  # for how many came before
    fits = max(1, int(room // (row + _GAP)))
    for line in lines[-fits:]:
        _row(sheet, context, say, line, top, row)
        top += row + _GAP
    if len(lines) > fits:
        said = say.earlier_ones.format(len(lines) - fits)
        sheet.text(said, MARGIN, top - 2, 20, PALE, NIGHT, width=sheet.width - 2 * MARGIN)
    if may_open_desk(state.result):
        actions(sheet, ((signals.DESK_BUTTON, say.administrator, KEY, WHITE),))
    back_button(sheet, say.back, colour=KEY, ink=WHITE)
    return sheet.screen(NIGHT)


def _row(sheet: Sheet, context: Context, say: Words, line: DayLine, top: float, tall: float) -> None:
    """Time and direction large, the rest beside them (upright: below), and a dot, full once the centre has it."""
    wide = sheet.width - 2 * MARGIN
    sheet.panel(MARGIN, top, wide, tall, BAR, 12)
    grown = 1.25 if context.large else 1.0
    size, small, dot = 34 * grown, 20 * grown, 22.0
    middle = top + tall * (0.34 if sheet.upright else 0.5)
    right = MARGIN + wide - 28
    sheet.ellipse(right, middle, dot, dot, TEAL, 0 if line.arrived else 3)
    x = MARGIN + 18.0
    when = words.clock(line.at, context.zone)
    x += sheet.text(when, x, top_of(middle, size), size, WHITE, (BAR,), weight=Weight.BOLD) + 16
    what = say.directions[line.direction]
    pill = sheet.measure(what, small, Weight.BOLD) + 28
    sheet.panel(x, middle - 20 * grown, pill, 40 * grown, WHITE, 20 * grown)
    sheet.text(what, x + pill / 2, top_of(middle, small), small, INK, (WHITE,), weight=Weight.BOLD, align=Align.CENTRE)
    x += pill + 18
    rest = f"{say.methods[line.method]}  ·  {receipts.shown(line.receipt)}  ·  " + (
        say.at_centre if line.arrived else say.on_kiosk
    )
    if sheet.upright:
        x, middle, right = MARGIN + 18.0, top + tall * 0.77, MARGIN + wide
    room = right - dot - x
    sheet.text(rest, x, top_of(middle, small), small, PALE, (BAR,), width=room, smallest=12)


def top_of(middle: float, size: float) -> float:
    """Return where a line of `size` begins whose middle is at `middle`."""
    return middle - size * LINE_HEIGHT / 2
