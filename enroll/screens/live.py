"""The screens before the camera: samples that are taken by themselves, and the self-test. *Pure*.

The picture is a mirror: who turns to their left sees themselves turn to the left of the screen.
"""

from enroll.screens.figures import DIM, arrow, chevrons, person, ticked
from enroll.screens.frame import BUTTON_HEIGHT, TOP, ways_out
from enroll.wizard.states import Capture, CaptureProblem, SelfTest, Walk, Wizard
from enroll.wizard.steps import poses_of
from enroll.wizard.values import Pose
from terminal.quality import Reason
from terminal.screens.drawing import Colour, Screen, Weight
from terminal.screens.heads import head
from terminal.screens.look import (
    AMBER,
    BAR,
    CORNER,
    GUTTER,
    KEY,
    NIGHT,
    PALE,
    TEAL,
    WHITE,
    Context,
    bar_height,
    bar_text_height,
    bar_text_width,
)
from terminal.screens.sheet import LINE_HEIGHT, Align, Sheet, fitted
from terminal.screens.words import Words

_TURNS = {Pose.FRONT: 0, Pose.LEFT: -1, Pose.RIGHT: 1}
_CELL, _WALK_CELL = 66.0, 84.0
_BAR_ROW = 26.0
_TALL = 1.28
"""Times its width, the oval's height."""
_JUST_TAKEN_S = 0.6
"""How long a picture that was taken is confirmed."""


def capturing(sheet: Sheet, context: Context, wizard: Wizard, state: Capture) -> Screen:
    """Return the live picture with the pose that is wanted, how good the picture is, and what is taken already."""
    said, warns = headline_of(state, context.say)
    oval = _live(sheet, context, warns=warns)
    if (turn := _TURNS[state.pose]) and not state.as_they_stand:
        chevrons(sheet, oval[0] + turn * min(oval[2] / 2 + 96, oval[0] - 52), oval[1], turn)
    if 0 <= context.now.monotonic_s - state.taken_at_s < _JUST_TAKEN_S:
        x, y, wide = oval
        sheet.ellipse(x, y, wide, wide * _TALL, WHITE, line=12)
        ticked(sheet, x, y + wide * _TALL / 2 - 30, 84)
    _taken(sheet, wizard, state)
    ways_out_ground(sheet)
    left = _words(sheet, said, AMBER if warns else WHITE, below=_BAR_ROW)
    _quality(sheet, context.say, state.quality, wizard.rules.least_quality, left)
    ways_out(sheet, wizard, context.say)
    return sheet.screen(NIGHT)


def headline_of(state: Capture, say: Words) -> tuple[str, bool]:
    """Return the one thing to do now, and whether something is wrong."""
    match state.problem:
        case CaptureProblem.OTHER_PERSON:
            return say.wizard["other_person"], True
        case None:
            pass
    if state.hint is Reason.TURN_TO_SCREEN and state.pose is not Pose.FRONT:
        return say.wizard["less"], True
    if state.hint is not None and not (state.hint is Reason.MASK and state.look):
        return say.hints[state.hint], True
    if state.look:
        return say.wizard["look_now"].format(look_name(state.look, say)), False
    asked = f"pose_{state.pose}" if state.pose is Pose.FRONT or not state.as_they_stand else "as_you_are"
    return say.wizard[asked], False


def look_name(look: str, say: Words) -> str:
    """Return what a look is called; an office's own by its own word."""
    return say.wizard.get(f"look_{look}", look)


def testing(sheet: Sheet, context: Context, wizard: Wizard, state: SelfTest) -> Screen:
    """Return the live picture and what is to be walked, as words and as pictures."""
    say = context.say
    _live(sheet, context, warns=False)
    _walks(sheet, state)
    ways_out_ground(sheet)
    said = {
        Walk.STEP_BACK: say.wizard["test_step_back"],
        Walk.WALK_UP: say.hints[state.hint] if state.hint is not None else say.wizard["test_walk_up"],
        Walk.RECOGNISING: say.one_moment,
    }[state.walk]
    left = _words(sheet, said, WHITE, below=_BAR_ROW)
    below = say.wizard["test_once_more" if state.draft.failed else "test_how"]
    ink = AMBER if state.draft.failed else PALE
    sheet.text(below, GUTTER, left, 19, ink, (BAR,), width=bar_text_width(sheet), smallest=15)
    ways_out(sheet, wizard, say)
    return sheet.screen(NIGHT)


