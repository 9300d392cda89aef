"""What the kiosk shows for each state of a visit: words, colours, places, buttons. *Pure*.

Colour is never the only sign: every result has its own symbol and its own words. The PIN button stands at the same
place on every screen without a keypad, so that nobody has to search for it.
"""

from typing import assert_never

from sync.messages import ClockQuality
from terminal.screens import words
from terminal.screens.drawing import Colour, Screen, Weight
from terminal.screens.keypad import keypad
from terminal.screens.look import (
    AMBER,
    BAR,
    GUTTER,
    INK,
    KEY,
    MARGIN,
    NIGHT,
    PALE,
    SLATE,
    TEAL,
    WHITE,
    Context,
    bar_height,
    bar_text_height,
    bar_text_width,
    pin_button,
)
from terminal.screens.results import already_recorded, not_recorded, recorded
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.visit.states import (
    AlreadyRecorded,
    CameraDown,
    Challenged,
    Correcting,
    Desk,
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
            return _idle(sheet, context, say)
        case Looking():
            hint = say.hints[state.hint] if state.hint else say.one_moment
            return _looking(sheet, context, say, headline=hint)
        case Recording():
            return _looking(sheet, context, say, headline=say.saving)
        case NotRecognised():
            advice = say.hints[state.hint] if state.hint else say.try_again_or_pin
            return _looking(sheet, context, say, headline=say.not_recognised, advice=advice, warns=True)
        case Challenged():
            return _looking(sheet, context, say, headline=say.challenges[state.challenge])
        case Refused():
            return _looking(sheet, context, say, headline=say.not_accepted, advice=say.not_accepted_advice, warns=True)
        case Correcting():
            return screen_of(state.result, context)
        case History():
            return screen_of(state.result, context)
        case Desk():
            return _idle(sheet, context, say)
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


def status_line(context: Context, say: words.Words) -> str:
    """Return the small line for whoever looks after the kiosk: what is wrong first, then what is as it should be."""
    parts = [say.alarms[code] for code in context.alarms if code in say.alarms]
    if context.offline_since is not None:
        parts.append(say.offline_since.format(words.clock(context.offline_since, context.zone)))
        if context.waiting:
            parts.append(say.waiting.format(context.waiting))
    if context.clock is ClockQuality.UNSYNCED:
        parts.append(say.clock_not_set)
    if context.camera == "starting":
        parts.append(say.camera_starting)
    parts.append(say.face_data.format(context.gallery_version) if context.gallery_people else say.no_face_data)
    return "  ·  ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


def _idle(sheet: Sheet, context: Context, say: words.Words) -> Screen:
    room = sheet.width - 2 * MARGIN
    name, size = fitted(
        context.office,
        room,
        largest=30,
        smallest=20,
        lines=2 if sheet.upright else 1,
        weight=Weight.BOLD,
        measure=sheet.measure,
    )
    sheet.lines(name, sheet.width / 2, 30, size, WHITE, NIGHT, weight=Weight.BOLD, align=Align.CENTRE)
    _big_clock(sheet, context, say, top=(sheet.height - bar_height(sheet)) / 2 - 92)
    _bar(sheet, context, say, headline=say.invitation, detail=status_line(context, say))
    return sheet.screen(NIGHT)


def _big_clock(sheet: Sheet, context: Context, say: words.Words, *, top: float) -> None:
    at, middle = context.now.at, sheet.width / 2
    sheet.text(words.clock(at, context.zone), middle, top, 168, WHITE, NIGHT, weight=Weight.LIGHT, align=Align.CENTRE)
    day = f"{words.date(at, context.zone, say)}  ·  {words.zone_name(at, context.zone)}"
    room = sheet.width - 2 * MARGIN
    sheet.text(day, middle, top + 203, 28, PALE, NIGHT, align=Align.CENTRE, width=room, smallest=18)


def _looking(
    sheet: Sheet, context: Context, say: words.Words, *, headline: str, advice: str = "", warns: bool = False
) -> Screen:
    """The live picture with an oval to stand in, and one thing to do."""
    room = sheet.height - bar_height(sheet)
    tall = min(room - 44, (sheet.width - 80) * 1.28)
    wide = tall / 1.28
    centre = (sheet.width / 2, room / 2 + 6)
    if context.picture:
        sheet.picture = sheet.rect(0, 0, sheet.width, room)
        clear = sheet.rect(centre[0] - wide / 2, centre[1] - tall / 2, wide, tall)
        sheet.veil(room, clear, BAR, 0.55)
    sheet.ellipse(*centre, wide, tall, AMBER if warns else TEAL, line=5)
    chip = words.clock(context.now.at, context.zone)
    sheet.panel(20, 20, 104, 46, BAR, 23)
    sheet.text(chip, 72, 20 + (46 - 26 * LINE_HEIGHT) / 2, 26, WHITE, (BAR,), weight=Weight.BOLD, align=Align.CENTRE)
    _bar(sheet, context, say, headline=headline, detail=advice, warns=warns)
    return sheet.screen(NIGHT)


def _bar(
    sheet: Sheet, context: Context, say: words.Words, *, headline: str, detail: str = "", warns: bool = False
) -> None:
    """The foot of every screen that waits for a face: what to do, and the PIN button."""
    ground, ink, pale = (AMBER, INK, INK) if warns else (BAR, WHITE, PALE)
    _foot(sheet, headline, detail, ground, ink, pale, detail_size=20 if warns else 16)
    pin_button(sheet, say, colour=INK if warns else KEY, ink=WHITE)


def _foot(
    sheet: Sheet, headline: str, detail: str, ground: Colour, ink: Colour, pale: Colour, *, detail_size: float
) -> None:
    """Headline and detail, both in the middle of their part of the foot."""
    top = sheet.height - bar_height(sheet)
    room, tall = bar_text_width(sheet), bar_text_height(sheet)
    sheet.panel(0, top, sheet.width, bar_height(sheet), ground)
    few, small = fitted(
        detail, room, largest=detail_size, smallest=14, lines=2, weight=Weight.MEDIUM, measure=sheet.measure
    )
    below = len(few) * small * LINE_HEIGHT + 4 if detail else 0.0
    lines, size = fitted(
        headline,
        room,
        largest=28 if len(few) > 1 else 32,
        smallest=20,
        lines=1 if detail else 2,
        weight=Weight.BOLD,
        measure=sheet.measure,
    )
    y = top + (tall - below - len(lines) * size * LINE_HEIGHT) / 2
    y = sheet.lines(lines, GUTTER, y, size, ink, (ground,), weight=Weight.BOLD, align=Align.LEFT)
    if detail:
        sheet.lines(few, GUTTER, y + 4, small, pale, (ground,), weight=Weight.MEDIUM, align=Align.LEFT)


def _camera_down(sheet: Sheet, context: Context, say: words.Words) -> Screen:
    """No picture to stand before: the way in is the PIN, and the screen says so."""
    middle, room = sheet.width / 2, sheet.width - 2 * MARGIN
    chip = words.clock(context.now.at, context.zone)
    sheet.text(chip, middle, 24, 44, WHITE, SLATE, weight=Weight.LIGHT, align=Align.CENTRE)
    centre = (sheet.height - bar_height(sheet)) / 2 + 4
    _crossed_camera(sheet, middle, centre - 34)
    sheet.text(
        say.camera_down, middle, centre + 36, 40, WHITE, SLATE, weight=Weight.BOLD, align=Align.CENTRE, width=room
    )
    few, small = fitted(
        status_line(context, say),
        room,
        largest=16,
        smallest=14,
        lines=2,
        weight=Weight.MEDIUM,
        measure=sheet.measure,
    )
    sheet.lines(few, middle, centre + 94, small, PALE, SLATE, weight=Weight.MEDIUM, align=Align.CENTRE)
    _foot(sheet, say.camera_down_advice, "", BAR, WHITE, PALE, detail_size=16)
    pin_button(sheet, say, colour=TEAL, ink=INK)
    return sheet.screen(SLATE)


def _crossed_camera(sheet: Sheet, x: float, y: float) -> None:
    sheet.panel(x - 56, y - 36, 112, 74, PALE, 14)
    sheet.panel(x - 22, y - 48, 44, 20, PALE, 6)
    sheet.ellipse(x, y + 1, 48, 48, SLATE[0])
    sheet.ellipse(x, y + 1, 24, 24, PALE)
    sheet.stroke([(x - 70, y + 52), (x + 70, y - 56)], SLATE[0], 18)
    sheet.stroke([(x - 70, y + 52), (x + 70, y - 56)], AMBER, 8)
