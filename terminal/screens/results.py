"""The screens that answer: recorded, already recorded, not recorded. *Pure*.

They are read in passing: one symbol, one name, one time, large. Small, for whoever stays, the receipt: a code that
leads to exactly this punch, however long ago it was.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sync import receipts
from sync.messages import AttendanceEvent
from terminal.screens import words
from terminal.screens.drawing import Colour, Progress, Screen, Weight
from terminal.screens.look import (
    BLUE,
    BLUE_DEEP,
    GREEN,
    GREEN_DEEP,
    MARGIN,
    RED,
    RED_DEEP,
    WHITE,
    Context,
    bar_height,
    bar_text_height,
    bar_text_width,
    pin_button,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.screens.words import Words
from terminal.visit.states import AlreadyRecorded, NotRecorded, Recorded

_SYMBOL = 168
_PROGRESS_HEIGHT = 10
_ONE_LINE = 44
_RECEIPT_SIZE = 24

Symbol = Callable[[Sheet, float, float, float, Colour], None]
"""(sheet, x and y of the centre, size, colour) -> drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a result says. `moment` is (what, when): the pill and the large time. `receipt` is the code, "" without."""

    colours: tuple[Colour, Colour]
    deep: Colour
    symbol: Symbol
    headline: str
    name: str
    moment: tuple[str, str, str] | None
    note: str
    receipt: str


def recorded(sheet: Sheet, context: Context, say: Words, state: Recorded) -> Screen:
    """Return the green screen."""
    answer = _Answer(
        colours=GREEN,
        deep=GREEN_DEEP,
        symbol=_tick,
        headline=say.recorded,
        name=context.name or state.event.punch.employee,
        moment=_moment(state.event, context, say),
        note=say.farewells[state.event.punch.direction],
        receipt=state.event.receipt,
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def already_recorded(sheet: Sheet, context: Context, say: Words, state: AlreadyRecorded) -> Screen:
    """Return the blue screen with the time and the receipt of the first punch."""
    answer = _Answer(
        colours=BLUE,
        deep=BLUE_DEEP,
        symbol=_two_ticks,
        headline=say.already_recorded,
        name=context.name or state.event.punch.employee,
        moment=_moment(state.first, context, say),
        note=say.first_time,
        receipt=state.first.receipt,
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def not_recorded(sheet: Sheet, context: Context, say: Words, state: NotRecorded) -> Screen:
    """Return the red screen."""
    answer = _Answer(
        colours=RED,
        deep=RED_DEEP,
        symbol=_cross,
        headline="",
        name=say.not_recorded,
        moment=None,
        note=say.not_recorded_advice,
        receipt="",
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def _moment(event: AttendanceEvent, context: Context, say: Words) -> tuple[str, str, str]:
    at = event.punch.occurred_at
    return (
        say.directions[event.punch.direction],
        words.clock(at, context.zone),
        words.zone_name(at, context.zone),
    )


def _answered(sheet: Sheet, context: Context, say: Words, answer: _Answer, since_s: float, until_s: float) -> Screen:
    """Symbol beside (upright: above) headline, name, time, note; receipt, PIN and progress at the foot."""
    left = Align.CENTRE if sheet.upright else Align.LEFT
    x = sheet.width / 2 if sheet.upright else MARGIN + 24 + _SYMBOL + 44
    room = sheet.width - 2 * MARGIN if sheet.upright else sheet.width - x - MARGIN
    name, size = _name(sheet, answer.name, room)
    note, note_size = fitted(
        answer.note, room, largest=26, smallest=18, lines=2, weight=Weight.MEDIUM, measure=sheet.measure
    )
    heights = [
        28 * LINE_HEIGHT + 6 if answer.headline else 0,
        size * LINE_HEIGHT * len(name) + 10,
        72 * LINE_HEIGHT + 6 if answer.moment else 0,
        note_size * LINE_HEIGHT * len(note),
    ]
    block = sum(heights)
    ground = sheet.height - bar_height(sheet) + 20
    if sheet.upright:
        top = (ground - block - _SYMBOL - 40) / 2 + 10
        answer.symbol(sheet, x, top + _SYMBOL / 2, _SYMBOL, answer.colours[1])
        y = top + _SYMBOL + 40
    else:
        y = (ground - block) / 2 + 6
        answer.symbol(sheet, MARGIN + 24 + _SYMBOL / 2, ground / 2, _SYMBOL, answer.colours[1])
    on = answer.colours
    if answer.headline:
        sheet.text(answer.headline, x, y, 28, WHITE, on, align=left, width=room)
    y += heights[0]
    sheet.lines(name, x, y, size, WHITE, on, weight=Weight.BOLD, align=left)
    y += heights[1]
    if answer.moment:
        _time(sheet, answer.moment, x, y, answer)
    y += heights[2]
    sheet.lines(note, x, y, note_size, WHITE, on, weight=Weight.MEDIUM, align=left)
    if answer.receipt:
        _receipt(sheet, say.receipt.format(receipts.shown(answer.receipt)), answer.colours)
    pin_button(sheet, say, colour=answer.deep, ink=WHITE)
    left_s = max(0.0, until_s - context.now.monotonic_s)
    sheet.progress = Progress(
        box=sheet.rect(0, sheet.height - _PROGRESS_HEIGHT, sheet.width, _PROGRESS_HEIGHT),
        part=min(1.0, left_s / (until_s - since_s)) if until_s > since_s else 0.0,
        colour=WHITE,
        on=answer.deep,
    )
    return sheet.screen(answer.colours)


def _receipt(sheet: Sheet, words: str, on: tuple[Colour, Colour]) -> None:
    """The receipt in the foot, beside the PIN button (upright: above it)."""
    tall = bar_text_height(sheet)
    x, align = (sheet.width / 2, Align.CENTRE) if sheet.upright else (MARGIN + 24, Align.LEFT)
    # The block above reaches 20 into the foot.
    y = sheet.height - bar_height(sheet) + (tall - _RECEIPT_SIZE * LINE_HEIGHT) / 2 + (10 if sheet.upright else 0)
    room = bar_text_width(sheet) - (0 if sheet.upright else MARGIN)
    sheet.text(words, x, y, _RECEIPT_SIZE, WHITE, on, align=align, width=room)


def _name(sheet: Sheet, name: str, room: float) -> tuple[list[str], float]:
    """Return the name on one line where that is large enough, else on two, or three where that lets it be larger."""
    one, two, three = (
        fitted(name, room, largest=60, smallest=24, lines=lines, weight=Weight.BOLD, measure=sheet.measure)
        for lines in (1, 2, 3)
    )
    if one[1] >= _ONE_LINE:
        return one
    return three if three[1] > 1.2 * two[1] else two


def _time(sheet: Sheet, moment: tuple[str, str, str], x: float, y: float, answer: _Answer) -> None:
    """The direction in a pill, the time large, the zone small."""
    what, when, zone = moment
    size, pill_size, zone_size = 72.0, 28.0, 24.0
    pill = sheet.measure(what, pill_size, Weight.BOLD) + 44
    taken = pill + 20 + sheet.measure(when, size, Weight.BOLD) + 12 + sheet.measure(zone, zone_size, Weight.MEDIUM)
    if sheet.upright:
        x -= taken / 2
    tall = size * LINE_HEIGHT
    sheet.panel(x, y + (tall - 52) / 2, pill, 52, WHITE, 26)
    words_top = y + (tall - pill_size * LINE_HEIGHT) / 2
    sheet.text(what, x + pill / 2, words_top, pill_size, answer.deep, (WHITE,), weight=Weight.BOLD, align=Align.CENTRE)
    x += pill + 20
    x += sheet.text(when, x, y, size, WHITE, answer.colours, weight=Weight.BOLD) + 12
    sheet.text(zone, x, y + tall - zone_size * LINE_HEIGHT - 14, zone_size, WHITE, answer.colours)


def _tick(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
    sheet.ellipse(x, y, size, size, WHITE)
    s = size / 168
    sheet.stroke([(x - 42 * s, y + 4 * s), (x - 12 * s, y + 34 * s), (x + 44 * s, y - 30 * s)], colour, 18 * s)


def _two_ticks(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
    sheet.ellipse(x, y, size, size, WHITE)
    s = size / 168
    first = [(x - 56 * s, y + 4 * s), (x - 28 * s, y + 32 * s), (x + 22 * s, y - 26 * s)]
    sheet.stroke(first, colour, 15 * s)
    second = [(x - 4 * s, y + 28 * s), (x, y + 32 * s), (x + 50 * s, y - 26 * s)]
    sheet.stroke(second, colour, 15 * s)


def _cross(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
    sheet.ellipse(x, y, size, size, WHITE)
    s = size / 168
    for sign in (1, -1):
        sheet.stroke([(x - 36 * s, y - 36 * s * sign), (x + 36 * s, y + 36 * s * sign)], colour, 18 * s)
