"""The main thread's loop: what was touched, typed, seen and answered steps the visit; what it asks for is done.

Everything that may wait (camera, network, card, PIN checks) is on another thread. The screen turns green when the
clerk says that the punch is committed, and not before.
"""

import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

import config
from errors import where
from sync.messages import AttendanceEvent
from sync.peppers import NONE, Pepper
from terminal import visit
from terminal.announcer import Announcer
from terminal.attacks import KeepAttack
from terminal.backlight import Lamp
from terminal.beside import Beside
from terminal.clerk import Clerk
from terminal.display import Closed, Display, DisplayFailed
from terminal.errand import Begin, Beginning, Eyes, Glance
from terminal.evidence import Glimpse, Glimpses
from terminal.faces import Box, Picture
from terminal.gallery import Gallery
from terminal.matching import Outcome
from terminal.outing import Outing
from terminal.pin import PinAnswer, PinDesk
from terminal.policy import rules_of
from terminal.pulse import Pulse
from terminal.readers import Bursts
from terminal.screens import screen_of
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.sighting import Asked, CameraState, CameraTrouble, Sighting
from terminal.touched import touched
from terminal.view import View
from terminal.vision import Newest
from terminal.visit.asking import asked
from terminal.visit.doubting import recalled
from terminal.visit.signals import (
    CameraChanged,
    CheckPin,
    Chime,
    Committed,
    Correct,
    Corrected,
    Effect,
    ErrandOver,
    Input,
    NoteAttack,
    NoteDesk,
    PinAnswered,
    Record,
    Restart,
    Saw,
    SetLanguage,
    StartErrand,
    Tapped,
    Tick,
    Typed,
)
from terminal.visit.states import Enrolling, NotRecognised, Now, State

FROZEN_S = 2.5
"""A camera that was fine and has shown nothing for this long is as good as gone: within three seconds it is said."""
STARTING_S = 12.0
"""A camera still starting after this is as good as none for whoever waits before it, whatever its driver does."""
VISION_SILENT_S = 20.0
_VITALS_EVERY_S = 1.0
_TOUCHED_EVERY_S = 0.008
"""How long a touch, an answer or a picture waits while vision has nothing to say: a quarter of a frame."""
_FAILURES_IN_A_ROW = 30

_log = logging.getLogger("hadir.terminal.kiosk")


