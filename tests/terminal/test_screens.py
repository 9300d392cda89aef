"""Every screen, in every language, upright and wide: readable, touchable, whole, and silent about scores."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as some
import pytest
from hypothesis import given
from msgspec import structs

import config
from sync import receipts
from sync.messages import Direction
from terminal.display import Display, screenshots
from terminal.quality import Reason
from terminal.screens import screen_of, words
from terminal.screens.catalogue import LOCALES, language
from terminal.screens.drawing import Colour, Ellipse, Panel, Rect, Screen, Weight, contrast
from terminal.screens.look import Context
from terminal.screens.sheet import fitted, wrapped
from terminal.visit import signals
from terminal.visit.states import AlreadyRecorded, Idle, KeypadReason, PinCode, PinProblem, Recorded

SIZES = (*screenshots.SIZES, (1920, 1080), (1024, 600))
# 15 mm on a 7 inch panel: 155 mm for 800 pixels.
LEAST_TARGET = 75


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    """The real letters, for their widths."""
    opened = Display(config.Display(driver="dummy"))
    yield opened
    opened.close()


def every_screen(display: Display) -> Iterator[tuple[str, Context, Screen]]:
    for size, code, specimen in itertools.product(SIZES, LOCALES, screenshots.specimens()):
        base = replace(screenshots.ordinary(display, code), width_px=size[0], height_px=size[1])
        context = replace(base, **specimen.changes)  # type: ignore[arg-type]
        yield f"{specimen.name} {code} {size}", context, screen_of(specimen.state, context)


@pytest.fixture(scope="module")
def screens(display: Display) -> list[tuple[str, Context, Screen]]:
    return list(every_screen(display))


def ground_of(box: Rect, screen: Screen) -> tuple[Colour, ...] | None:
    """Return the colours on which something in `box` really stands; None where that is the live picture or a seam."""
    ground: tuple[Colour, ...] | None = screen.background
    if screen.picture is not None and screen.picture.touches(box):
        ground = None
    for shape in screen.shapes:
        if not isinstance(shape, Panel) or not shape.box.touches(box):
            continue
        ground = (shape.colour,) if shape.box.covers(box) else None
    return ground


def test_every_text_has_the_contrast_it_needs_on_what_it_really_stands_on(
    screens: list[tuple[str, Context, Screen]],
) -> None:
    worst = 21.0
    for name, _, screen in screens:
        for text in screen.texts:
            assert ground_of(text.box, screen) == text.on, f"{name}: {text.words!r} does not stand on what it says"
            worst = min(worst, *(contrast(text.colour, colour) for colour in text.on))
            assert worst >= 4.5, f"{name}: {text.words!r}"
    assert worst < 21


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(Colour(255, 255, 255), Colour(0, 0, 0)) == pytest.approx(21)
    assert contrast(Colour(119, 119, 119), Colour(255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    assert contrast(Colour(1, 2, 3), Colour(1, 2, 3)) == 1


def test_nothing_leaves_the_screen_and_no_two_texts_touch(screens: list[tuple[str, Context, Screen]]) -> None:
    whole = Rect(0, 0, 1, 1)
    for name, _, screen in screens:
        for text in screen.texts:
            assert whole.covers(text.box), f"{name}: {text.words!r} at {text.box}"
        for one, other in itertools.combinations(screen.texts, 2):
            assert not one.box.touches(other.box, slack=2e-3), f"{name}: {one.words!r} over {other.words!r}"


def test_every_target_is_fifteen_millimetres_and_stands_alone(screens: list[tuple[str, Context, Screen]]) -> None:
    for name, context, screen in screens:
        unit = min(min(context.width_px, context.height_px) / 480, max(context.width_px, context.height_px) / 800)
        for button in screen.buttons:
            assert Rect(0, 0, 1, 1).covers(button.box), name
            assert button.box.width * context.width_px >= LEAST_TARGET * unit, f"{name}: {button.id}"
            assert button.box.height * context.height_px >= LEAST_TARGET * unit, f"{name}: {button.id}"
        for one, other in itertools.combinations(screen.buttons, 2):
            assert not one.box.touches(other.box), f"{name}: {one.id} over {other.id}"


WAITING = ("Idle", "Looking", "Challenged", "Refused", "Held", "Recording", "NotRecognised", "CameraDown")


def test_what_can_be_done_is_one_tap_away_and_the_keypad_is_whole(screens: list[tuple[str, Context, Screen]]) -> None:
    for name, _, screen in screens:
        ids = {button.id for button in screen.buttons}
        assert len(ids) == len(screen.buttons), name
        if screen.name.startswith("Pin"):
            assert ids == {*"0123456789", signals.BACKSPACE, signals.ENTER, signals.CANCEL}, name
        elif screen.name in ("History", "Desk"):
            assert signals.BACK_BUTTON in ids, name
        else:
            assert signals.PIN_BUTTON in ids, name
        assert (signals.EASE_BUTTON in ids) == (screen.name in WAITING), name
        answers = screen.name in ("Recorded", "AlreadyRecorded")
        assert ({signals.NOT_ME_BUTTON, signals.TODAY_BUTTON} <= ids) == answers, name
        assert (signals.CHANGE_BUTTON in ids) == (screen.name == "Recorded"), name


def test_only_an_administrator_whose_face_was_seen_finds_the_way_to_the_menu(
    screens: list[tuple[str, Context, Screen]],
) -> None:
    ways = {name.split(" ")[0] for name, _, s in screens if signals.DESK_BUTTON in {b.id for b in s.buttons}}
    assert ways == {"history-long", "history-large"}


def test_large_letters_are_larger_wherever_they_are_asked_for(display: Display) -> None:
    specimens = {found.name: found for found in screenshots.specimens()}
    for code, name in itertools.product(LOCALES, ("recorded-0-large", "idle-large", "looking-large", "history-large")):
        found = specimens[name]
        context = replace(screenshots.ordinary(display, code), **found.changes)  # type: ignore[arg-type]
        small, large = (screen_of(found.state, replace(context, large=large)) for large in (False, True))
        sizes = {text.words: text.size for text in small.texts}
        grown = [text for text in large.texts if text.size > sizes.get(text.words, text.size) * 1.15]
        assert grown or max(t.size for t in large.texts[-3:]) > max(t.size for t in small.texts[-3:]), (code, name)


def test_a_touch_finds_the_button_under_it(screens: list[tuple[str, Context, Screen]]) -> None:
    for _, _, screen in screens:
        for button in screen.buttons:
            box = button.box
            found = screen.button_at(box.x + box.width / 2, box.y + box.height / 2)
            assert found is button
        assert screen.button_at(0.5, -0.1) is None


def said(screen: Screen) -> str:
    return " ".join(text.words for text in screen.texts)


def test_what_a_person_is_told_is_never_cut_short(screens: list[tuple[str, Context, Screen]]) -> None:
    """Only the small line for whoever looks after the kiosk may be, where much is wrong at once."""
    for name, context, screen in screens:
        busy = context.say.checking + "…"
        cut = [text.words for text in screen.texts if text.words.endswith("…") and "·" not in text.words]
        assert set(cut) <= {busy}, name


def test_no_score_no_margin_no_threshold_is_ever_shown(screens: list[tuple[str, Context, Screen]]) -> None:
    for name, _, screen in screens:
        if not name.startswith(("desk-", "idle-")):  # an administrator reads shares of disk and light, nobody's score
            assert not re.search(r"\d[.,]\d|%", said(screen)), name


def test_names_are_shown_whole_however_long(screens: list[tuple[str, Context, Screen]]) -> None:
    seen = 0
    for name, context, screen in screens:
        if context.name is not None:
            assert context.name in said(screen), name
            seen += 1
    named = sum("name" in specimen.changes for specimen in screenshots.specimens())
    assert named > 2 * len(screenshots.NAMES)
    assert seen == len(SIZES) * len(LOCALES) * named


def test_a_recorded_punch_shows_the_receipt_that_leads_to_it_and_a_repeat_that_of_the_first(display: Display) -> None:
    recorded = next(s.state for s in screenshots.specimens() if s.name == "recorded-0")
    already = next(s.state for s in screenshots.specimens() if s.name == "already-0")
    assert isinstance(recorded, Recorded)
    assert isinstance(already, AlreadyRecorded)
    already = replace(already, event=structs.replace(already.event, receipt="0000000000"))
    for size, code in itertools.product(SIZES, LOCALES):
        context = replace(screenshots.ordinary(display, code), width_px=size[0], height_px=size[1])
        for state in (recorded, already):
            shown = [text for text in screen_of(state, context).texts if "JBR-7K2-0931" in text.words]
            assert len(shown) == 1, "whole, and once"
            unit = min(min(size) / 480, max(size) / 800)
            assert 20 <= shown[0].size * size[1] / unit <= 26, "to be read, not shouted"
            assert "000-000-0000" not in said(screen_of(state, context))
    assert {"No. bukti JBR-7K2-0931", "Receipt JBR-7K2-0931"} == {
        language(code).receipt.format(receipts.shown("JBR7K20931")) for code in ("id", "en")
    }


def test_results_differ_by_more_than_colour(screens: list[tuple[str, Context, Screen]]) -> None:
    symbols: dict[str, set[tuple[object, ...]]] = {}
    for _, context, screen in screens:
        if (context.width_px, context.height_px, context.large) == (800, 480, False) and screen.name in (
            "Recorded",
            "AlreadyRecorded",
            "NotRecorded",
        ):
            strokes = tuple(shape.points for shape in screen.shapes if hasattr(shape, "points"))
            symbols.setdefault(screen.name, set()).add(strokes)
    assert len({next(iter(found)) for found in symbols.values()}) == 3
    assert all(len(found) == 1 for found in symbols.values())


def test_no_green_but_on_a_recorded_punch(screens: list[tuple[str, Context, Screen]]) -> None:
    for name, _, screen in screens:
        greenish = [c for c in screen.background if c.green > c.red + 30 and c.green > c.blue + 20]
        punched = screen.name == "Recorded" or name.startswith("correcting ")
        assert bool(greenish) == punched, name


def test_the_pin_itself_is_never_written(screens: list[tuple[str, Context, Screen]]) -> None:
    context, state = next(
        (context, specimen.state)
        for (_, context, _), specimen in zip(screens, screenshots.specimens(), strict=False)
        if specimen.name == "pin-code"
    )
    assert isinstance(state, PinCode)
    secret = replace(state, code="739206")
    assert "739206" not in said(screen_of(secret, context))
    dots = [
        sum(isinstance(shape, Ellipse) for shape in screen_of(replace(state, code="739206"[:n]), context).shapes)
        for n in range(7)
    ]
    assert dots == list(range(7))


def test_a_long_number_keeps_its_end_in_sight(display: Display) -> None:
    keypad = next(s.state for s in screenshots.specimens() if s.name == "pin-number-typed")
    number = "123456789" * 3 + "54321"
    screen = screen_of(replace(keypad, number=number), screenshots.ordinary(display, "id"))  # type: ignore[call-overload]
    shown = next(text.words for text in screen.texts if text.words.endswith("54321"))
    assert shown.startswith("…")


def test_progress_runs_out_with_the_result(display: Display) -> None:
    recorded = next(s.state for s in screenshots.specimens() if s.name == "recorded-0")
    context = screenshots.ordinary(display, "id")
    parts = []
    for later_s in (-0.9, 0.35, 1.6, 99.0):
        later = replace(context.now, monotonic_s=context.now.monotonic_s + later_s)
        progress = screen_of(recorded, replace(context, now=later)).progress
        assert progress is not None
        parts.append(round(progress.part, 3))
    assert parts == [1.0, 0.5, 0.0, 0.0]


# --- words ----------------------------------------------------------------------------------------------------------


def test_every_language_has_a_word_for_everything_that_can_happen() -> None:
    """Whether the catalogues are whole is asked in test_catalogue: here, whether the words are."""
    kinds: list[tuple[Mapping[Any, str], type[StrEnum]]] = [
        (words.ENGLISH.hints, Reason),
        (words.ENGLISH.directions, Direction),
        (words.ENGLISH.farewells, Direction),
        (words.ENGLISH.problems, PinProblem),
        (words.ENGLISH.keypad_titles, KeypadReason),
    ]
    for said_of, kind in kinds:
        assert set(said_of) == set(kind)
    for one, other in itertools.combinations(map(language, LOCALES), 2):
        assert not [reason for reason in Reason if one.hints[reason] == other.hints[reason]]


@pytest.mark.parametrize(
    ("zone", "clock", "short"),
    [("Asia/Jakarta", "07:12", "WIB"), ("Asia/Makassar", "08:12", "WITA"), ("Asia/Jayapura", "09:12", "WIT")],
)
def test_times_are_the_offices(zone: str, clock: str, short: str) -> None:
    at = datetime(2025, 11, 24, 0, 12, 59, tzinfo=UTC)
    assert words.clock(at, ZoneInfo(zone)) == clock
    assert words.zone_name(at, ZoneInfo(zone)) == short


def test_dates_are_the_offices_in_its_language() -> None:
    at = datetime(2025, 11, 23, 23, 30, tzinfo=UTC)
    assert words.date(at, ZoneInfo("Asia/Jakarta"), language("id")) == "Senin, 24 November 2025"
    assert words.date(at, ZoneInfo("UTC"), language("en")) == "Sunday, 23 November 2025"
    assert words.date(at, ZoneInfo("UTC"), language("jv")) == "Ahad, 23 November 2025"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "1 detik"), (0.2, "1 detik"), (30, "30 detik"), (90, "90 detik"), (90.1, "2 menit"), (300, "5 menit")],
)
def test_waits_are_rounded_up(seconds: float, expected: str) -> None:
    assert words.wait(seconds, language("id")) == expected


def test_the_status_line_says_what_is_wrong_before_what_is_right(display: Display) -> None:
    context = screenshots.ordinary(display, "id")
    troubled = replace(
        context, offline_since=context.now.at - timedelta(minutes=5), waiting=2, alarms=("storage_90", "storage_80")
    )
    idle = said(screen_of(Idle(since_s=0), troubled)).replace("\N{NO-BREAK SPACE}", " ")
    assert "Penyimpanan hampir penuh, hubungi petugas  ·  Luring sejak 07:07  ·  2 menunggu terkirim" in idle
    assert "storage" not in idle, "a code without words is the centre's business"


# --- fitting --------------------------------------------------------------------------------------------------------


def wide(text: str, size: float, weight: Weight) -> float:
    return len(text) * size * 0.6


@given(
    text=some.text(some.characters(blacklist_categories=("Cs",)), max_size=80),
    width=some.floats(30, 900),
    lines=some.integers(1, 3),
)
def test_whatever_is_said_fits(text: str, width: float, lines: int) -> None:
    found, size = fitted(text, width, largest=40, smallest=12, lines=lines, weight=Weight.BOLD, measure=wide)
    assert 1 <= len(found) <= lines
    assert 12 <= size <= 40
    assert all(wide(line, size, Weight.BOLD) <= width for line in found)


def test_short_words_keep_the_largest_size_and_hard_spaces_hold() -> None:
    assert fitted("Suharto", 500, largest=52, smallest=24, lines=2, weight=Weight.BOLD, measure=wide) == (
        ["Suharto"],
        52,
    )
    assert wrapped("a b\N{NO-BREAK SPACE}c d", 25, 10, Weight.BOLD, wide) == ["a", "b\N{NO-BREAK SPACE}c", "d"]


def test_screens_are_values() -> None:
    assert is_dataclass(Screen)
    assert Screen.__hash__ is not None
