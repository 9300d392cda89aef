"""The transitions of a visit while somebody is asked to show that they are there in person. *Pure*.

What is seen meanwhile is for `serving`; here is what fingers and time do: the time for it runs from when it has been
said, large letters give more of it, and whoever cannot do it says so.
"""

from dataclasses import replace

from terminal.sighting import ASKED_S, Asked
from terminal.visit import signals
from terminal.visit.keypad import start_typing, tap
from terminal.visit.serving import lose_sight
from terminal.visit.signals import Chime, Sound, Tapped, Tick, Typed
from terminal.visit.states import Challenged, Idle, Now, PinCode, PinNumber, State, Visit
from terminal.visit.steps import Step, at, lasting, leads_to

_LONGEST_SAID_S = 6.0  # a loudspeaker that never comes to its end keeps nobody waiting for longer


def asked(state: State, now: Now) -> Asked | None:
    """Return what the screen of `state` asks of somebody, None where it asks nothing."""
    if not isinstance(state, Challenged):
        return None
    over = now.monotonic_s >= state.until_s
    return Asked(track_id=state.track_id, challenge=state.challenge, over=over, cannot=state.cannot)


@leads_to(PinNumber)
def tap_asked(visit: Visit, state: Challenged, given: Tapped, now: Now) -> Step:
    """Somebody says that they cannot, opens the keypad, or wants more time, which begins anew."""
    if given.button in (signals.CANNOT_BUTTON, signals.NOT_ME_BUTTON):
        return at(visit, replace(state, cannot=True)), (Chime(sound=Sound.KEY),)
    visit, effects = tap(visit, state, given, now)
    if given.button == signals.EASE_BUTTON:
        visit = at(visit, replace(state, since_s=now.monotonic_s, until_s=lasting(visit, ASKED_S, now)))
    return visit, effects


@leads_to(PinNumber, PinCode)
def type_asked(visit: Visit, state: Challenged, given: Typed, now: Now) -> Step:
    button = signals.KEYS.get(given.key)
    if button is not None:
        return tap_asked(visit, state, Tapped(button=button), now)
    return start_typing(visit, state, given, now)


@leads_to(Idle)
def wait_asked(visit: Visit, state: Challenged, given: Tick, now: Now) -> Step:
    if given.speaking and now.monotonic_s < state.since_s + _LONGEST_SAID_S:
        visit = at(visit, replace(state, until_s=max(state.until_s, lasting(visit, ASKED_S, now))))
    return lose_sight(visit, state, given, now)
