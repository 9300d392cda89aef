"""What stands beside the live picture while somebody is asked something: a head that does it, the time, a way out.
*Pure*."""

import math

from terminal.screens.drawing import Progress
from terminal.screens.heads import head
from terminal.screens.look import AMBER, BAR, CORNER, EASE_SIZE, GUTTER, KEY, TEAL, WHITE, Context, bar_height
from terminal.screens.sheet import Sheet
from terminal.screens.words import Words
from terminal.sighting import Challenge
from terminal.visit import signals
from terminal.visit.states import Challenged

ROW = 96.0
"""How high the row is that this takes above the foot of an upright screen."""
_BUTTON = (220.0, 80.0)
_SHOWN_EVERY_S, _BLINKS_S = 1.8, 0.3
_TIME_HEIGHT = 10.0
_WAYS = {
    Challenge.TURN_LEFT: (-1, 0),
    Challenge.TURN_RIGHT: (1, 0),
    Challenge.LOOK_UP: (0, -1),
    Challenge.LOOK_DOWN: (0, 1),
}
"""Where on the screen the face goes; the picture is a mirror, so left is left."""


def asking(sheet: Sheet, context: Context, say: Words, state: Challenged) -> None:
    """Add the head, an arrow for a turn, the button of who cannot, and how much time is left."""
    ground = sheet.height - bar_height(sheet)
    wide, tall = _BUTTON
    sheet.button(
        signals.CANNOT_BUTTON,
        say.cannot,
        GUTTER,
        ground - tall - 16,
        wide,
        tall,
        colour=KEY,
        ink=WHITE,
        size=32 if context.large else 26,
        lines=2,
    )
    passed_s = context.now.monotonic_s - state.since_s
    across, along = _WAYS.get(state.challenge, (0, 0))
    if sheet.upright:
        x, y, size, arrow_x = sheet.width - 176, ground - ROW / 2 - 8, 84.0, sheet.width - 64.0
    else:
        outer = 1 if across > 0 else -1
        middle = (CORNER + EASE_SIZE + ground) / 2 if across > 0 else (ground - tall) / 2 + 12
        x, y, size, arrow_x = sheet.width / 2 + outer * 216, middle, 118.0, sheet.width / 2 + outer * 330
    swing = math.sin(math.pi * passed_s / _SHOWN_EVERY_S) ** 2
    if state.challenge is Challenge.COME_CLOSER:
        size *= 0.6 + 0.4 * swing
    shut = state.challenge is Challenge.BLINK and (passed_s + _BLINKS_S) % _SHOWN_EVERY_S < _BLINKS_S
    sheet.panel(x - 66, y - 68, 132, 136, BAR, 28) if not sheet.upright else sheet.panel(
        x - 46, y - 48, 92, 96, BAR, 20
    )
    head(sheet, x, y, size, AMBER, turn=across * swing, nod=along * swing, shut=shut)
    if across or along:
        _arrow(sheet, arrow_x, y, across, along, reach=32 if sheet.upright else 40)
    whole_s = state.until_s - state.since_s
    left_s = max(0.0, state.until_s - context.now.monotonic_s)
    sheet.progress = Progress(
        box=sheet.rect(0, ground - _TIME_HEIGHT, sheet.width, _TIME_HEIGHT),
        part=min(1.0, left_s / whole_s) if whole_s > 0 else 0.0,
        colour=TEAL,
        on=BAR,
    )


def _arrow(sheet: Sheet, x: float, y: float, across: int, along: int, *, reach: float) -> None:
    """Add an arrow around x, y, seen on any picture."""
    tip, tail = (x + across * reach, y + along * reach), (x - across * reach, y - along * reach)
    back, wing = 0.2 * reach, 0.8 * reach
    barbs = [(x + across * back + side * along * wing, y + along * back + side * across * wing) for side in (-1, 1)]
    for colour, line in ((BAR, 22.0), (AMBER, 12.0)):
        sheet.stroke([tail, tip], colour, line)
        sheet.stroke([barbs[0], tip, barbs[1]], colour, line)
