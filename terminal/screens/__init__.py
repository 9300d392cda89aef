"""What the kiosk shows for each state of a visit: words, colours, places, buttons. *Pure*.

Colour is never the only sign: every result has its own symbol and its own words. The PIN button stands at the same
place on every screen without a keypad, so that nobody has to search for it.
"""

from typing import assert_never

from terminal.screens import words
from terminal.screens.asking import ROW, asking
from terminal.screens.desk import desk
from terminal.screens.drawing import Screen, Weight
from terminal.screens.history import history
from terminal.screens.idle import banner, bar, foot, idle, status_line
from terminal.screens.keypad import keypad
from terminal.screens.look import (
    AMBER,
    BAR,
    CORNER,
    EASE_SIZE,
    INK,
    MARGIN,
    NIGHT,
    PALE,
    SLATE,
    TEAL,
    WHITE,
    Context,
    bar_height,
    ease_button,
    pin_button,
)
from terminal.screens.results import already_recorded, correcting, not_recorded, recorded
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Challenged,
    Correcting,
    Desk,
    Enrolling,
    Held,
    History,
    Idle,
    Looking,
    NotRecognised,
    NotRecorded,
    PinChecking,
    PinCode,
    PinNumber,
    Recorded,
    Recording,
    Refused,
    State,
)


def screen_of(state: State, context: Context) -> Screen:
    """Return the screen for `state`."""
    say = context.say
    sheet = Sheet(type(state).__name__, width_px=context.width_px, height_px=context.height_px, measure=context.measure)
    match state:
        case Idle():
            return idle(sheet, context, say)
        case Looking():
            hint = say.lighting if context.lighting else say.hints[state.hint] if state.hint else say.one_moment
            return _looking(sheet, context, say, headline=hint)
        case Recording():
            return _looking(sheet, context, say, headline=say.saving)
        case Enrolling():  # for the moment in which the errand is not there yet, or no more
            bar(sheet, context, say, headline=say.one_moment, detail="", warns=False)
            return sheet.screen(NIGHT)
        case NotRecognised():
            advice = say.hints[state.hint] if state.hint else say.try_again_or_pin
            return _looking(sheet, context, say, headline=say.not_recognised, advice=advice, warns=True)
        case Challenged():
            return _looking(sheet, context, say, headline=say.challenges[state.challenge], asked=state)
        case Refused():
            return _looking(sheet, context, say, headline=say.not_accepted, advice=say.not_accepted_advice, warns=True)
        case Held():
            left = words.wait(state.until_s - context.now.monotonic_s, say)
            return _looking(sheet, context, say, headline=say.faces_pause, advice=say.faces_pause_for.format(left))
        case Correcting():
            return correcting(sheet, context, say, state)
        case History():
            return history(sheet, context, say, state)
        case Desk():
            return desk(sheet, context, say, state)
        case Recorded():
            return recorded(sheet, context, say, state)
        case AlreadyRecorded():
            return already_recorded(sheet, context, say, state)
        case NotRecorded():
            return not_recorded(sheet, context, say, state)
        case PinNumber() | PinCode() | PinChecking():
            return keypad(sheet, context, say, state)
        case CameraDown():
            return _camera_down(sheet, context, say)
        case _:
            assert_never(state)


def card_down(context: Context) -> Screen:
    """Return the screen of a kiosk that has no card to record on: no button, for nothing could be thanked for."""
    say = context.say
    sheet = Sheet("CardDown", width_px=context.width_px, height_px=context.height_px, measure=context.measure)
    middle, room = sheet.width / 2, sheet.width - 2 * MARGIN
    chip = words.clock(context.now.at, context.zone)
    sheet.text(chip, middle, 24, 44, WHITE, SLATE, weight=Weight.LIGHT, align=Align.CENTRE)
    top = sheet.height / 2 - 70
    for said, largest, colour in ((say.card_down, 44, WHITE), (say.card_down_advice, 30, PALE)):
        lines, size = fitted(
            said, room, largest=largest, smallest=18, lines=3, weight=Weight.BOLD, measure=sheet.measure
        )
        top = sheet.lines(lines, middle, top, size, colour, SLATE, weight=Weight.BOLD, align=Align.CENTRE) + 16
    return sheet.screen(SLATE)


