"""What the kiosk or a desk shows and says while somebody is enrolled: the wizard's state as a Screen. *Pure*.

The administrator reads who is to be enrolled and what went wrong, the person everything between. Every button of
`enroll.wizard.choices` is on the screen; of a long roster those that there is room for.
"""

from typing import assert_never

from enroll.screens.answers import answer
from enroll.screens.consent import consent
from enroll.screens.finding import finding
from enroll.screens.live import capturing, testing
from enroll.screens.looks import offering
from enroll.screens.pin_choice import choosing_pin
from enroll.screens.spoken import spoken_of
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    OfferLooks,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    Wizard,
)
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.screens.sheet import Sheet

__all__ = ["screen_of", "spoken_of"]


def screen_of(wizard: Wizard, context: Context) -> Screen:
    """Return the screen for the wizard's state, in the words of `context`: the language last asked for by Speak."""
    state = wizard.state
    name = f"Enrol{type(state).__name__}"
    sheet = Sheet(name, width_px=context.width_px, height_px=context.height_px, measure=context.measure)
    match state:
        case FindEmployee():
            return finding(sheet, context, wizard, state)
        case Purpose():
            return consent(sheet, context, wizard, state)
        case Capture():
            return capturing(sheet, context, wizard, state)
        case OfferLooks():
            return offering(sheet, context, wizard, state)
        case ChoosePin():
            return choosing_pin(sheet, context, wizard, state)
        case SelfTest():
            return testing(sheet, context, wizard, state)
        case (
            Stalled() | Checking() | Duplicate() | SelfTestFailed() | NoCamera() | Saving() | NotEnrolled() | Done()
            | Cancelled()
        ):  # fmt: skip
            return answer(sheet, context, wizard, state)
        case _:
            assert_never(state)
