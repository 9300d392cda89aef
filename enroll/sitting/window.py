"""The main thread of the enrolment desk's window: an administrator signs in, then people are enrolled, one by one."""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

import config
from enroll import screens
from enroll.sitting.at_desk import DeskPlace, Everybody, everybody
from enroll.sitting.eyes import WizardEyes
from enroll.sitting.likeness import entries_of
from enroll.sitting.policy import rules_of
from enroll.sitting.session import Face, Sitting, Thread
from enroll.sitting.sign_in import SignIn
from enroll.wizard import start
from enroll.wizard.states import Cancelled, Why
from errors import HadirError, where
from terminal.announcer import Announcer
from terminal.display import Closed, Display
from terminal.errand import Eyes, Given, Glance
from terminal.faces import Engine, Picture
from terminal.kiosk import FROZEN_S
from terminal.pin import PinDesk
from terminal.readers import Bursts
from terminal.screens import screen_of
from terminal.screens.catalogue import language
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.sighting import CameraState, Sighting
from terminal.touched import touched
from terminal.vision import Newest
from terminal.visit.signals import CameraChanged, Chime, Tapped, Tick, Typed
from terminal.visit.states import Now

_FAILURES_IN_A_ROW = 30

_log = logging.getLogger("hadir.enroll.sitting")


class NobodyAdministers(HadirError):
    """Nobody can sign in at this desk; the text says how the first administrator is made."""


class Shelf:
    """Who is in the register, read anew for each enrolment."""

    def __init__(self, settings: config.Config, engine: Engine) -> None:
        """Raises NobodyAdministers, RegisterError."""
        self._settings, self.engine = settings, engine
        self.known = everybody(settings, engine)
        here = self.known.here
        faces = frozenset(here.employees)
        if not any(p.administrator and p.pin is not None and p.employee in faces for p in here.people.values()):
            raise NobodyAdministers(
                f"nobody at {settings.office.id} can sign in here: an administrator with a face and a PIN is needed. "
                "Make the first one with ./hadir enroll add NUMBER NAME --camera usb:0 --basis consent, "
                "./hadir enroll pin NUMBER and ./hadir enroll administrator NUMBER"
            )

    def renewed(self) -> Everybody:
        """Return who is in the register now. Raises RegisterError."""
        self.known = everybody(self._settings, self.engine)
        return self.known


