"""The screens that answer: recorded, already recorded, not recorded. *Pure*.

They are read in passing: one symbol, one name, one time, large. For whoever stays: what it means by the office's hours,
the receipt, a code that leads to exactly this punch however long ago it was, and what can be done about it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sync import receipts
from sync.messages import AttendanceEvent, Direction
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
    actions,
    bar_height,
    pin_button,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.screens.words import Words
from terminal.visit import signals
from terminal.visit.schedule import Kind, consequence_of
from terminal.visit.states import AlreadyRecorded, Correcting, NotRecorded, Recorded

_SYMBOL = 168
_PROGRESS_HEIGHT = 10
_ONE_LINE = 44
_RECEIPT_SIZE = 22.0

Symbol = Callable[[Sheet, float, float, float, Colour], None]
"""(sheet, x and y of the centre, size, colour) -> drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a result says. `moment` is (what, when): the pill and the large time. `receipt` is the code, "" without.
    `buttons` are what can be done about it."""

    colours: tuple[Colour, Colour]
    deep: Colour
    symbol: Symbol
    headline: str
    name: str
    moment: tuple[str, str, str] | None
    note: str
    receipt: str
    buttons: tuple[str, ...]


def recorded(sheet: Sheet, context: Context, say: Words, state: Recorded, *, busy: bool = False) -> Screen:
    """Return the green screen; `busy` while a correction of it is on its way to the card."""
    answer = _Answer(
        colours=GREEN,
        deep=GREEN_DEEP,
        symbol=tick,
        headline=say.recorded,
        name=context.name or state.event.punch.employee,
        moment=_moment(state.event, state.direction, context, say),
        note=_meaning(state, context, say),
        receipt=state.event.receipt,
        buttons=() if busy else (signals.NOT_ME_BUTTON, signals.CHANGE_BUTTON, signals.TODAY_BUTTON),
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def already_recorded(
    sheet: Sheet, context: Context, say: Words, state: AlreadyRecorded, *, busy: bool = False
) -> Screen:
    """Return the blue screen with the time and the receipt of the first punch."""
    answer = _Answer(
        colours=BLUE,
        deep=BLUE_DEEP,
        symbol=_two_ticks,
        headline=say.already_recorded,
        name=context.name or state.event.punch.employee,
        moment=_moment(state.first, state.first.punch.direction, context, say),
        note=say.first_time,
        receipt=state.first.receipt,
        buttons=() if busy else (signals.NOT_ME_BUTTON, signals.TODAY_BUTTON),
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def correcting(sheet: Sheet, context: Context, say: Words, state: Correcting) -> Screen:
    """Return what is shown until the card has the correction: the result as it was, with nothing to press."""
    result = state.result
    if isinstance(result, Recorded):
        return recorded(sheet, context, say, result, busy=True)
    return already_recorded(sheet, context, say, result, busy=True)


def not_recorded(sheet: Sheet, context: Context, say: Words, state: NotRecorded) -> Screen:
    """Return the red screen."""
    answer = _Answer(
        colours=RED,
        deep=RED_DEEP,
        symbol=cross,
        headline="",
        name=say.not_recorded,
        moment=None,
        note=say.not_recorded_advice,
        receipt="",
        buttons=(),
    )
    return _answered(sheet, context, say, answer, state.since_s, state.until_s)


def _moment(event: AttendanceEvent, direction: Direction, context: Context, say: Words) -> tuple[str, str, str]:
    at = event.punch.first_seen_at  # the arrival is what counts
    return say.directions[direction], words.clock(at, context.zone), words.zone_name(at, context.zone)


def _meaning(state: Recorded, context: Context, say: Words) -> str:
    """Return in one line what the punch means by the hours: of the arrival, for queueing costs nobody a minute."""
    punch = state.event.punch
    meant = consequence_of(punch.first_seen_at, state.direction, context.schedule, context.zone)
    said = say.consequences[meant.kind].format(words.minutes(meant.minutes, say))
    if context.renew and state.direction is Direction.OUT:  # on the way home there is time to be told
        return f"{said}. {say.renew_face}"
    return f"{said}. {say.farewells[state.direction]}" if meant.kind is Kind.ON_TIME else said


def _answered(sheet: Sheet, context: Context, say: Words, answer: _Answer, since_s: float, until_s: float) -> Screen:
    """Symbol beside (upright: above) headline, name, time, note, receipt; what can be done, and progress, at the foot.

    For who asked for large letters the symbol and the headline, which only repeats it, make room for them.
    """
    large = context.large
    symbol = _SYMBOL if not large else 120
    left = Align.CENTRE if sheet.upright else Align.LEFT
    x = sheet.width / 2 if sheet.upright else MARGIN + 8 + symbol + 36
    room = sheet.width - 2 * MARGIN if sheet.upright else sheet.width - x - MARGIN
    note, note_size = fitted(
        answer.note,
        room,
        largest=38 if large else 26,
        smallest=18,
        lines=2,
        weight=Weight.BOLD if large else Weight.MEDIUM,
        measure=sheet.measure,
    )
    headline = answer.headline if not large else ""
    receipt_size = 26.0 if large else _RECEIPT_SIZE
    ground = sheet.height - bar_height(sheet) + 8
    gap = 24 if sheet.upright else 0
    for largest in (66, 60, 54, 48, 42, 36, 30) if large else (60, 50, 42):
        name, size = _name(sheet, answer.name, room, largest=largest)
        heights = [
            28 * LINE_HEIGHT + 6 if headline else 0,
            size * LINE_HEIGHT * len(name) + 10,
            72 * LINE_HEIGHT + 6 if answer.moment else 0,
            note_size * LINE_HEIGHT * len(note) + 6,
            receipt_size * LINE_HEIGHT if answer.receipt else 0,
        ]
        if sum(heights) + (symbol + gap if sheet.upright else 0) <= ground - 8:
            break
    if sheet.upright:
        top = max(10.0, (ground - sum(heights) - symbol - gap) / 2)
        answer.symbol(sheet, x, top + symbol / 2, symbol, answer.colours[1])
        y = top + symbol + gap
    else:
        y = max(6.0, (ground - sum(heights)) / 2 + 4)
        answer.symbol(sheet, MARGIN + 8 + symbol / 2, ground / 2, symbol, answer.colours[1])
    on = answer.colours
    if headline:
        sheet.text(headline, x, y, 28, WHITE, on, align=left, width=room)
    y += heights[0]
    sheet.lines(name, x, y, size, WHITE, on, weight=Weight.BOLD, align=left)
    y += heights[1]
    if answer.moment:
        _time(sheet, answer.moment, x, y, answer)
    y += heights[2]
    weight = Weight.BOLD if large else Weight.MEDIUM
    sheet.lines(note, x, y, note_size, WHITE, on, weight=weight, align=left)
    y += heights[3]
    if answer.receipt:
        receipt = say.receipt.format(receipts.shown(answer.receipt))
        sheet.text(receipt, x, y, receipt_size, WHITE, on, align=left, width=room)
    _actions(sheet, say, answer)
    pin_button(sheet, say, colour=answer.deep, ink=WHITE)
    left_s = max(0.0, until_s - context.now.monotonic_s)
    sheet.progress = Progress(
        box=sheet.rect(0, sheet.height - _PROGRESS_HEIGHT, sheet.width, _PROGRESS_HEIGHT),
        part=min(1.0, left_s / (until_s - since_s)) if until_s > since_s else 0.0,
        colour=WHITE,
        on=answer.deep,
    )
    return sheet.screen(answer.colours)


def _actions(sheet: Sheet, say: Words, answer: _Answer) -> None:
    """What can be done about it. That it was somebody else stands out: it is the one thing that must not be missed."""
    labels = {
        signals.NOT_ME_BUTTON: (say.not_me, WHITE, answer.deep),
        signals.CHANGE_BUTTON: (say.change, answer.deep, WHITE),
        signals.TODAY_BUTTON: (say.today, answer.deep, WHITE),
    }
    actions(sheet, tuple((id_, *labels[id_]) for id_ in answer.buttons))


def _name(sheet: Sheet, name: str, room: float, *, largest: float) -> tuple[list[str], float]:
    """Return the name on one line where that is large enough, else on two, or three where that lets it be larger."""
    one, two, three = (
        fitted(name, room, largest=largest, smallest=24, lines=lines, weight=Weight.BOLD, measure=sheet.measure)
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


def tick(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
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


def cross(sheet: Sheet, x: float, y: float, size: float, colour: Colour) -> None:
    sheet.ellipse(x, y, size, size, WHITE)
    s = size / 168
    for sign in (1, -1):
        sheet.stroke([(x - 36 * s, y - 36 * s * sign), (x + 36 * s, y + 36 * s * sign)], colour, 18 * s)
