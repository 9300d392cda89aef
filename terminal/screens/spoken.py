"""What the kiosk says aloud when a state begins, for who does not look at the screen or cannot read it. *Pure*.

Never a digit of a PIN, never why somebody was refused, never how late they are: the whole lobby hears it.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from terminal.quality import Reason
from terminal.screens import words
from terminal.screens.look import Context
from terminal.screens.words import Words
from terminal.visit.states import (
    CameraDown,
    Challenged,
    Held,
    KeypadReason,
    Looking,
    NotRecognised,
    NotRecorded,
    PinCode,
    PinNumber,
    PinProblem,
    Recorded,
    Refused,
    State,
)

NUMBER_WORDS = 24
"""0 to 19, then 20, 30, 40, 50: with them every minute can be said."""
_NAME_WORDS = 3
_ASKED_BY_ITSELF = (KeypadReason.NOT_RECOGNISED, KeypadReason.AMBIGUOUS, KeypadReason.NOT_ME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Words to say. `about` is the same as long as there is nothing new to say; `patient` words wait for those before
    them, as advice does that changes while somebody moves."""

    text: str
    about: Hashable
    patient: bool = False


def spoken_of(state: State, context: Context, *, guide: bool, before: State | None = None) -> Spoken | None:
    """Return what is said in `state`, None for nothing. `before` is the state that was heard last.

    `guide` (config `sound.prompts: all`) adds what to do at each step, and each key of the employee number.
    """
    say = context.say
    match state:
        case Recorded():
            told = [speakable(context.name or ""), say.directions[state.direction].lower()]
            told.append(time_of_day(state.event.punch.occurred_at, context.zone, say))
            return Spoken(text=", ".join(filter(None, told)), about=(state.event.seq, state.direction))
        case NotRecognised():
            advice = say.hints[state.hint] if state.hint else say.try_again_or_pin
            return Spoken(text=f"{say.not_recognised}. {advice}", about=state.since_s)
        case Refused():
            return Spoken(text=f"{say.not_accepted}. {say.not_accepted_advice}", about=state.since_s)
        case Held():
            return Spoken(text=say.faces_pause, about=("held", state.until_s))
        case NotRecorded():
            return Spoken(text=f"{say.not_recorded}. {say.not_recorded_advice}", about=state.since_s)
        case PinNumber() | PinCode():
            return _keypad(state, context, guide=guide, before=before)
        case Looking() if guide and context.lighting:
            return Spoken(text=say.lighting, about=(state.track_id, "lighting"), patient=True)
        case Looking() if state.hint and (guide or state.hint is Reason.MASK):
            return Spoken(text=say.hints[state.hint], about=(state.track_id, state.hint), patient=True)
        case Challenged():
            return Spoken(text=say.challenges[state.challenge], about=(state.track_id, state.challenge))
        case CameraDown() if guide:
            return Spoken(text=f"{say.camera_down}. {say.camera_down_advice}", about=("camera", state.since_s))
        case _:  # a repeat within the window has its tone; whoever reads, types or waits is left in peace
            return None


def speakable(name: str) -> str:
    """Return a name as it is called out: without titles, signs and more than three words; "" where nothing is left."""
    bare = name.partition(",")[0]
    called = []
    for word in bare.split():
        letters = "".join(letter for letter in word if letter.isalpha() or letter in "'’-").strip("'’-")
        if letters and not word.endswith(".") and "." not in word:
            called.append(letters.capitalize() if letters.isupper() and len(letters) > 1 else letters)
    return " ".join(called[:_NAME_WORDS])[:60]


def time_of_day(at: datetime, zone: tzinfo, say: Words) -> str:
    """Return the office's time in words: tujuh dua belas."""
    here = at.astimezone(zone)
    form = say.spoken_time if here.minute >= 10 else say.spoken_time_early if here.minute else say.spoken_time_full
    return form.format(hour=number(here.hour, say), minute=number(here.minute, say))


def number(value: int, say: Words) -> str:
    """Return a number from 0 to 59 in words, in digits where the language lacks a word."""
    known = [word.strip() for word in say.spoken_numbers.split(",")]
    if len(known) != NUMBER_WORDS:
        return str(value)
    if value < 20:
        return known[value]
    tens, rest = divmod(value, 10)
    return f"{known[18 + tens]} {known[rest]}" if rest else known[18 + tens]


def _keypad(state: PinNumber | PinCode, context: Context, *, guide: bool, before: State | None) -> Spoken | None:
    say, opened_s = context.say, state.keypad.opened_at_s
    fresh = not isinstance(before, PinNumber | PinCode) or before.keypad.opened_at_s != opened_s
    if state.problem is not None:
        said = say.problems[state.problem]
        if state.problem is PinProblem.WAIT and isinstance(state, PinCode):
            left_s = state.wait_until_s - context.now.monotonic_s
            said = said.format(words.wait(left_s, say)) if left_s > 0 else say.try_again
        return Spoken(text=said, about=(opened_s, type(state), state.problem))
    if isinstance(state, PinCode):
        return Spoken(text=say.six_digits, about=(opened_s, "code")) if guide and not state.code else None
    echo = _echo(before.number if isinstance(before, PinNumber) and not fresh else "", state.number, say)
    if guide and echo:
        return Spoken(text=echo, about=(opened_s, state.number))
    titles = [say.keypad_titles[state.keypad.reason]] if state.keypad.reason in _ASKED_BY_ITSELF else []
    if guide:
        titles.append(say.spoken_number)
    return Spoken(text=" ".join(titles), about=opened_s) if titles and not state.number else None


def _echo(before: str, after: str, say: Words) -> str:
    """Return the key that made `after` of `before`, "" for none or several at once, as a badge reader types them."""
    if len(after) == len(before) + 1 and after.startswith(before):
        return number(int(after[-1]), say) if re.fullmatch("[0-9]", after[-1]) else after[-1]
    return say.spoken_deleted if before and after == before[:-1] else ""
