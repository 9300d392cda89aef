"""The administrator's menu: pages to choose from, and what the kiosk knows of itself. *Pure*."""

from collections.abc import Iterator
from datetime import datetime

from sync.messages import UNTIMED
from terminal.screens import words
from terminal.screens.drawing import Screen, Weight
from terminal.screens.facts import Fact
from terminal.screens.look import (
    AMBER,
    BAR,
    GUTTER,
    INK,
    KEY,
    KEY_STRONG,
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
from terminal.tries import Cause
from terminal.visit import signals
from terminal.visit.desk import LANGUAGES, PAGES
from terminal.visit.states import Desk, DeskPage

LANGUAGE_NAMES = {"id": "Bahasa Indonesia", "en": "English", "jv": "Basa Jawa"}
_ROW = 34.0
_SOON_DAYS = 30
"""A certificate is renewed by then (acceptance D1)."""

Line = tuple[str, str, bool]
"""(what, how it is, whether that needs somebody)."""


def desk(sheet: Sheet, context: Context, say: Words, state: Desk) -> Screen:
    """Return the page of the menu."""
    title = say.desk_title if state.page is DeskPage.MENU else say.pages[state.page]
    top = heading(sheet, title) + 14
    match state.page:
        case DeskPage.MENU:
            labels = [(f"{signals.PAGE_BUTTON}{page}", say.pages[page]) for page in PAGES]
            labels += [(signals.ENROL_BUTTON, say.enrol_somebody)] if context.enrols else []
            _choices(sheet, labels, top)
        case DeskPage.LANGUAGE:
            chosen = f"{signals.LANGUAGE_BUTTON}{say.locale[:2]}"
            labels = [(f"{signals.LANGUAGE_BUTTON}{code}", LANGUAGE_NAMES[code]) for code in LANGUAGES]
            _choices(sheet, labels, top, chosen=chosen)
        case DeskPage.NETWORK:
            _lines(sheet, list(_network(context, say)), top)
        case DeskPage.CAMERA:
            _lines(sheet, list(_camera(context, say)), top)
        case DeskPage.TRIES:
            _tries(sheet, context, say, top)
        case DeskPage.STORAGE:
            _lines(sheet, list(_storage(context, say)), top)
        case DeskPage.RESTART:
            room = sheet.width - 2 * MARGIN
            lines, size = fitted(
                say.restart_advice, room, largest=30, smallest=20, lines=3, weight=Weight.MEDIUM, measure=sheet.measure
            )
            sheet.lines(lines, MARGIN, top, size, PALE, NIGHT, weight=Weight.MEDIUM, align=Align.LEFT)
            actions(sheet, ((signals.CONFIRM_BUTTON, say.restart_now, AMBER, INK),))
    back_button(sheet, say.close_desk if state.page is DeskPage.MENU else say.back, colour=KEY, ink=WHITE)
    return sheet.screen(NIGHT)


def _choices(sheet: Sheet, labels: list[tuple[str, str]], top: float, *, chosen: str = "") -> None:
    """Large buttons with the number of the key that does the same; two columns, upright one."""
    columns = 1 if sheet.upright else 2
    gap = 12.0
    rows = -(-len(labels) // columns)
    ground = sheet.height - (112 if sheet.upright else 12)  # upright, the way out lies across the foot
    tall = min(80.0, (ground - top - gap * (rows - 1)) / rows)
    wide = (sheet.width - 2 * GUTTER - gap * (columns - 1)) / columns
    for index, (id_, label) in enumerate(labels):
        row, column = divmod(index, columns)
        x, y = GUTTER + column * (wide + gap), top + row * (tall + gap)
        colour = KEY_STRONG if id_ == chosen else BAR
        sheet.button(id_, label, x, y, wide, tall, colour=colour, ink=WHITE, size=0)
        number, ink = str(index + 1), WHITE if id_ == chosen else TEAL
        sheet.text(
            number,
            x + 24,
            y + (tall - 30 * LINE_HEIGHT) / 2,
            30,
            ink,
            (colour,),
            weight=Weight.BOLD,
        )
        sheet.text(
            label, x + 64, y + (tall - 28 * LINE_HEIGHT) / 2, 28, WHITE, (colour,),
            weight=Weight.BOLD, width=wide - 84,
        )  # fmt: skip


def _lines(sheet: Sheet, lines: list[Line], top: float) -> None:
    """What on the left (upright: above), and how it is; what needs somebody has a mark and another colour."""
    room = sheet.width - 2 * MARGIN
    most = 54.0 if sheet.upright else _ROW
    row = min(most, (sheet.height - bar_height(sheet) - 8 - top) / len(lines))
    for what, how, wrong in lines:
        said, ink = (f"! {how}", AMBER) if wrong else (how, WHITE)
        if sheet.upright:
            label, size = 15.0, min(21.0, row / LINE_HEIGHT - 17)
            if what:
                sheet.text(what, MARGIN, top, label, PALE, NIGHT, width=room)
            below = top + (label * LINE_HEIGHT if what else 0)
            sheet.text(said, MARGIN, below, size, ink, NIGHT, weight=Weight.BOLD, width=room, smallest=12)
        else:
            size, left = min(21.0, row / LINE_HEIGHT - 2), room * 0.48 if what else 0.0
            if what:
                sheet.text(what, MARGIN, top, size, PALE, NIGHT, width=room * 0.46, smallest=12)
            sheet.text(said, MARGIN + left, top, size, ink, NIGHT, weight=Weight.BOLD, width=room - left, smallest=12)
        top += row


def _network(context: Context, say: Words) -> Iterator[Line]:
    facts, offline = context.facts, context.offline_since
    if facts.address:
        yield say.facts[Fact.ADDRESS], facts.address, False
    yield say.facts[Fact.BROKER], facts.broker, False
    how = say.connected if offline is None else say.offline_since.format(_when(offline, context))
    yield say.facts[Fact.OFFLINE], how, offline is not None
    yield say.facts[Fact.WAITING], str(context.waiting), False
    yield say.facts[Fact.LAST_SYNC], _when(facts.last_sync, context) if facts.last_sync else say.unknown, False
    days = facts.certificate_days
    if days is not None:
        yield say.facts[Fact.CERTIFICATE], say.days.format(days), days < _SOON_DAYS
    yield say.facts[Fact.CLOCK], say.clocks[context.clock], context.clock in UNTIMED


def _camera(context: Context, say: Words) -> Iterator[Line]:
    facts = context.facts
    works = context.camera == "ok"
    how = say.works if works else say.troubles[context.trouble] if context.trouble else say.camera_starting
    yield say.facts[Fact.CAMERA], how, not works
    yield say.facts[Fact.LOSSES], f"{facts.losses} ({words.wait(facts.lost_s, say)})" if facts.losses else "0", False
    yield say.facts[Fact.FACES], str(facts.faces), False
    if facts.heights is not None:
        yield say.facts[Fact.HEIGHT], " / ".join(f"{round(100 * part)}%" for part in facts.heights), False
    if facts.distance_m is not None:
        yield say.facts[Fact.DISTANCE], f"{round(facts.distance_m * 100)} cm", False
    if facts.brightness is not None:
        yield say.facts[Fact.BRIGHTNESS], f"{round(facts.brightness)} / 255", False
    if facts.backlight is not None:
        yield say.facts[Fact.BACKLIGHT], f"{round(100 * facts.backlight)}%", False
    for code in facts.advice:
        if code in say.advice:
            yield "", say.advice[code], code not in ("good", "too_few")


def _storage(context: Context, say: Words) -> Iterator[Line]:
    facts = context.facts
    if facts.full_percent is not None:
        yield say.facts[Fact.FULL], f"{round(facts.full_percent)}%", facts.full_percent >= 80
    if facts.disk_free_mb is not None:
        yield say.facts[Fact.DISK], f"{facts.disk_free_mb} MB", False
    known = bool(context.gallery_people)
    how = f"v{context.gallery_version}, {say.people.format(context.gallery_people)}" if known else say.no_face_data
    yield say.facts[Fact.SET], how, not known
    if known:
        yield say.facts[Fact.SET_AGE], say.days.format(context.gallery_days), "set_stale" in context.alarms
    yield say.facts[Fact.PINS], f"{facts.pins_right} / {facts.pins_wrong}", False
    if facts.temperature_c is not None:
        yield say.facts[Fact.TEMPERATURE], f"{round(facts.temperature_c)} °C", facts.temperature_c >= 80
    yield say.facts[Fact.UPTIME], words.wait(facts.uptime_s, say), False
    yield say.facts[Fact.SOFTWARE], facts.software or say.unknown, False


def _tries(sheet: Sheet, context: Context, say: Words, top: float) -> None:
    """The last looks without a name: when, how near the best score came to the threshold, and what would help."""
    tries, room = context.facts.tries, sheet.width - 2 * MARGIN
    if not tries:
        sheet.text(say.no_tries, MARGIN, top, 24, PALE, NIGHT, width=room)
        return
    tall = 64.0 if sheet.upright else 40.0
    for each in tries[: int((sheet.height - bar_height(sheet) - 8 - top) // tall)]:
        when = words.clock(each.at, context.zone)
        x = MARGIN + sheet.text(when, MARGIN, top, 22, WHITE, NIGHT, weight=Weight.BOLD) + 20
        score = "" if each.score is None else f"{each.score:.2f} < {each.threshold:.2f}"
        if each.margin is not None and each.cause is Cause.ALIKE:
            score = f"{each.score:.2f}, +{each.margin:.2f}"
        x += max(150.0, sheet.text(score, x, top, 22, PALE, NIGHT) + 20)
        help_ = say.causes[each.cause]
        if each.cause is Cause.PICTURE and each.hint is not None:
            help_ = say.hints[each.hint]
        left, below = (MARGIN, top + 27) if sheet.upright else (x, top)
        sheet.text(help_, left, below, 20, WHITE, NIGHT, width=sheet.width - MARGIN - left, smallest=12)
        top += tall


def _when(at: datetime, context: Context) -> str:
    """Return the time, with its day unless that is today."""
    clock = words.clock(at, context.zone)
    local, today = at.astimezone(context.zone).date(), context.now.at.astimezone(context.zone).date()
    return clock if local == today else f"{words.short_date(at, context.zone)} {clock}"
