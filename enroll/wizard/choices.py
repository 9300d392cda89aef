"""Which buttons a state of the enrolment has, in the order of the screen and of the keys 1, 2, ... *Pure*."""

from enroll.wizard import signals
from enroll.wizard.signals import Tapped, Typed
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
from terminal.visit.signals import BACK_BUTTON, BACKSPACE, CANCEL, LANGUAGE_BUTTON

LANGUAGES = ("id", "en", "jv")


def choices(wizard: Wizard) -> tuple[str, ...]:
    """Return the buttons that do something now; the way without a face is always one of them while it is open."""
    rules = wizard.rules
    match wizard.state:
        case FindEmployee():
            return (*(f"{signals.EMPLOYEE_BUTTON}{number}" for number in wizard.roster), CANCEL)
        case Purpose(language=language):
            duty = (signals.OTHER_BASIS_BUTTON,) if rules.duty else ()
            photo = (signals.PHOTO_BUTTON,) if rules.photo_offered else ()
            others = tuple(f"{LANGUAGE_BUTTON}{other}" for other in LANGUAGES if other != language)
            return (signals.AGREE_BUTTON, signals.REFUSE_BUTTON, *duty, *photo, *others, CANCEL)
        case SelfTestFailed(draft=draft) if len(draft.samples) + len(rules.poses) > rules.most_samples:
            return (signals.REFUSE_BUTTON, CANCEL)
        case Stalled() | SelfTestFailed():
            return (signals.AGAIN_BUTTON, signals.REFUSE_BUTTON, CANCEL)
        case Capture() | SelfTest() | NoCamera():
            return (signals.REFUSE_BUTTON, CANCEL)
        case OfferLooks(looks=looks):
            worn = tuple(f"{signals.LOOK_BUTTON}{look}" for look in looks)
            return (signals.GO_ON_BUTTON, *worn, signals.REFUSE_BUTTON, CANCEL)
        case Checking(unanswered=unanswered):
            again = (signals.AGAIN_BUTTON,) if unanswered else ()
            return (*again, signals.REFUSE_BUTTON, CANCEL)
        case Duplicate():
            return (signals.OTHER_EMPLOYEE_BUTTON, CANCEL)
        case ChoosePin(draft=draft):
            if not draft.has_face:
                return (BACK_BUTTON, CANCEL)
            skip = () if rules.pin_required else (signals.SKIP_BUTTON,)
            return (*skip, signals.REFUSE_BUTTON, CANCEL)
        case NotEnrolled(draft=draft, unanswered=unanswered):
            refuse = (signals.REFUSE_BUTTON,) if draft.has_face and not unanswered else ()
            return (signals.AGAIN_BUTTON, *refuse, CANCEL)
        case Saving() | Done() | Cancelled():
            return ()


def wish(wizard: Wizard, given: Tapped | Typed) -> str | None:
    """Return the button that is meant: the one touched, or the one a key stands for; None where it is not offered."""
    offered = choices(wizard)
    if isinstance(given, Tapped):
        return given.button if given.button in offered else None
    if given.key == CANCEL:
        return CANCEL if CANCEL in offered else None
    if given.key == BACKSPACE:
        return BACK_BUTTON if BACK_BUTTON in offered else None
    place = "123456789".find(given.key) if given.key else -1
    return offered[place] if 0 <= place < len(offered) else None
