"""Who is to be enrolled: a number on the keypad, a badge, or a touch on a name. *Pure*."""

import heapq

from enroll.screens.frame import BUTTON_HEIGHT, CANCEL_WIDTH, TOP, cancel, paragraph, printable
from enroll.wizard.signals import EMPLOYEE_BUTTON
from enroll.wizard.states import FindEmployee, Wizard
from enroll.wizard.values import Entry
from terminal.screens.drawing import Screen, Weight
from terminal.screens.keypad import FIELD_HEIGHT, keys, note, number_field
from terminal.screens.look import BAR, CORNER, KEY, NIGHT, PALE, TEAL, WHITE, Context
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet
from terminal.screens.words import Words

_PAD, _GAP = 24.0, 8.0
_KEYS_WIDE, _KEYS_TALL = 330.0, 356.0
_MORE = 20.0


def finding(sheet: Sheet, context: Context, wizard: Wizard, state: FindEmployee) -> Screen:
    """Return the screen: title, what was typed, and those of the roster whom it fits, as many as there is room for."""
    say = context.say
    if sheet.upright:
        wide, foot = sheet.width - 2 * _PAD, sheet.height - _PAD - _KEYS_TALL - 12
        keys(sheet, say, _PAD, foot + 12, wide, _KEYS_TALL)
    else:
        wide, foot = sheet.width - _KEYS_WIDE - 3 * _PAD, sheet.height - _PAD
        keys(sheet, say, sheet.width - _PAD - _KEYS_WIDE, _PAD, _KEYS_WIDE, sheet.height - 2 * _PAD)
    # The way out stands beside the title: the keypad has the right edge when the screen lies.
    x = _PAD + wide - CANCEL_WIDTH if not sheet.upright else sheet.width - CORNER - CANCEL_WIDTH
    cancel(sheet, say, x)
    paragraph(sheet, say.wizard["find_title"], _PAD, CORNER, x - _PAD - 12, largest=30, smallest=20, weight=Weight.BOLD)
    number_field(sheet, printable(state.number), _PAD, TOP, wide)
    if not state.number:
        top = TOP + (FIELD_HEIGHT - 22 * LINE_HEIGHT) / 2
        sheet.text(say.wizard["find_how"], _PAD + 32, top, 22, KEY, (WHITE,), width=wide - 48, smallest=14)
    y = TOP + FIELD_HEIGHT + _GAP
    found = fitting(wizard, state.number)
    if state.problem is not None:
        y = _GAP + note(sheet, say.wizard[state.problem], _PAD, y, wide)
    elif not found:
        y = _GAP + note(sheet, say.wizard["not_listed"], _PAD, y, wide)
    _rows(sheet, say, found, y, wide, foot)
    return sheet.screen(NIGHT)


def fitting(wizard: Wizard, typed: str) -> list[Entry]:
    """Return whom `typed` fits: whose number begins so, then those with it in number or name; of each group those
    without a face enrolled come first, then by name."""
    typed = typed.casefold()

    def place(entry: Entry) -> tuple[bool, bool, str, str]:
        begins = entry.number.casefold().startswith(typed)
        return not begins, entry.enrolled, entry.name.casefold(), entry.number

    found = (
        entry
        for entry in wizard.roster.values()
        if typed in entry.number.casefold() or (typed and typed in entry.name.casefold())
    )
    return heapq.nsmallest(len(wizard.roster), found, key=place)


def _rows(sheet: Sheet, say: Words, found: list[Entry], y: float, wide: float, foot: float) -> None:
    """A button for each, with name and number, and how many more there are."""
    fits = max(0, int((foot - y + _GAP) // (BUTTON_HEIGHT + _GAP)))
    if len(found) > fits:
        fits = max(0, int((foot - y - _MORE * LINE_HEIGHT + _GAP) // (BUTTON_HEIGHT + _GAP)))
    for entry in found[:fits]:
        _row(sheet, say, entry, _PAD, y, wide)
        y += BUTTON_HEIGHT + _GAP
    if len(found) > fits:
        said = say.wizard["more"].format(len(found) - fits)
        sheet.text(said, _PAD, foot - _MORE * LINE_HEIGHT, _MORE, PALE, NIGHT, width=wide, smallest=14)


def _row(sheet: Sheet, say: Words, entry: Entry, x: float, y: float, wide: float) -> None:
    name, number = printable(entry.name).strip(), say.number_is.format(printable(entry.number))
    sheet.button(
        f"{EMPLOYEE_BUTTON}{entry.number}", name, x, y, wide, BUTTON_HEIGHT, colour=BAR, ink=WHITE, size=0
    )  # fmt: skip
    room = wide - 36
    sheet.text(name or number, x + 18, y + 10, 25, WHITE, (BAR,), weight=Weight.BOLD, width=room, smallest=21)
    half = room * 0.5 - 6 if entry.enrolled else room
    if name:
        sheet.text(number, x + 18, y + 44, 18, PALE, (BAR,), width=half, smallest=13)
    if entry.enrolled:
        said = say.wizard["enrolled"]
        sheet.text(said, x + 18 + room, y + 44, 17, TEAL, (BAR,), align=Align.RIGHT, width=half, smallest=13)
