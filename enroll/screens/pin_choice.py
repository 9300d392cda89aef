"""The person chooses a PIN: six digits that are never shown, twice. *Pure*."""

from enroll.screens.frame import BUTTON_HEIGHT, CANCEL_WIDTH, TOP, paragraph, who
from enroll.wizard import signals
from enroll.wizard.choices import choices
from enroll.wizard.states import ChoosePin, PinStep, Wizard
from terminal.screens.drawing import Colour, Screen, Weight
from terminal.screens.keypad import FIELD_HEIGHT, keys, note, slots
from terminal.screens.look import BAR, CORNER, KEY, NIGHT, PALE, TEAL, WHITE, Context
from terminal.screens.sheet import Sheet
from terminal.screens.words import Words
from terminal.visit.signals import BACK_BUTTON, CANCEL

_PAD, _GAP = 24.0, 8.0
_KEYS_WIDE, _KEYS_TALL = 400.0, 356.0


def choosing_pin(sheet: Sheet, context: Context, wizard: Wizard, state: ChoosePin) -> Screen:
    """Return the screen: what to type, a slot for each digit, what was wrong before, and the keypad."""
    say = context.say
    offered = [button for button in choices(wizard) if button != CANCEL]
    if sheet.upright:
        wide, foot = sheet.width - 2 * _PAD, sheet.height - _PAD - _KEYS_TALL - 12
        keys(sheet, say, _PAD, foot + 12, wide, _KEYS_TALL)
        beside = sheet.width - CORNER - CANCEL_WIDTH - _PAD - 12
        _quiet(sheet, CANCEL, say.cancel, sheet.width - CORNER - CANCEL_WIDTH, CORNER, CANCEL_WIDTH, BAR)
        _row(sheet, say, offered, foot - BUTTON_HEIGHT, wide)
    else:
        pad = min(sheet.width * 0.5, _KEYS_WIDE)
        wide = beside = sheet.width - pad - 3 * _PAD
        keys(sheet, say, sheet.width - _PAD - pad, _PAD, pad, sheet.height - 2 * _PAD)
        bottom = sheet.height - _PAD - BUTTON_HEIGHT
        _row(sheet, say, [CANCEL, *offered[-1:]], bottom, wide)
        _row(sheet, say, offered[:-1], bottom - BUTTON_HEIGHT - _GAP, wide)
    repeats = state.step is PinStep.REPEAT
    y = paragraph(
        sheet, say.wizard["pin_repeat" if repeats else "pin_choose"], _PAD, CORNER, beside, largest=32, smallest=22,
        weight=Weight.BOLD,
    )  # fmt: skip
    about = who(wizard, state.draft.employee, say)
    y = paragraph(sheet, about, _PAD, y + 2, beside, largest=19, smallest=14, lines=3, colour=TEAL)
    if sheet.upright:
        y = max(y, TOP - 6)
    said = _wrong(state, say)
    if not repeats and not said:
        y = paragraph(sheet, say.wizard["pin_how"], _PAD, y + 2, wide, largest=19, smallest=15, colour=PALE)
    y += 12
    slots(sheet, len(state.code), _PAD, y, wide)
    if said:
        note(sheet, said, _PAD, y + FIELD_HEIGHT + 12, wide)
    return sheet.screen(NIGHT)


def _wrong(state: ChoosePin, say: Words) -> str:
    if state.different:
        return say.wizard["pin_different"]
    return say.wizard[f"flaw_{state.flaw}"] if state.flaw is not None else ""


def _row(sheet: Sheet, say: Words, buttons: list[str], y: float, wide: float) -> None:
    """Buttons side by side over the whole width."""
    labels = {
        CANCEL: say.cancel,
        BACK_BUTTON: say.back,
        signals.SKIP_BUTTON: say.wizard["skip"],
        signals.REFUSE_BUTTON: say.wizard["no_face"],
    }
    for index, button in enumerate(buttons):
        each = (wide - _GAP * (len(buttons) - 1)) / len(buttons)
        colour = BAR if button == CANCEL else KEY
        _quiet(sheet, button, labels[button], _PAD + index * (each + _GAP), y, each, colour)


def _quiet(sheet: Sheet, id_: str, label: str, x: float, y: float, wide: float, colour: Colour) -> None:
    sheet.button(id_, label, x, y, wide, BUTTON_HEIGHT, colour=colour, ink=WHITE, size=24, lines=2)
