"""What the person is told and asked before their face is looked at: the whole text, never cut. *Pure*.

Agreeing and refusing are of one size, one colour and one size of letters.
"""

from enroll import purpose
from enroll.screens.frame import BUTTON_HEIGHT, CANCEL_WIDTH, TOP, cancel, label_of, who
from enroll.wizard import signals
from enroll.wizard.choices import choices
from enroll.wizard.states import Purpose, Wizard
from terminal.screens.desk import LANGUAGE_NAMES
from terminal.screens.drawing import Screen, Weight
from terminal.screens.look import BAR, CORNER, INK, KEY, NIGHT, PALE, TEAL, WHITE, Context
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted, wrapped
from terminal.screens.words import Words
from terminal.visit.signals import LANGUAGE_BUTTON

_PAD, _GAP = 24.0, 10.0
_LARGEST, _LEAST, _STEP = 24.0, 14.0, 0.5
_BETWEEN = 0.3
"""Of a line, between two statements."""
_DASH, _GUTTER = 15.0, 26.0
_VERSION = 14.0


def consent(sheet: Sheet, context: Context, wizard: Wizard, state: Purpose) -> Screen:
    """Return the screen: the text, its version, both answers, and whether pictures may be kept."""
    say, offered = context.say, choices(wizard)
    cancel(sheet, say)
    wide = sheet.width - 2 * _PAD
    if sheet.upright:
        foot = _answers_upright(sheet, say, state, offered)
        beside = sheet.width - _PAD - CORNER - CANCEL_WIDTH - _GAP
    else:
        foot = _answers(sheet, say, state, offered)
        beside = _languages(sheet, offered, sheet.width - CORNER - CANCEL_WIDTH, CORNER, CANCEL_WIDTH) - _PAD
    top = _title(sheet, context, wizard, state, beside)
    _text(sheet, say, signals.OTHER_BASIS_BUTTON in offered, max(top, TOP - 6), wide, foot - _GAP)
    return sheet.screen(NIGHT)


def _title(sheet: Sheet, context: Context, wizard: Wizard, state: Purpose, wide: float) -> float:
    """What it is, whom it is about, so that they see it is they, and which text that is; return the y below."""
    say, y = context.say, CORNER - 2.0
    for words, largest, smallest, lines, colour, weight in (
        (purpose.text(say).title, 29.0, 20.0, 1, WHITE, Weight.BOLD),
        (who(wizard, state.employee, say), 19.0, 14.0, 1, TEAL, Weight.MEDIUM),
        (say.wizard["version"].format(wizard.rules.text_version), _VERSION, _VERSION, 1, PALE, Weight.MEDIUM),
    ):
        if sheet.measure(words, smallest, weight) > wide:
            lines, largest = 3, min(largest, 25.0)
        broken, size = fitted(
            words, wide, largest=largest, smallest=smallest, lines=lines, weight=weight, measure=sheet.measure
        )
        y = sheet.lines(broken, _PAD, y, size, colour, NIGHT, weight=weight, align=Align.LEFT)
    return y + 8


def _text(sheet: Sheet, say: Words, duty: bool, top: float, wide: float, foot: float) -> None:
    """Every statement, as large as all of them fit: in one column, or in two where those let it be larger."""
    text = purpose.text(say)
    said = [*text.lines, *((text.other_basis,) if duty else ())]
    columns, size = max(
        ((count, _largest(sheet, said, count, wide, foot - top)) for count in (1, 2)), key=lambda found: found[1]
    )
    each = (wide - _GUTTER * (columns - 1)) / columns
    parts = _parts(sheet, said, columns, each, size)
    line = size * LINE_HEIGHT
    for column, blocks in enumerate(parts):
        spare = (foot - top - sum(map(len, blocks)) * line) / max(1, len(blocks) - 1)
        between = min(line * (0.8 if columns == 1 else _BETWEEN), spare)
        x, y = _PAD + column * (each + _GUTTER), top
        for block in blocks:
            sheet.ellipse(x + 4, y + line / 2, 7, 7, TEAL)
            y = between + sheet.lines(
                block, x + _DASH, y, size, WHITE, NIGHT, weight=Weight.MEDIUM, align=Align.LEFT
            )  # fmt: skip


def _largest(sheet: Sheet, said: list[str], columns: int, wide: float, tall: float) -> float:
    """Return the largest size at which everything fits, found by halving: the page is laid out with every frame."""
    each = (wide - _GUTTER * (columns - 1)) / columns
    fits, above = 0, round((_LARGEST - _LEAST) / _STEP) + 1
    while above - fits > 1:
        middle = (fits + above) // 2
        line = (_LEAST + middle * _STEP) * LINE_HEIGHT
        parts = _parts(sheet, said, columns, each, _LEAST + middle * _STEP)
        if all(sum(map(len, blocks)) * line + (len(blocks) - 1) * line * _BETWEEN <= tall for blocks in parts):
            fits = middle
        else:
            above = middle
    return _LEAST + fits * _STEP