class WebcamDesk:
    """The window's main thread: signing in, or an enrolment; `turn` is one round of its loop."""

    def __init__(
        self,
        settings: config.Config,
        *,
        display: Display,
        pins: PinDesk,
        shelf: Shelf,
        seen: Newest[Sighting | CameraState | Glance],
        preview: Newest[Picture],
        announcer: Announcer,
    ) -> None:
        self._settings, self._display, self._shelf = settings, display, shelf
        self._seen, self._preview, self._announcer = seen, preview, announcer
        self._sign_in = SignIn(settings, pins, gallery=lambda: shelf.known.here, now=self._now())
        self._sitting: Sitting | None = None
        self._administrator = ""
        self._bursts = Bursts()
        self._screen: Screen | None = None
        self._picture: Picture | None = None
        self._camera = "starting"
        self._heard_s = time.monotonic()
        self._failures = 0
        self.closed = False

    def eyes(self) -> Eyes | None:
        """Return what studies the frames while somebody is enrolled. Any thread."""
        sitting = self._sitting
        return sitting.eyes if sitting is not None else None

    def close(self) -> None:
        """No enrolment is under way; what was not stored is gone."""
        sitting, self._sitting = self._sitting, None
        if sitting is not None:
            sitting.close()

    def turn(self, longest_s: float) -> None:
        """Do everything there is to do, and draw; wait `longest_s` at most for something to see.

        Raises HadirError at once, and any other failure that comes again at every turn.
        """
        try:
            self._take_events()
            self._take_sighting(self._seen.take(longest_s))
            newer = self._preview.take()
            if newer is not None and self._camera == "ok":
                self._picture = newer
            self._feed(Tick())
            self._look_after_sitting()
            self._draw()
            self._failures = 0
        except HadirError:
            raise
        except Exception as error:  # the border of the frame loop: one odd enrolment must not stop the next one
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                raise
            _log.error("a turn failed: %s at %s", type(error).__name__, where(error))
            if self._failures > 1:
                self.close()

    # --- inputs -----------------------------------------------------------------------------------------------------

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
                self._see(news.picture, now_s)
                self._sign_in.saw(news)
            case Glance():
                self._see(news.picture, now_s)
                self._feed(news)
            case CameraState():
                self._heard_s = now_s
                self._camera_is(news)
            case None:
                if self._camera == "ok" and now_s > self._heard_s + FROZEN_S:
                    self._camera_is(CameraState(state="lost", problem="no picture for seconds"))
            case _:
                assert_never(news)

    def _see(self, picture: Picture, now_s: float) -> None:
        self._heard_s, self._picture = now_s, picture
        if self._camera != "ok":
            self._camera_is(CameraState(state="ok"))

    def _camera_is(self, camera: CameraState) -> None:
        if camera.state != "starting" or self._camera != "lost":
            if camera.state == "lost" and self._camera != "lost":
                _log.warning("camera lost: %s", camera.problem)
            self._camera = camera.state
        if camera.state == "lost":
            self._picture = None
        self._feed(CameraChanged(camera=camera))

    # --- signing in, and enrolling ----------------------------------------------------------------------------------

    def _feed(self, given: Given) -> None:
        now = self._now()
        if self._sitting is not None:
            for wish in self._sitting.step(given, now):
                if isinstance(wish, Chime):  # the place of this desk stores by itself
                    self._announcer.chime(wish.sound, now.at)
        elif isinstance(given, Tapped | Typed | Tick):
            who, tones = self._sign_in.step(given, now)
            for tone in tones:
                self._announcer.chime(tone, now.at)
            if who is not None:
                _log.info("administrator %s signed in", who)
                self._begin(who, now)
            self.closed = self.closed or self._sign_in.left

    def _begin(self, administrator: str, now: Now) -> None:
        known, engine = self._shelf.renewed(), self._shelf.engine
        thread = Thread()
        self._administrator = administrator
        self._sitting = Sitting(
            start(
                # Nobody looks at it again before it is in the register.
                replace(rules_of(self._settings, engine.engine_id), unsure=False),
                now,
                administrator=administrator,
                roster=entries_of(known.here),
                language=self._settings.display.language,
                camera_lost=self._camera != "ok",
            ),
            DeskPlace(self._settings, engine, known),
            face=Face(draw=screens.screen_of, say=screens.spoken_of),
            eyes=lambda wizard: WizardEyes(self._settings, engine_id=engine.engine_id, wizard=wizard),
            worker=thread,
            leave=thread.close,
        )

    def _look_after_sitting(self) -> None:
        """An enrolment that is over makes room for the next one, or for the keypad when nobody wants another."""
        if self._sitting is None or not self._sitting.over:
            return
        state = self._sitting.wizard.state
        self.close()
        if isinstance(state, Cancelled) and state.why in (Why.CANCELLED, Why.LEFT_ALONE):
            _log.info("administrator %s is signed out", self._administrator)
        else:
            self._begin(self._administrator, self._now())

    # --- the screen -------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        context = self._context()
        if self._sitting is not None:
            self._screen = self._sitting.screen(context)
            self._announcer.tell(self._sitting.spoken(context), context.now.at, context.now.monotonic_s)
        else:
            self._screen = screen_of(self._sign_in.state, context)
        self._display.show(self._screen, self._picture)

    def _context(self) -> Context:
        width_px, height_px = self._display.size
        return Context(
            width_px=width_px,
            height_px=height_px,
            measure=self._display.measure,
            now=self._now(),
            zone=self._settings.office.zone,
            say=language(self._settings.display.language),
            office=self._settings.office.name,
            picture=self._picture is not None,
            camera=self._camera,
            face=(0.5, 0.5),
        )

    @staticmethod
    def _now() -> Now:
        return Now(at=datetime.now(UTC), monotonic_s=time.monotonic())
