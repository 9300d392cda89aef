"""What is said aloud as an enrolment goes on, for who has turned their head away from the screen. *Pure*.

Never a name, a number or a digit of the PIN, and never that a face is known already: the whole lobby hears it. Saying
the same twice is saying it once: the caller speaks when the words are others than before.
"""

from dataclasses import replace
from typing import assert_never

from enroll.screens.live import headline_of
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
    PinStep,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    Walk,
    Wizard,
)
from terminal.screens.words import Words


def spoken_of(wizard: Wizard, words: Words) -> str | None:
    """Return what is said in the wizard's state, None for nothing."""
    say = words.wizard
    match wizard.state:
        case Purpose():
            return words.purpose_title
        case Capture() as capture:
            return headline_of(replace(capture, hint=None), words)[0]  # hints come and go: they are for the eyes
        case Stalled(refused=True):
            return f"{say['not_live']}. {say['not_live_how']}"
        case Stalled(capture=capture):
            hint = words.hints[capture.hint] if capture.hint is not None else say["stalled_how"]
            return f"{say['stalled']}. {hint}"
        case OfferLooks():
            return say["looks_title"]
        case ChoosePin() as choice:
            if choice.different or choice.flaw is not None:
                return say["pin_different"] if choice.different else say[f"flaw_{choice.flaw}"]
            return say["pin_repeat"] if choice.step is PinStep.REPEAT else say["pin_choose"]
        case SelfTest(walk=walk, draft=draft):
            match walk:
                case Walk.STEP_BACK:
                    again = f"{say['test_once_more']}. " if draft.failed else ""
                    return f"{again}{say['test_step_back']}"
                case Walk.WALK_UP:
                    return say["test_walk_up"]
                case Walk.RECOGNISING:
                    return None
        case SelfTestFailed():
            return words.not_recognised
        case NoCamera():
            return words.camera_down
        case NotEnrolled(unanswered=unanswered):
            return say["unknown" if unanswered else "not_enrolled"]
        case Done(by_face=by_face):
            return f"{say['done']}. {say['done_face' if by_face else 'done_pin']}"
        case FindEmployee() | Checking() | Duplicate() | Saving() | Cancelled():
            return None
        case _:
            assert_never(wizard.state)