class Kiosk:
    """The kiosk as its main thread knows it; `turn` is one round of the loop."""

    def __init__(
        self,
        settings: config.Config,
        *,
        display: Display,
        clerk: Clerk,
        desk: PinDesk,
        seen: Newest[Sighting | CameraState | Glance],
        preview: Callable[[], Picture | None] = lambda: None,
        gallery: Callable[[], Gallery],
        pulse: Pulse,
        announcer: Announcer,
        lamp: Lamp,
        errand: Begin | None = None,
        peppers: Callable[[], Mapping[str, Pepper]] = lambda: NONE,
    ) -> None:
        """`errand` begins what the administrator's menu offers beside its pages; `peppers` are for its thread."""
        self._settings = settings
        self._display, self._clerk, self._desk = display, clerk, desk
        self._seen, self._gallery, self._pulse, self._announcer = seen, gallery, pulse, announcer
        self._lamp = lamp
        self._outing, self._peppers = Outing(errand, announcer=announcer, keep=clerk.ask), peppers
        self._rules = replace(rules_of(settings), enrols=self._outing.offered)
        self._beside = Beside(settings.match, gallery=gallery)
        self._view = View(settings, display=display, clerk=clerk, desk=desk, gallery=gallery, pulse=pulse)
        began = self._now()
        memory = recalled(self._rules, (began.monotonic_s - each for each in clerk.attacks_s), began)
        self._visit = visit.start(self._rules, began, memory=memory)
        self._bursts = Bursts()
        self._answered: tuple[int, ...] = ()
        self._asked: Asked | None = None
        self._screen: Screen | None = None
        self._picture: Picture | None = None
        self._preview = preview
        self._newer: Picture | None = None
        self._glimpse: Glimpse | None = None
        self._glimpses = Glimpses()
        self._heard_s = self._looked_s = time.monotonic()
        self._failures = 0
        self.closed = False

    @property
    def state(self) -> State:
        """Where the visit is."""
        return self._visit.state

    @property
    def sees(self) -> bool:
        """Whether the camera has come up, or is known not to."""
        return self._pulse.camera != "starting"

    def answered(self) -> tuple[int, ...]:
        """Return the tracks that need nothing more from the camera: vision serves the next person. Any thread."""
        return self._answered

    def asked(self) -> Asked | None:
        """Return what the screen asks of whoever is in doubt, and what they say to it. Any thread."""
        return self._asked

    def eyes(self) -> Eyes | None:
        """Return what studies the frames in place of looking for somebody, while there is an errand. Any thread."""
        return self._outing.eyes()

    def advances(self) -> bool:
        """Return whether both ways to a punch work: card and PIN desk answer, and vision was heard from lately.

        A vision thread at the end of its clip has nothing to say.
        """
        if not (self._clerk.alive and self._desk.alive):
            return False
        ended = self._pulse.camera == "lost" and self._settings.camera.source.startswith(("file:", "folder:"))
        return ended or time.monotonic() < self._heard_s + VISION_SILENT_S

    def turn(self, longest_s: float) -> None:
        """Do everything there is to do, and draw; wait `longest_s` at most for something to see.

        Raises DisplayFailed at once, and any other failure that comes again at every turn.
        """
        try:
            self._take_sighting(self._next_sighting(longest_s))
            self._feed(Tick(speaking=self._announcer.speaking))
            self._look_after_oneself()
            self._draw()
            self._failures = 0
        except DisplayFailed:
            raise
        except Exception as error:  # the border of the frame loop: one odd visit must not stop the next one
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                raise
            anew = self._failures > 1  # what failed once may only have been one frame of a screen that thanks
            said = "the visit begins anew" if anew else "a turn failed"
            _log.error("%s: %s at %s", said, type(error).__name__, where(error))
            if anew:
                self._visit = visit.start(self._rules, self._now(), memory=self._visit.memory)
                self._outing.leave()

    # --- inputs -----------------------------------------------------------------------------------------------------

    def _next_sighting(self, longest_s: float) -> Sighting | CameraState | Glance | None:
        """Return what vision says next; None when `longest_s` are over, or something else is to be shown first."""
        until_s = time.monotonic() + longest_s
        while True:
            before = self._visit
            self._take_events()
            self._take_answers()
            newer = self._preview()
            if newer is not None and self._pulse.camera == "ok":
                self._newer = newer
            left_s = until_s - time.monotonic()
            if self._visit is not before or newer is not None or self.closed or left_s <= 0:
                return self._seen.take()
            news = self._seen.take(min(left_s, _TOUCHED_EVERY_S))
            if news is not None:
                return news

    def _take_events(self) -> None:
        for given in touched(self._display, self._bursts, lambda: self._screen):
            if isinstance(given, Closed):
                self.closed = True
                continue
            self._feed(given)
            if isinstance(given, Tapped):
                self._draw()  # what is hit next is what is shown now

    def _take_sighting(self, news: Sighting | CameraState | Glance | None) -> None:
        now_s = time.monotonic()
        match news:
            case Sighting():
                self._show(news.picture, news.served.box if news.served else None)
                if news.served is not None and self._glimpse is not None:
                    self._glimpses.saw(news.served.track_id, self._glimpse)
                self._view.saw(news, self._now().at)
                self._beside.saw(news)
                self._lamp.saw(news)
                if self._pulse.camera != "ok":
                    self._pulse.camera_is(CameraState(state="ok"))
                self._feed(Saw(sighting=news, earlier=self._earlier_of(news)))
            case Glance():
                self._show(news.picture, news.box)
                self._view.follow(news.picture, news.box)
                if self._pulse.camera != "ok":
                    self._camera_is(CameraState(state="ok"))
                self._outing.give(news, self._now())
            case CameraState():
                self._heard_s = now_s
                self._camera_is(news)
            case None:
                silent_s = {"ok": FROZEN_S, "starting": STARTING_S}.get(self._pulse.camera, math.inf)
                if now_s > self._heard_s + silent_s:
                    why = CameraTrouble.LOST
                    self._camera_is(CameraState(state="lost", problem="no picture for seconds", why=why))
            case _:
                assert_never(news)

    def _show(self, picture: Picture, box: Box | None) -> None:
        self._heard_s = time.monotonic()
        self._picture, self._glimpse = picture, Glimpse(picture=picture, box=box)

    def _camera_is(self, camera: CameraState) -> None:
        # After a loss every new attempt says "starting" first; for people it stays lost until there is a picture.
        if camera.state != "starting" or self._pulse.camera != "lost":
            if camera.state == "lost" and self._pulse.camera != "lost":
                _log.warning("camera lost, PIN only: %s", camera.problem)
            self._pulse.camera_is(camera)
        if camera.state == "lost":
            unseen = camera.why in (CameraTrouble.BLACK, CameraTrouble.BLINDED)
            self._picture, self._glimpse = None, Glimpse(picture=None) if unseen else None
            self._newer = None
            self._glimpses.forget()
        self._feed(CameraChanged(camera=camera))

    def _earlier_of(self, sighting: Sighting) -> AttendanceEvent | None:
        found = sighting.served.identification if sighting.served is not None else None
        if found is None or found.outcome is not Outcome.MATCH or found.employee is None:
            return None
        return self._clerk.day.earlier(found.employee, self._now().at)

    def _take_answers(self) -> None:
        while (written := self._clerk.answer()) is not None:
            answer = self._outing.others(written, self._now())
            if answer is not None:
                self._feed(self._completed(answer))
        while (told := self._desk.answer()) is not None:
            self._feed(self._answered_pin(told))

    def _answered_pin(self, answer: PinAnswer) -> PinAnswered:
        """Return the desk's answer with what else is known of whoever it is about."""
        told = PinAnswered(
            check=answer.check,
            verdict=answer.verdict,
            employee=answer.employee,
            wait_s=answer.wait_s,
            gallery_version=answer.gallery_version,
            evidence_ref=answer.evidence_ref,
        )
        if answer.employee is None:
            return told
        beside = self._beside.companion(answer.employee)
        return replace(
            told,
            earlier=self._clerk.day.earlier(answer.employee, self._now().at),
            administrator=self._view.administers(answer.employee),
            method=beside.method,
            score=beside.score,
            engine_id=self._beside.engine_id if beside.score is not None else None,
            review=beside.review,
            pad=beside.pad,
        )

    def _completed(self, written: Input) -> Input:
        """Return the card's answer with what the screen says beside it."""
        match written:
            case Committed():
                employee = written.event.punch.employee
                today, administers = self._view.today(employee, self._now().at), self._view.administers(employee)
                return replace(written, today=today, administrator=administers)
            case Corrected():
                return replace(written, today=self._view.today(written.event.punch.employee, self._now().at))
        return written

    # --- the visit and its effects ----------------------------------------------------------------------------------

    def _feed(self, given: Input) -> None:
        before = self._visit.state
        self._visit, effects = visit.step(self._visit, given, self._now())
        if isinstance(self._visit.state, NotRecognised) and not isinstance(before, NotRecognised):
            _log.info("visit not recognised")
        memory = self._visit.memory
        self._answered = (*memory.done, *memory.quiet)
        self._asked = asked(self._visit.state, self._now())
        for effect in effects:
            self._do(effect)
        if isinstance(given, CameraChanged | Tapped | Typed | Tick) and isinstance(before, Enrolling):
            self._outing.give(given, self._now())
        if not isinstance(self._visit.state, Enrolling):
            self._outing.leave()
        elif self._outing.over:
            self._feed(ErrandOver(employee=self._outing.employee))
        if self._visit.state is not before:
            self._announcer.follow(self._visit.state, self._context())

    def _do(self, effect: Effect) -> None:
        match effect:
            case Record() | Correct() | NoteDesk():
                self._clerk.ask(effect)
            case NoteAttack():
                seen = self._glimpses.of(effect.track_id)
                self._clerk.note_attack(KeepAttack(id=secrets.token_hex(16), noted=effect, seen=seen))
            case CheckPin():
                self._desk.ask(effect.check, effect.number, effect.pin, self._glimpse)
            case SetLanguage():
                self._view.speak(effect.language)
            case StartErrand():
                self._outing.start(lambda: self._beginning(effect.employee))
            case Restart():
                _log.warning("an administrator has the kiosk start again")
                self.closed = True
            case Chime():
                self._announcer.chime(effect.sound, self._now().at)
            case _:
                assert_never(effect)

    def _beginning(self, administrator: str) -> Beginning:
        return Beginning(
            settings=self._settings,
            administrator=administrator,
            gallery=self._gallery,
            language=self._view.language,
            camera_lost=self._pulse.camera != "ok",
            peppers=self._peppers,
            now=self._now(),
        )

    # --- the screen -------------------------------------------------------------------------------------------------

    def _look_after_oneself(self) -> None:
        now_s = time.monotonic()
        if now_s < self._looked_s + _VITALS_EVERY_S:
            return
        self._looked_s = now_s
        self._lamp.saw(None)
        self._clerk.upkeep(count=self._pulse.offline_since() is not None)

    def _draw(self) -> None:
        context = self._context()
        self._screen = self._outing.screen(context) or screen_of(self.state, context)
        self._display.show(self._screen, self._picture if self._newer is None else self._newer)

    def _context(self) -> Context:
        context = self._view.context(self._visit, picture=self._picture is not None, now=self._now())
        return replace(context, lit=self._lamp.on, lighting=self._lamp.told)

    @staticmethod
    def _now() -> Now:
        return Now(at=datetime.now(UTC), monotonic_s=time.monotonic())
