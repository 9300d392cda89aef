"""Signing in at the enrolment desk: number, PIN, and the face that stands there, by the kiosk's own keypad and rules.

It is the visit's machine (`terminal.visit`), begun where the keypad for the administrator's menu is open: that menu is
reached by whoever may sign in, and by nobody else.
"""

import logging
from collections.abc import Callable

import config
from sync.messages import Method
from terminal import visit
from terminal.beside import Beside
from terminal.gallery import Gallery
from terminal.pin import PinAnswer, PinDesk
from terminal.policy import rules_of
from terminal.sighting import Sighting
from terminal.visit.signals import CANCEL, CheckPin, Chime, Input, PinAnswered, PinVerdict, Sound, Tapped, Tick, Typed
from terminal.visit.states import Desk, KeypadReason, Now, PinChecking, PinCode, PinNumber, Visit
from terminal.visit.steps import open_keypad

_log = logging.getLogger("hadir.enroll.sign_in")


class SignIn:
    """The keypad of the desk. Use it from one thread."""

    def __init__(self, settings: config.Config, desk: PinDesk, *, gallery: Callable[[], Gallery], now: Now) -> None:
        """`gallery` has the people of the desk's office, with their administrators."""
        self._rules = rules_of(settings)
        self._desk, self._gallery = desk, gallery
        self._beside = Beside(settings.match, gallery=gallery)
        self._visit = self._opened(now)
        self.left = False
        """Whether somebody wanted out instead."""

    @property
    def state(self) -> PinNumber | PinCode | PinChecking:
        """Where the keypad is."""
        state = self._visit.state
        assert isinstance(state, PinNumber | PinCode | PinChecking)  # noqa: S101 - `step` leaves it in no other
        return state

    def saw(self, sighting: Sighting) -> None:
        """Whoever is in this picture stands there now."""
        self._beside.saw(sighting)

    def step(self, given: Tapped | Typed | Tick, now: Now) -> tuple[str | None, tuple[Sound, ...]]:
        """Return who has signed in, None for nobody yet, and the tones, in order."""
        who, tones = self._feed(given, now)
        while who is None and (answer := self._desk.answer()) is not None:
            who, more = self._feed(self._told(answer), now)
            tones += more
        return who, tones

    def _feed(self, given: Input, now: Now) -> tuple[str | None, tuple[Sound, ...]]:
        before = self._visit.state
        self._visit, effects = visit.step(self._visit, given, now)
        tones = []
        for effect in effects:
            match effect:
                case CheckPin():
                    self._desk.ask(effect.check, effect.number, effect.pin)
                case Chime():
                    tones.append(effect.sound)
        state = self._visit.state
        if isinstance(state, Desk):
            self._visit = self._opened(now)
            return state.employee, tuple(tones)
        if not isinstance(state, PinNumber | PinCode | PinChecking):
            self._visit = self._opened(now)
            self.left = self.left or (isinstance(before, PinNumber) and _key(given) == CANCEL)
        return None, tuple(tones)

    def _told(self, answer: PinAnswer) -> PinAnswered:
        """Return the PIN desk's answer, and whether number and face are an administrator's."""
        administrator = False
        if answer.verdict is PinVerdict.OK and answer.employee is not None:
            person = self._gallery().people.get(answer.employee)
            beside = self._beside.companion(answer.employee)
            administrator = person is not None and person.administrator and beside.method is Method.FACE_AND_PIN
            if not administrator:
                seen = "no face beside it" if beside.score is None else "another face beside it, or no administrator"
                _log.warning("employee %s did not sign in: the PIN was right, but %s", answer.employee, seen)
        return PinAnswered(
            check=answer.check,
            verdict=answer.verdict,
            employee=answer.employee,
            wait_s=answer.wait_s,
            administrator=administrator,
        )

    def _opened(self, now: Now) -> Visit:
        return open_keypad(visit.start(self._rules, now), KeypadReason.DESK, now.at, now)


def _key(given: Input) -> str:
    match given:
        case Tapped(button=key) | Typed(key=key):
            return key
    return ""