def _parts(sheet: Sheet, said: list[str], columns: int, wide: float, size: float) -> list[list[list[str]]]:
    """Return the statements in lines, in columns as even as their order lets them be."""
    blocks = [wrapped(line, wide - _DASH, size, Weight.MEDIUM, sheet.measure) for line in said]
    if columns == 1:
        return [blocks]

    def taller(cut: int) -> float:
        return max(sum(map(len, part)) + len(part) * _BETWEEN for part in (blocks[:cut], blocks[cut:]))

    cut = min(range(1, len(blocks)), key=taller)
    return [blocks[:cut], blocks[cut:]]


def _languages(sheet: Sheet, offered: tuple[str, ...], x: float, y: float, each: float) -> float:
    """A button for each other language, leftwards from `x`; return the x that is free before them."""
    for button in reversed([button for button in offered if button.startswith(LANGUAGE_BUTTON)]):
        x -= each + _GAP
        _quiet(sheet, button, LANGUAGE_NAMES[button.removeprefix(LANGUAGE_BUTTON)], x, y, each)
    return x - _GAP


def _answers(sheet: Sheet, say: Words, state: Purpose, offered: tuple[str, ...]) -> float:
    """The answers in a row, the photo choice before and another basis after them; return the y above."""
    y = sheet.height - 12 - BUTTON_HEIGHT
    x, wide = _PAD, sheet.width - 2 * _PAD
    if signals.PHOTO_BUTTON in offered:
        part = wide * 0.29
        _photo(sheet, say, state, x, y, part)
        x, wide = x + part + _GAP, wide - part - _GAP
    if signals.OTHER_BASIS_BUTTON in offered:
        part = 140.0
        _quiet(sheet, signals.OTHER_BASIS_BUTTON, say.purpose_choices["other_basis"], x + wide - part, y, part)
        wide -= part + _GAP
    _both(sheet, say, x, y, (wide - _GAP) / 2)
    return y


def _answers_upright(sheet: Sheet, say: Words, state: Purpose, offered: tuple[str, ...]) -> float:
    """The same in rows: the answers below; above them photo choice and languages; another basis in a row of its own."""
    wide = sheet.width - 2 * _PAD
    y = sheet.height - 12 - BUTTON_HEIGHT
    _both(sheet, say, _PAD, y, (wide - _GAP) / 2)
    y -= BUTTON_HEIGHT + _GAP
    part = wide * 0.46 if signals.PHOTO_BUTTON in offered else -_GAP
    if signals.PHOTO_BUTTON in offered:
        _photo(sheet, say, state, _PAD, y, part)
    _languages(sheet, offered, sheet.width - _PAD + _GAP, y, (wide - part - 2 * _GAP) / 2)
    if signals.OTHER_BASIS_BUTTON in offered:
        y -= BUTTON_HEIGHT + _GAP
        _quiet(sheet, signals.OTHER_BASIS_BUTTON, say.purpose_choices["other_basis"], _PAD, y, wide)
    return y


def _both(sheet: Sheet, say: Words, x: float, y: float, wide: float) -> None:
    """Yes and no side by side, alike in everything but their words."""
    labels = {each: say.purpose_choices[each] for each in (signals.AGREE_BUTTON, signals.REFUSE_BUTTON)}
    size = min(label_of(sheet, label, wide - 16, BUTTON_HEIGHT)[1] for label in labels.values())
    for index, (each, label) in enumerate(labels.items()):
        left = x + index * (wide + _GAP)
        sheet.button(each, label, left, y, wide, BUTTON_HEIGHT, colour=TEAL, ink=INK, size=size, lines=3)


def _photo(sheet: Sheet, say: Words, state: Purpose, x: float, y: float, wide: float) -> None:
    """A box to tick: pictures as well, or not."""
    label = say.purpose_choices["photo"]
    sheet.button(signals.PHOTO_BUTTON, label, x, y, wide, BUTTON_HEIGHT, colour=KEY, ink=WHITE, size=0)
    box, middle = 36.0, y + BUTTON_HEIGHT / 2
    sheet.panel(x + 16, middle - box / 2, box, box, WHITE, 8)
    if state.photo:
        left = x + 16
        sheet.stroke([(left + 8, middle + 1), (left + 15, middle + 9), (left + 28, middle - 9)], INK, 5)
    broken, size = label_of(sheet, label, wide - box - 44, BUTTON_HEIGHT, largest=22)
    top = middle - len(broken) * size * LINE_HEIGHT / 2
    sheet.lines(broken, x + box + 30, top, size, WHITE, (KEY,), weight=Weight.BOLD, align=Align.LEFT)


def _quiet(sheet: Sheet, id_: str, label: str, x: float, y: float, wide: float) -> None:
    size = label_of(sheet, label, wide - 16, BUTTON_HEIGHT, largest=20)[1]
    sheet.button(id_, label, x, y, wide, BUTTON_HEIGHT, colour=BAR, ink=WHITE, size=size, lines=3)
