"""The screens that say one thing: waiting, refused, done, and what can be done about it. *Pure*."""

from enroll.screens.figures import nothing, question, ticked, waiting, warning
from enroll.screens.frame import Message, message, printable, who
from enroll.wizard import signals
from enroll.wizard.choices import choices
from enroll.wizard.states import (
    Cancelled,
    Checking,
    Done,
    Duplicate,
    NoCamera,
    NotEnrolled,
    Saving,
    SelfTestFailed,
    Stalled,
    Why,
    Wizard,
)
from terminal.screens import crossed_camera
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.screens.sheet import Sheet
from terminal.screens.words import Words

Answering = Stalled | Checking | Duplicate | SelfTestFailed | NoCamera | Saving | NotEnrolled | Done | Cancelled


def answer(sheet: Sheet, context: Context, wizard: Wizard, state: Answering) -> Screen:
    """Return the screen for a state in which nothing is looked at and nothing typed."""
    return message(sheet, context, wizard, said_in(wizard, state, context))


def said_in(wizard: Wizard, state: Answering, context: Context) -> Message:
    """Return what is said in `state`."""
    say = context.say
    match state:
        case Stalled(refused=True):
            return Message(
                symbol=question,
                title=say.wizard["not_live"],
                details=(say.wizard["not_live_how"],),
                buttons=_again(say),
            )
        case Stalled():
            hint = state.capture.hint
            details = (say.hints[hint],) if hint is not None else ()
            return Message(
                symbol=warning,
                title=say.wizard["stalled"],
                details=(*details, say.wizard["stalled_how"]),
                buttons=_again(say),
            )
        case Checking(unanswered=True):
            return Message(
                symbol=question,
                title=say.wizard["unanswered"],
                details=(say.wizard["unanswered_how"],),
                buttons=_again(say),
            )
        case Checking():
            return Message(symbol=waiting, title=say.one_moment, details=(say.wizard["checking_how"],))
        case Duplicate():
            other = say.number_is.format(printable(state.other)) if state.other else ""
            return Message(
                symbol=warning,
                title=say.wizard["duplicate"],
                who=other,
                details=(
                    say.wizard["duplicate_how"]
                    .replace("No. ", "No.\N{NO-BREAK SPACE}")
                    .format(printable(state.employee)),
                ),
                buttons=((signals.OTHER_EMPLOYEE_BUTTON, say.wizard["other_employee"]),),
            )
        case SelfTestFailed():
            more = signals.AGAIN_BUTTON in choices(wizard)
            return Message(
                symbol=warning,
                title=say.not_recognised,
                details=(say.wizard["test_failed_how" if more else "test_no_more"],),
                buttons=((signals.AGAIN_BUTTON, say.wizard["more_pictures"]),) if more else (),
            )
        case NoCamera():
            said = say.troubles[context.trouble] if context.trouble is not None else say.camera_down
            return Message(symbol=_no_camera, title=said, details=(say.wizard["no_camera_how"],))
        case Saving():
            return Message(symbol=waiting, title=say.saving, who=who(wizard, state.draft.employee, say))
        case NotEnrolled():
            title, how = ("unknown", "unknown_how") if state.unanswered else ("not_enrolled", "not_enrolled_how")
            return Message(
                symbol=question if state.unanswered else warning,
                title=say.wizard[title],
                who=who(wizard, state.draft.employee, say),
                details=(say.wizard[how],),
                buttons=_again(say),
            )
        case Done():
            how = say.wizard["done_face" if state.by_face else "done_pin"]
            return Message(
                symbol=ticked,
                title=say.wizard["done"],
                who=who(wizard, state.employee, say),
                details=(how, say.wizard["done_note"]),
            )
        case Cancelled(why=why):
            doubt = why is Why.UNANSWERED
            return Message(
                symbol=question if doubt else nothing,
                title=say.wizard["unknown" if doubt else "nobody"],
                details=(say.wizard[f"why_{why}"],),
            )


def _again(say: Words) -> tuple[tuple[str, str], ...]:
    return ((signals.AGAIN_BUTTON, say.wizard["again"]),)


def _no_camera(sheet: Sheet, x: float, y: float, size: float) -> None:
    crossed_camera(sheet, x, y)
