"""The keypad: employee number, then six digits that are never shown. *Pure*.

Keys are 15 mm and more on a 7" panel of 800x480; a keyboard does the same.
"""

from terminal.screens import words
from terminal.screens.drawing import Screen, Weight
from terminal.screens.look import AMBER, BAR, INK, KEY, KEY_STRONG, NIGHT, PALE, TEAL, WHITE, Context
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, cut, fitted
from terminal.screens.words import Words
from terminal.visit import signals
from terminal.visit.keypad import CODE_DIGITS
from terminal.visit.states import PinChecking, PinCode, PinNumber, PinProblem

_PAD = 24
_GAP = 12
FIELD_HEIGHT = 68
_KEY_HEIGHT = 92
_CANCEL_WIDTH = 132
_CANCEL_HEIGHT = 76
_ROWS = (("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), (signals.BACKSPACE, "0", signals.ENTER))


def keypad(sheet: Sheet, context: Context, say: Words, state: PinNumber | PinCode | PinChecking) -> Screen:
    """Return the screen on which a number and a PIN are typed: text beside the keys, or above them when upright."""
    if sheet.upright:
        wide = sheet.width - 2 * _PAD
        pad_height = 4 * _KEY_HEIGHT + 3 * _GAP
        keys(sheet, say, _PAD, sheet.height - _PAD - pad_height, wide, pad_height)
        _cancel(sheet, say, sheet.width - _PAD - _CANCEL_WIDTH, _PAD, _CANCEL_WIDTH, _CANCEL_HEIGHT)
        top = _title(sheet, say, state, _PAD, _PAD, wide - _CANCEL_WIDTH - 16, lines=3)
        _form(sheet, context, say, state, _PAD, max(top, _PAD + _CANCEL_HEIGHT) + 12, wide)
    else:
        pad_width = min(sheet.width * 0.5, 440)
        x = sheet.width - _PAD - pad_width
        tall = sheet.height - 2 * _PAD
        keys(sheet, say, x, _PAD, pad_width, tall)
        key_height = (tall - 3 * _GAP) / 4
        _cancel(sheet, say, _PAD, sheet.height - _PAD - key_height, 196, key_height)
        top = _title(sheet, say, state, _PAD, _PAD + 4, x - 2 * _PAD, lines=2)
        _form(sheet, context, say, state, _PAD, top + 18, x - 2 * _PAD)
    return sheet.screen(NIGHT)


def keys(sheet: Sheet, say: Words, x: float, y: float, width: float, height: float) -> None:
    """Add ten digits, one to take the last back, and OK."""
    key_width = (width - 2 * _GAP) / 3
    key_height = (height - 3 * _GAP) / 4
    for row, names in enumerate(_ROWS):
        for column, name in enumerate(names):
            left = x + column * (key_width + _GAP)
            top = y + row * (key_height + _GAP)
            enter, back = name == signals.ENTER, name == signals.BACKSPACE
            sheet.button(
                name,
                say.ok if enter else "" if back else name,
                left,
                top,
                key_width,
                key_height,
                colour=KEY_STRONG if enter else KEY,
                ink=WHITE,
                size=0 if back else 32 if enter else 40,
            )
            if back:
                _backspace(sheet, left + key_width / 2, top + key_height / 2)


def _backspace(sheet: Sheet, x: float, y: float) -> None:
    outline = [(x - 26, y), (x - 9, y - 18), (x + 26, y - 18), (x + 26, y + 18), (x - 9, y + 18), (x - 26, y)]
    sheet.stroke(outline, WHITE, 4)
    sheet.stroke([(x + 1, y - 7), (x + 15, y + 7)], WHITE, 4)
    sheet.stroke([(x + 1, y + 7), (x + 15, y - 7)], WHITE, 4)


def _cancel(sheet: Sheet, say: Words, x: float, y: float, width: float, height: float) -> None:
    sheet.button(signals.CANCEL, say.cancel, x, y, width, height, colour=BAR, ink=WHITE, size=26)


def _title(
    sheet: Sheet, say: Words, state: PinNumber | PinCode | PinChecking, x: float, y: float, width: float, *, lines: int
) -> float:
    """Why the keypad is open; return the y below it."""
    title, size = fitted(
        say.keypad_titles[state.keypad.reason],
        width,
        largest=30,
        smallest=18,
        lines=lines,
        weight=Weight.BOLD,
        measure=sheet.measure,
    )
    return sheet.lines(title, x, y, size, WHITE, NIGHT, weight=Weight.BOLD, align=Align.LEFT)


def _form(
    sheet: Sheet,
    context: Context,
    say: Words,
    state: PinNumber | PinCode | PinChecking,
    x: float,
    y: float,
    width: float,
) -> None:
    """The field being typed, and what was wrong with it."""
    label = 22.0
    match state:
        case PinNumber():
            sheet.text(say.employee_number, x, y, label, PALE, NIGHT, width=width)
            y += label * LINE_HEIGHT + 8
            number_field(sheet, state.number, x, y, width)
        case PinCode() | PinChecking():
            number = say.number_is.format(state.number)
            sheet.text(number, x, y, label, PALE, NIGHT, width=width, smallest=14)
            y += label * LINE_HEIGHT + 4
            sheet.text(say.six_digits, x, y, label, PALE, NIGHT, width=width)
            y += label * LINE_HEIGHT + 8
            slots(sheet, CODE_DIGITS if isinstance(state, PinChecking) else len(state.code), x, y, width)
    _note(sheet, context, say, state, x, y + FIELD_HEIGHT + 14, width)


def number_field(sheet: Sheet, number: str, x: float, y: float, width: float) -> None:
    """Add a field with what was typed, its end kept in sight, and a caret."""
    sheet.panel(x, y, width, FIELD_HEIGHT, WHITE, 12)
    lines, size = fitted(
        number, width - 44, largest=40, smallest=26, lines=1, weight=Weight.BOLD, measure=sheet.measure
    )
    shown = lines[0]
    if shown != number:
        shown = cut(number[::-1], width - 44, size, Weight.BOLD, sheet.measure)[::-1]
    taken = 0.0
    if shown:
        top = y + (FIELD_HEIGHT - size * LINE_HEIGHT) / 2
        taken = sheet.text(shown, x + 18, top, size, INK, (WHITE,), weight=Weight.BOLD) + 4
    sheet.panel(x + 18 + taken, y + 14, 3, FIELD_HEIGHT - 28, KEY, 1)


def slots(sheet: Sheet, typed: int, x: float, y: float, width: float) -> None:
    """Add a slot for each digit of a PIN: a dot when it is typed, a frame around the one that is next."""
    gap = 8.0
    slot = min((width - gap * (CODE_DIGITS - 1)) / CODE_DIGITS, 64)
    for index in range(CODE_DIGITS):
        left = x + index * (slot + gap)
        if index == typed:
            sheet.panel(left - 3, y - 3, slot + 6, FIELD_HEIGHT + 6, TEAL, 14)
        sheet.panel(left, y, slot, FIELD_HEIGHT, WHITE, 12)
        if index < typed:
            sheet.ellipse(left + slot / 2, y + FIELD_HEIGHT / 2, 20, 20, INK)


def _note(
    sheet: Sheet,
    context: Context,
    say: Words,
    state: PinNumber | PinCode | PinChecking,
    x: float,
    y: float,
    width: float,
) -> None:
    if isinstance(state, PinChecking):
        sheet.text(f"{say.checking}…", x, y + 6, 22, WHITE, NIGHT, width=width)
        return
    problem = state.problem
    if problem is None:
        return
    said = say.problems[problem]
    if isinstance(state, PinCode) and problem in (PinProblem.WAIT, PinProblem.WRONG):
        left_s = state.wait_until_s - context.now.monotonic_s
        if problem is PinProblem.WAIT:
            said = say.problems[problem].format(words.wait(left_s, say)) if left_s > 0 else say.try_again
        elif left_s > 0:
            said = f"{said}. {say.problems[PinProblem.WAIT].format(words.wait(left_s, say))}"
    note(sheet, said, x, y, width)


def note(sheet: Sheet, said: str, x: float, y: float, width: float) -> float:
    """Add what was wrong, in a strip that stands out; return the y below it."""
    lines, size = fitted(said, width - 32, largest=22, smallest=15, lines=2, weight=Weight.BOLD, measure=sheet.measure)
    tall = len(lines) * size * LINE_HEIGHT + 16
    sheet.panel(x, y, width, tall, AMBER, 12)
    top = y + (tall - len(lines) * size * LINE_HEIGHT) / 2
    sheet.lines(lines, x + 16, top, size, INK, (AMBER,), weight=Weight.BOLD, align=Align.LEFT)
    return y + tall