def _looking(
    sheet: Sheet,
    context: Context,
    say: words.Words,
    *,
    headline: str,
    advice: str = "",
    warns: bool = False,
    asked: Challenged | None = None,
) -> Screen:
    """The live picture with an oval to stand in, and one thing to do; around the oval light, for who is in the dark."""
    ground = sheet.height - bar_height(sheet)
    room = ground - (ROW if asked is not None and sheet.upright else 0)
    tall = min(room - 44, (sheet.width - 80) * 1.28)
    wide = tall / 1.28
    centre = (sheet.width / 2, room / 2 + 6)
    if context.picture:
        sheet.picture = sheet.rect(0, 0, sheet.width, ground)
        sheet.focus = context.face or (0.5, 0.5)
        clear = sheet.rect(centre[0] - wide / 2, centre[1] - tall / 2, wide, tall)
        sheet.veil(ground, clear, *((WHITE, 1.0) if context.lit else (BAR, 0.55)))
    sheet.ellipse(*centre, wide, tall, AMBER if warns else TEAL, line=5)
    if asked is not None:
        asking(sheet, context, say, asked)
    ease_button(sheet, context, say)
    chip = words.clock(context.now.at, context.zone)
    sheet.panel(20, 20, 104, 46, BAR, 23)
    sheet.text(chip, 72, 20 + (46 - 26 * LINE_HEIGHT) / 2, 26, WHITE, (BAR,), weight=Weight.BOLD, align=Align.CENTRE)
    bar(sheet, context, say, headline=headline, detail=advice, warns=warns)
    return sheet.screen((WHITE, WHITE) if context.lit else NIGHT)


def _camera_down(sheet: Sheet, context: Context, say: words.Words) -> Screen:
    """No picture to stand before: the way in is the PIN, and the screen says so, and why."""
    middle, room = sheet.width / 2, sheet.width - 2 * MARGIN
    chip = words.clock(context.now.at, context.zone)
    sheet.text(chip, middle, 24, 44, WHITE, SLATE, weight=Weight.LIGHT, align=Align.CENTRE)
    ease_button(sheet, context, say)
    ground = sheet.height - bar_height(sheet) - 8
    bottom = ground - banner(sheet, context, say, ground)
    centre = CORNER + EASE_SIZE + (bottom - CORNER - EASE_SIZE) / 2
    crossed_camera(sheet, middle, centre - 34)
    said = say.troubles[context.trouble] if context.trouble is not None else say.camera_down
    sheet.text(
        said, middle, centre + 32, 40, WHITE, SLATE, weight=Weight.BOLD, align=Align.CENTRE, width=room, smallest=22
    )
    few = status_line(context, say)
    sheet.text(few, middle, centre + 84, 16, PALE, SLATE, align=Align.CENTRE, width=room, smallest=13)
    foot(sheet, say.camera_down_advice, "", BAR, WHITE, PALE, detail_size=16, large=context.large)
    pin_button(sheet, say, colour=TEAL, ink=INK)
    return sheet.screen(SLATE)


def crossed_camera(sheet: Sheet, x: float, y: float) -> None:
    sheet.panel(x - 56, y - 36, 112, 74, PALE, 14)
    sheet.panel(x - 22, y - 48, 44, 20, PALE, 6)
    sheet.ellipse(x, y + 1, 48, 48, SLATE[0])
    sheet.ellipse(x, y + 1, 24, 24, PALE)
    sheet.stroke([(x - 70, y + 52), (x + 70, y - 56)], SLATE[0], 18)
    sheet.stroke([(x - 70, y + 52), (x + 70, y - 56)], AMBER, 8)