def ways_out_ground(sheet: Sheet) -> None:
    """Add the foot on which words and the way without a face stand."""
    sheet.panel(0, sheet.height - bar_height(sheet), sheet.width, bar_height(sheet), BAR)


def _live(sheet: Sheet, context: Context, *, warns: bool) -> tuple[float, float, float]:
    """Add the picture and the oval to stand in; return the oval's centre and how wide it is."""
    room = sheet.height - bar_height(sheet)
    top = TOP if sheet.upright else 28.0
    tall = min(room - top - 16, (sheet.width - 110) * _TALL)
    wide = tall / _TALL
    x, y = sheet.width / 2, top + tall / 2
    if context.picture:
        sheet.picture = sheet.rect(0, 0, sheet.width, room)
        sheet.focus = context.face or (0.5, 0.5)
        sheet.veil(room, sheet.rect(x - wide / 2, y - tall / 2, wide, tall), BAR, 0.55)
    sheet.ellipse(x, y, wide, tall, AMBER if warns else TEAL, line=5)
    return x, y, wide


def _taken(sheet: Sheet, wizard: Wizard, state: Capture) -> None:
    """A head for each pose: those taken with a tick, the one that is wanted in colour."""
    poses = (Pose.FRONT,) if state.look else poses_of(wizard)
    taken = len(poses) - len(state.poses)
    y = CORNER + BUTTON_HEIGHT / 2
    sheet.panel(CORNER, CORNER, len(poses) * _CELL + 16, BUTTON_HEIGHT, BAR, 16)
    for index, pose in enumerate(poses):
        x = CORNER + 8 + (index + 0.5) * _CELL
        colour = WHITE if index < taken else TEAL if index == taken else DIM
        head(sheet, x, y - 3, 52, colour, turn=_TURNS[pose], look=state.look)
        if index < taken:
            ticked(sheet, x + 18, y + 18, 26)
        elif index == taken:
            sheet.panel(x - 22, CORNER + BUTTON_HEIGHT - 10, 44, 5, TEAL, 2)


def _walks(sheet: Sheet, state: SelfTest) -> None:
    """Far, near, known: the step that is now in colour."""
    now = list(Walk).index(state.walk)
    sheet.panel(CORNER, CORNER, 3 * _WALK_CELL + 16, BUTTON_HEIGHT, BAR, 16)
    middle = CORNER + BUTTON_HEIGHT / 2 - 3
    for index in range(3):
        x = CORNER + 8 + (index + 0.5) * _WALK_CELL
        ink = TEAL if index == now else DIM
        if index == 2:
            ticked(sheet, x, middle, 46, colour=ink)
        else:
            size = 30.0 if index == 0 else 54.0
            person(sheet, x, middle + size / 2, size, ink)
            arrow(sheet, x + _WALK_CELL / 2, middle, 18, DIM)
        if index == now:
            sheet.panel(x - 22, CORNER + BUTTON_HEIGHT - 10, 44, 5, TEAL, 2)


def _words(sheet: Sheet, said: str, ink: Colour, *, below: float) -> float:
    """Add what to do, large, in the foot, and room for `below` under it; return the y of that room."""
    room, tall = bar_text_width(sheet), bar_text_height(sheet)
    one, two = (
        fitted(said, room, largest=largest, smallest=smallest, lines=lines, weight=Weight.BOLD, measure=sheet.measure)
        for largest, smallest, lines in ((34, 26, 1), (26, 18, 2))
    )
    broken, size = one if sheet.measure(said, one[1], Weight.BOLD) <= room else two
    y = sheet.height - bar_height(sheet) + (tall - below - len(broken) * size * LINE_HEIGHT) / 2
    return 4 + sheet.lines(broken, GUTTER, y, size, ink, (BAR,), weight=Weight.BOLD, align=Align.LEFT)


def _quality(sheet: Sheet, say: Words, quality: float, least: float, y: float) -> None:
    """The live bar: amber up to what a sample needs at least, which is marked, and teal from there on."""
    label = 17.0
    x = GUTTER + sheet.text(say.wizard["quality"], GUTTER, y, label, PALE, (BAR,)) + 12
    room, tall = GUTTER + bar_text_width(sheet) - x, 14.0
    top = y + (label * LINE_HEIGHT - tall) / 2
    sheet.panel(x, top, room, tall, KEY, tall / 2)
    if quality > 0:
        sheet.panel(x, top, max(tall, room * quality), tall, TEAL if quality >= least else AMBER, tall / 2)
    sheet.panel(x + room * least - 1.5, top - 3, 3, tall + 6, WHITE, 1)
