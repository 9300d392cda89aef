"""The screen nobody stands before, and what it shares with others that wait: foot, banner, the small line. *Pure*."""

from sync.messages import ClockQuality
from terminal.screens import words
from terminal.screens.drawing import Colour, Screen, Weight
from terminal.screens.look import (
    AMBER,
    BAR,
    CORNER,
    EASE_SIZE,
    GUTTER,
    INK,
    KEY,
    MARGIN,
    NIGHT,
    PALE,
    TEAL,
    WHITE,
    Context,
    bar_height,
    bar_text_height,
    bar_text_width,
    ease_button,
    pin_button,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted


def status_line(context: Context, say: words.Words) -> str:
    """Return the small line for whoever looks after the kiosk: that all is as it should be, or what is on its way."""
    parts = [say.camera_starting] if context.camera == "starting" else []
    parts.append(say.face_data.format(context.gallery_version) if context.gallery_people else say.no_face_data)
    return _together(parts)


def troubles(context: Context, say: words.Words) -> str:
    """Return what is wrong with the kiosk, in a line; "" when nothing is."""
    parts = [say.alarms[code] for code in context.alarms if code in say.alarms]
    if context.offline_since is not None:
        parts.append(say.offline_since.format(words.clock(context.offline_since, context.zone)))
        if context.waiting:
            parts.append(say.waiting.format(context.waiting))
    if context.clock is ClockQuality.UNSYNCED:
        parts.append(say.clock_not_set)
    if "set_stale" in context.alarms:
        parts.append(say.set_stale.format(context.gallery_days))
    return _together(parts)


def _together(parts: list[str]) -> str:
    return "  ·  ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


def idle(sheet: Sheet, context: Context, say: words.Words) -> Screen:
    """Office, clock, date, the office's message of today, what is wrong with the kiosk, and the invitation."""
    aside = 2 * (CORNER + EASE_SIZE + 12)
    name, size = fitted(
        context.office,
        sheet.width - aside,
        largest=30,
        smallest=18,
        lines=3 if sheet.upright else 2,
        weight=Weight.BOLD,
        measure=sheet.measure,
    )
    size = min(size, 24) if len(name) > 1 else size
    top = sheet.lines(name, sheet.width / 2, 26, size, WHITE, NIGHT, weight=Weight.BOLD, align=Align.CENTRE)
    ease_button(sheet, context, say)
    ground = sheet.height - bar_height(sheet) - 8
    bottom = ground - banner(sheet, context, say, ground)
    bottom -= _message(sheet, context, bottom)
    date_size = 36.0 if context.large else 28.0
    room = max(bottom - top, CORNER + EASE_SIZE - top)
    clock = min(168.0, (room - date_size * LINE_HEIGHT - 12) / LINE_HEIGHT)
    tall = clock * LINE_HEIGHT + date_size * LINE_HEIGHT + 2
    _big_clock(sheet, context, say, top=top + (bottom - top - tall) / 2, size=clock, date_size=date_size)
    bar(sheet, context, say, headline=say.invitation, detail=status_line(context, say))
    return sheet.screen(NIGHT)


def banner(sheet: Sheet, context: Context, say: words.Words, bottom: float) -> float:
    """What is wrong, in a strip with a sign of its own; return how high it is."""
    said = troubles(context, say)
    if not said:
        return 0.0
    room = sheet.width - 2 * GUTTER - 64
    lines, size = fitted(
        said, room, largest=19, smallest=14, lines=3 if sheet.upright else 2, weight=Weight.BOLD, measure=sheet.measure
    )
    tall = len(lines) * size * LINE_HEIGHT + 16
    top = bottom - tall
    sheet.panel(GUTTER, top, sheet.width - 2 * GUTTER, tall, AMBER, 12)
    middle = top + tall / 2
    sheet.text(
        "!", GUTTER + 26, middle - 28 * LINE_HEIGHT / 2, 28, INK, (AMBER,), weight=Weight.BOLD, align=Align.CENTRE
    )
    sheet.lines(lines, GUTTER + 50, top + 8, size, INK, (AMBER,), weight=Weight.BOLD, align=Align.LEFT)
    return tall + 8


def _message(sheet: Sheet, context: Context, bottom: float) -> float:
    """The office's message of today; return how high it is."""
    if not context.message:
        return 0.0
    lines, size = fitted(
        context.message,
        sheet.width - 2 * MARGIN,
        largest=30 if context.large else 24,
        smallest=17,
        lines=4 if sheet.upright else 2,
        weight=Weight.MEDIUM,
        measure=sheet.measure,
    )
    tall = len(lines) * size * LINE_HEIGHT
    sheet.lines(lines, sheet.width / 2, bottom - tall, size, TEAL, NIGHT, weight=Weight.MEDIUM, align=Align.CENTRE)
    return tall + 8


def _big_clock(sheet: Sheet, context: Context, say: words.Words, *, top: float, size: float, date_size: float) -> None:
    at, middle = context.now.at, sheet.width / 2
    when = words.clock(at, context.zone)
    sheet.text(when, middle, top, size, WHITE, NIGHT, weight=Weight.LIGHT, align=Align.CENTRE)
    day = f"{words.date(at, context.zone, say)}  ·  {words.zone_name(at, context.zone)}"
    room, below = sheet.width - 2 * MARGIN, top + size * LINE_HEIGHT + 2
    sheet.text(day, middle, below, date_size, PALE, NIGHT, align=Align.CENTRE, width=room, smallest=18)


def bar(
    sheet: Sheet, context: Context, say: words.Words, *, headline: str, detail: str = "", warns: bool = False
) -> None:
    """The foot of every screen that waits for a face: what to do, and the PIN button."""
    ground, ink, pale = (AMBER, INK, INK) if warns else (WHITE, INK, INK) if context.lit else (BAR, WHITE, PALE)
    foot(sheet, headline, detail, ground, ink, pale, detail_size=20 if warns else 16, large=context.large)
    pin_button(sheet, say, colour=INK if warns else KEY, ink=WHITE)


def foot(
    sheet: Sheet,
    headline: str,
    detail: str,
    ground: Colour,
    ink: Colour,
    pale: Colour,
    *,
    detail_size: float,
    large: bool = False,
) -> None:
    """Headline and detail, both in the middle of their part of the foot; in large letters the headline alone."""
    detail = "" if large else detail
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
        largest=40 if large else 28 if len(few) > 1 else 32,
        smallest=20,
        lines=1 if detail else 2,
        weight=Weight.BOLD,
        measure=sheet.measure,
    )
    y = top + (tall - below - len(lines) * size * LINE_HEIGHT) / 2
    y = sheet.lines(lines, GUTTER, y, size, ink, (ground,), weight=Weight.BOLD, align=Align.LEFT)
    if detail:
        sheet.lines(few, GUTTER, y + 4, small, pale, (ground,), weight=Weight.MEDIUM, align=Align.LEFT)
