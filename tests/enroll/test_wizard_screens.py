"""Every screen of an enrolment, in every language, upright and wide: readable, touchable, whole, and discreet."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

import config
from enroll import purpose
from enroll.screens import screen_of, spoken_of
from enroll.wizard import choices, signals, start, states
from enroll.wizard.states import Capture, ChoosePin, FindEmployee
from enroll.wizard.values import Entry, Pose, WizardRules
from terminal.display import Display, screenshots
from terminal.pin.policy import PinFlaw
from terminal.quality import Reason
from terminal.screens.catalogue import LOCALES, language
from terminal.screens.drawing import Ellipse, Rect, Screen, Stroke, contrast
from terminal.screens.look import Context
from terminal.visit.signals import BACKSPACE, CANCEL, ENTER
from tests.enroll.wizard_life import STATES, Life
from tests.enroll.wizard_specimens import AT_S, MANY, ROSTER, Specimen, capture, specimens
from tests.terminal.test_screens import LEAST_TARGET, ground_of

SIZES = (*screenshots.SIZES, (1024, 600))
LEAST_LETTERS = 13.0
"""Units: about 2.6 mm on a 7 inch panel. Nothing the kiosk shows is smaller."""
LEAST_OF_THE_TEXT = 14.0
KEYPAD = {*"0123456789", BACKSPACE, ENTER}

Shown = tuple[str, Specimen, Context, Screen]


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    """The real letters, for their widths."""
    opened = Display(config.Display(driver="dummy"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def screens(display: Display) -> list[Shown]:
    return list(every_screen(display))


def every_screen(display: Display) -> Iterator[Shown]:
    for size, code in itertools.product(SIZES, LOCALES):
        for specimen in specimens(code):
            context = context_of(display, code, size, specimen)
            yield f"{specimen.name} {code} {size}", specimen, context, screen_of(specimen.wizard, context)


def context_of(display: Display, code: str, size: tuple[int, int], specimen: Specimen | None = None) -> Context:
    base = replace(screenshots.ordinary(display, code), width_px=size[0], height_px=size[1])
    return replace(base, **specimen.changes) if specimen is not None else base


def unit_px(context: Context) -> float:
    shorter, longer = sorted((context.width_px, context.height_px))
    return min(shorter / 480, longer / 800)


def said(screen: Screen) -> str:
    return " ".join(text.words for text in screen.texts).replace("\N{NO-BREAK SPACE}", " ")


def named(code: str, name: str) -> Specimen:
    return next(found for found in specimens(code) if found.name == name)


# --- every screen ---------------------------------------------------------------------------------------------------


def test_every_state_is_shown() -> None:
    assert {type(specimen.wizard.state) for specimen in specimens()} == set(STATES)


def test_every_text_has_the_contrast_it_needs_on_what_it_really_stands_on(screens: list[Shown]) -> None:
    for name, _, _, screen in screens:
        for text in screen.texts:
            assert ground_of(text.box, screen) == text.on, f"{name}: {text.words!r} does not stand on what it says"
            worst = min(contrast(text.colour, colour) for colour in text.on)
            assert worst >= 4.5, f"{name}: {text.words!r} {worst:.1f}"


def test_nothing_leaves_the_screen_and_no_two_texts_touch(screens: list[Shown]) -> None:
    whole = Rect(0, 0, 1, 1)
    for name, _, _, screen in screens:
        for text in screen.texts:
            assert whole.covers(text.box), f"{name}: {text.words!r} at {text.box}"
        for one, other in itertools.combinations(screen.texts, 2):
            assert not one.box.touches(other.box, slack=2e-3), f"{name}: {one.words!r} over {other.words!r}"
        for text, button in itertools.product(screen.texts, screen.buttons):
            assert button.box.covers(text.box) or not button.box.touches(text.box), f"{name}: {text.words!r}"


def test_every_target_is_fifteen_millimetres_and_stands_alone(screens: list[Shown]) -> None:
    for name, _, context, screen in screens:
        least = LEAST_TARGET * unit_px(context)
        for button in screen.buttons:
            assert Rect(0, 0, 1, 1).covers(button.box), name
            assert button.box.width * context.width_px >= least, f"{name}: {button.id}"
            assert button.box.height * context.height_px >= least, f"{name}: {button.id}"
        for one, other in itertools.combinations(screen.buttons, 2):
            assert not one.box.touches(other.box), f"{name}: {one.id} over {other.id}"


def test_every_button_there_is_can_be_touched_and_no_other(screens: list[Shown]) -> None:
    """Of a roster those that fit are shown; the keypad finds the rest."""
    for name, specimen, _, screen in screens:
        ids = [button.id for button in screen.buttons]
        assert len(set(ids)) == len(ids), name
        typed = KEYPAD if isinstance(specimen.wizard.state, FindEmployee | ChoosePin) else set()
        found = set(ids) - typed
        offered = set(choices(specimen.wizard))
        if isinstance(specimen.wizard.state, FindEmployee):
            assert typed <= set(ids)
            assert {CANCEL} <= found <= offered, name
        else:
            assert found == offered, name


def test_no_letters_are_small_print_and_only_a_name_on_the_list_is_cut(screens: list[Shown]) -> None:
    for name, specimen, context, screen in screens:
        for text in screen.texts:
            size = text.size * context.height_px / unit_px(context)
            assert size >= LEAST_LETTERS - 0.01, f"{name}: {text.words!r} {size:.1f}"
            if text.words.endswith("…"):
                assert isinstance(specimen.wizard.state, FindEmployee), f"{name}: {text.words!r}"


def test_the_way_out_and_the_way_without_a_face_are_always_at_their_places(screens: list[Shown]) -> None:
    places: dict[tuple[tuple[int, int], str], set[Rect]] = {}
    for _, specimen, context, screen in screens:
        if isinstance(specimen.wizard.state, FindEmployee | ChoosePin | states.Purpose):
            continue  # with a keypad or a whole page to read they have others
        for button in screen.buttons:
            if button.id in (CANCEL, signals.REFUSE_BUTTON):
                places.setdefault(((context.width_px, context.height_px), button.id), set()).add(button.box)
    assert len(places) == 2 * len(SIZES)
    assert all(len(found) == 1 for found in places.values())


# --- who it is ------------------------------------------------------------------------------------------------------


def finding(display: Display, roster: tuple[Entry, ...], typed: str, size: tuple[int, int] = (800, 480)) -> Screen:
    context = context_of(display, "id", size)
    made = start(WizardRules(), context.now, administrator="9", roster=roster)
    made = replace(made, state=FindEmployee(until_s=AT_S, number=typed))
    return screen_of(made, context)


def listed(screen: Screen) -> list[str]:
    at = signals.EMPLOYEE_BUTTON
    return [button.id.removeprefix(at) for button in screen.buttons if button.id.startswith(at)]


@pytest.mark.parametrize("size", SIZES)
def test_of_five_hundred_people_those_are_shown_whom_the_digits_fit(display: Display, size: tuple[int, int]) -> None:
    everybody = listed(finding(display, MANY, "", size))
    assert len(everybody) >= 2
    found = listed(finding(display, MANY, "2333", size))
    assert found == ["2333"]
    assert "2333" not in everybody
    assert "497 lagi" in said(finding(display, MANY, "", (800, 480)))


def test_who_has_no_face_yet_comes_first_and_a_name_can_be_typed(display: Display) -> None:
    roster = (
        Entry(number="11", name="Agus", enrolled=True),
        Entry(number="12", name="Zainab"),
        Entry(number="31", name="Budi"),
    )
    assert listed(finding(display, roster, "")) == ["31", "12", "11"]
    assert listed(finding(display, roster, "1")) == ["12", "11", "31"], "who begins so, before who has it anywhere"
    assert listed(finding(display, roster, "zai")) == ["12"]


def test_a_hostile_roster_is_drawn_without_harm(display: Display) -> None:
    roster = (
        Entry(number="1", name="\x00\x1b[31m\u202e" + "W" * 900),
        Entry(number="2", name=""),
        Entry(number="9" * 300, name="\ud800"),
    )
    for size in SIZES:
        screen = finding(display, roster, "", size)
        assert all(text.words.isprintable() for text in screen.texts)
        assert all(Rect(0, 0, 1, 1).covers(text.box) for text in screen.texts)


# --- what the person decides ----------------------------------------------------------------------------------------


def test_i4_agreeing_and_refusing_are_of_equal_size_colour_and_letters(screens: list[Shown]) -> None:
    for name, specimen, _, screen in screens:
        if not isinstance(specimen.wizard.state, states.Purpose):
            continue
        agree, refuse = (
            next(button for button in screen.buttons if button.id == id_)
            for id_ in (signals.AGREE_BUTTON, signals.REFUSE_BUTTON)
        )
        assert agree.box.width == pytest.approx(refuse.box.width)
        assert agree.box.height == pytest.approx(refuse.box.height)
        looks = [
            {(text.size, text.weight, text.colour, text.on) for text in screen.texts if button.box.covers(text.box)}
            for button in (agree, refuse)
        ]
        assert looks[0] == looks[1], name


def test_the_whole_consent_text_and_its_version_are_readable(screens: list[Shown]) -> None:
    shown = 0
    for name, specimen, context, screen in screens:
        if not isinstance(specimen.wizard.state, states.Purpose):
            continue
        shown += 1
        text = purpose.text(context.say)
        duty = signals.OTHER_BASIS_BUTTON in choices(specimen.wizard)
        for line in (text.title, *text.lines, *((text.other_basis,) if duty else ())):
            assert line in said(screen), f"{name}: {line}"
        assert purpose.VERSION in said(screen)
        sizes = {
            found.size * context.height_px / unit_px(context)
            for found in screen.texts
            if any(found.words in line for line in text.lines)
        }
        assert min(sizes) >= LEAST_OF_THE_TEXT, f"{name}: {sizes}"
    assert shown == 5 * len(SIZES) * len(LOCALES)


def test_the_text_in_everyday_use_is_of_newspaper_size(screens: list[Shown]) -> None:
    """16.5 units are letters of 3.2 mm on a 7 inch panel of 800 pixels: 9 points, as in a newspaper."""
    for name, specimen, context, screen in screens:
        if specimen.name == "purpose":
            lines = purpose.text(context.say).lines
            sizes = [
                text.size * context.height_px / unit_px(context)
                for text in screen.texts
                if any(text.words in line for line in lines)
            ]
            assert min(sizes) >= 16.5, name


# --- before the camera ----------------------------------------------------------------------------------------------


def test_every_pose_is_drawn_and_not_only_said(display: Display) -> None:
    pictures = {}
    for pose in Pose:
        specimen = named("id", f"capture-{pose}")
        screen = screen_of(specimen.wizard, context_of(display, "id", (800, 480), specimen))
        arrows = [shape for shape in screen.shapes if isinstance(shape, Stroke) and shape.line > 10 / 480]
        middles = [sum(x for x, _ in shape.points) / len(shape.points) for shape in arrows]
        pictures[pose] = middles
    assert pictures[Pose.FRONT] == []
    assert pictures[Pose.LEFT]
    assert max(pictures[Pose.LEFT]) < 0.5 < min(pictures[Pose.RIGHT]), "the picture is a mirror"


def test_the_bar_grows_with_the_quality_and_changes_its_colour_where_it_is_enough(display: Display) -> None:
    specimen = named("id", "capture-front")
    context = context_of(display, "id", (800, 480), specimen)
    bars = []
    for quality in (0.1, 0.29, 0.31, 1.0):
        made = replace(specimen.wizard, state=capture(quality=quality))
        zero = replace(specimen.wizard, state=capture(quality=0.0))
        (bar,) = set(screen_of(made, context).shapes) - set(screen_of(zero, context).shapes)
        bars.append((bar.box.width, bar.colour))  # type: ignore[union-attr]
    assert [width for width, _ in bars] == sorted({width for width, _ in bars})
    assert bars[0][1] == bars[1][1] != bars[2][1] == bars[3][1]


def test_what_has_been_taken_is_counted(display: Display) -> None:
    ticks = []
    for taken, pose in enumerate(Pose):
        specimen = named("id", f"capture-{pose}")
        screen = screen_of(specimen.wizard, context_of(display, "id", (800, 480), specimen))
        ticks.append(sum(isinstance(s, Ellipse) and s.box.width * 800 == pytest.approx(26) for s in screen.shapes))
        assert ticks[-1] == taken
    assert ticks == [0, 1, 2]


def test_who_cannot_turn_is_no_more_asked_to(display: Display) -> None:
    specimen = named("id", "capture-as-they-stand")
    screen = screen_of(specimen.wizard, context_of(display, "id", (800, 480), specimen))
    say = language("id").wizard
    assert say["as_you_are"] in said(screen)
    assert say["pose_left"] not in said(screen)
    assert not [shape for shape in screen.shapes if isinstance(shape, Stroke) and shape.line > 10 / 480]
    assert spoken_of(specimen.wizard, language("id")) == say["as_you_are"]


def test_a_picture_that_was_taken_is_confirmed_for_a_moment(display: Display) -> None:
    specimen = named("id", "capture-taken")
    context = context_of(display, "id", (800, 480), specimen)
    shapes = []
    for later_s in (-5.0, 0.0, 0.3, 1.0):
        now = replace(context.now, monotonic_s=context.now.monotonic_s + later_s)
        shapes.append(len(screen_of(specimen.wizard, replace(context, now=now)).shapes))
    before, now_taken, still, after = shapes
    assert before == after < now_taken == still


@pytest.mark.parametrize("code", LOCALES)
def test_nobody_who_turns_as_asked_is_told_to_turn_back_to_the_screen(display: Display, code: str) -> None:
    say = language(code)
    turned, front = (
        replace(named(code, "capture-front").wizard, state=capture(taken, hint=Reason.TURN_TO_SCREEN))
        for taken in (1, 0)
    )
    context = context_of(display, code, (800, 480))
    assert say.hints[Reason.TURN_TO_SCREEN] not in said(screen_of(turned, context))
    assert say.wizard["less"] in said(screen_of(turned, context))
    assert say.hints[Reason.TURN_TO_SCREEN] in said(screen_of(front, context))
    masked = named(code, "capture-mask")
    assert say.hints[Reason.MASK] not in said(screen_of(masked.wizard, context)), "it is what was asked for"


# --- the PIN, and what is nobody else's business --------------------------------------------------------------------


def test_the_pin_is_never_written_and_every_digit_is_a_dot(display: Display) -> None:
    specimen = named("id", "pin")
    context = context_of(display, "id", (800, 480))
    state = specimen.wizard.state
    assert isinstance(state, ChoosePin)
    dots = []
    for count in range(7):
        made = replace(specimen.wizard, state=replace(state, code="739206"[:count], first="739206"))
        screen = screen_of(made, context)
        assert not re.search("7392", said(screen))
        dots.append(sum(isinstance(shape, Ellipse) for shape in screen.shapes))
    assert dots == list(range(7))


def test_a_duplicate_names_the_other_number_and_nobody(screens: list[Shown]) -> None:
    for name, specimen, _, screen in screens:
        if isinstance(specimen.wizard.state, states.Duplicate) and specimen.name == "duplicate":
            assert "1002" in said(screen), name
            assert not any(entry.name in said(screen) for entry in ROSTER), name


def test_what_was_enrolled_is_told_from_what_was_not(screens: list[Shown]) -> None:
    for name, specimen, context, screen in screens:
        say = context.say.wizard
        match specimen.wizard.state:
            case states.Done(by_face=by_face):
                assert say["done_face" if by_face else "done_pin"] in said(screen), name
                assert say["done_note"] in said(screen), name
            case states.NotEnrolled(unanswered=unanswered):
                assert say["unknown" if unanswered else "not_enrolled"] in said(screen), name
            case states.Cancelled(why=why):
                assert say["unknown" if why is states.Why.UNANSWERED else "nobody"] in said(screen), name


# --- words ---------------------------------------------------------------------------------------------------------


def test_words_and_states_fit_together() -> None:
    """Whatever the machine may say has words in every language: a new flaw, a new reason why."""
    for code in LOCALES:
        say = language(code).wizard
        assert {f"flaw_{flaw}" for flaw in PinFlaw} <= set(say)
        assert {f"why_{why}" for why in states.Why} <= set(say)
        assert {f"pose_{pose}" for pose in Pose} <= set(say)
        assert {f"look_{look}" for look in WizardRules().looks} <= set(say)
        assert {str(problem) for problem in states.NumberProblem} <= set(say)


def test_the_language_of_the_screen_is_that_of_the_record(display: Display) -> None:
    """What is shown at the purpose is in the language that is kept with the decision, when Speak is heeded."""
    life = Life()
    life.tap(f"{signals.EMPLOYEE_BUTTON}1001", "language:jv")
    assert life.spoken[-1] == "jv"
    screen = screen_of(life.wizard, context_of(display, "jv", (800, 480)))
    assert purpose.text(language("jv")).title in said(screen)
    state = life.tap(signals.AGREE_BUTTON)
    assert isinstance(state, Capture)
    assert state.draft.decision.language == "jv"
