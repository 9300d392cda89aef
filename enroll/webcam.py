"""The enrolment desk's own window: an administrator signs in before a webcam and enrols people, one after the other.

It is the kiosk's camera, eyes, screens and voice, with the centre's register instead of a card.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import assert_never

import config
from enroll import screens
from enroll.at_desk import DeskPlace, Everybody, everybody
from enroll.eyes import WizardEyes
from enroll.likeness import entries_of
from enroll.policy import rules_of
from enroll.sign_in import SignIn
from enroll.sitting import Face, Sitting, Thread
from enroll.wizard import start
from enroll.wizard.states import Cancelled, Why
from errors import HadirError
from sync import peppers
from terminal import store
from terminal.announcer import Announcer
from terminal.camera import Camera, open_camera
from terminal.display import Closed, Display, Pressed, Touched
from terminal.display.speaker import Speaker
from terminal.errand import Eyes, Given, Glance
from terminal.faces import Engine, Picture, open_engine
from terminal.gallery import Gallery
from terminal.lasting import Lasting
from terminal.pin import PepperFile, PinDesk, Tally
from terminal.readers import Bursts
from terminal.screens import screen_of
from terminal.screens.catalogue import language
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest, Vision
from terminal.visit.signals import CameraChanged, Chime, Tapped, Tick, Typed
from terminal.visit.states import Now
from terminal.voice import Voice

_FROZEN_S = 2.5
"""A camera that was fine and has shown nothing for this long is as good as gone, as at a kiosk."""

_log = logging.getLogger("hadir.enroll.webcam")


class NobodyAdministers(HadirError):
    """Nobody can sign in at this desk; the text says how the first administrator is made."""


def run(
    settings: config.Config,
    *,
    stop: threading.Event,
    camera: Callable[[], Camera] | None = None,
    engine: Engine | None = None,
    display: Callable[[config.Display], Display] = Display,
) -> None:
    """Enrol people of `settings.office` until `stop` is set, the window is closed or somebody leaves the keypad.

    `camera`, `engine` and `display` take the place of those the settings name. Raises NobodyAdministers,
    ModelUnavailable, NotCalibrated, RegisterError, DisplayFailed.
    """
    engine = engine or open_engine(settings.engine)
    shelf = _Shelf(settings, engine)
    with ExitStack() as parts:
        window = display(settings.display)
        parts.callback(window.close)
        voice = Voice(Speaker(wanted=window.driver != "dummy" and settings.sound.volume > 0))
        pins = PinDesk(
            settings.pin,
            people=lambda: (shelf.known.here.version, shelf.known.here.people),
            now_s=time.monotonic,
            peppers=PepperFile(peppers.path_in(settings.centre.keys, settings.office.id)).peppers,
            tally=Tally(lambda: store.open_card(settings.centre.keys.parent / "desk")),
            zone=settings.office.zone,
        )
        parts.callback(pins.close)
        seen: Newest[Sighting | CameraState | Glance] = Newest()
        preview: Newest[Picture] = Newest()
        window_desk = WebcamDesk(
            settings,
            display=window,
            pins=pins,
            shelf=shelf,
            seen=seen,
            preview=preview,
            announcer=Announcer(settings.sound, settings.office.zone, voice),
        )
        nobody = Gallery.empty(engine.engine_id)  # who passes by is compared once, when they sign in, and not looked up
        vision = Lasting(
            "vision",
            lambda: Vision(
                settings,
                open_camera=camera or (lambda: open_camera(settings.camera, loop=settings.camera.loop)),
                engine=engine,
                gallery=lambda: nobody,
                publish=seen.put,
                show=preview.put,
                errand=window_desk.eyes,
            ),
            crashed=lambda: None,
        )
        threads = (Lasting("voice", lambda: voice, crashed=lambda: None), vision)
        for thread in threads:
            thread.start()
            parts.callback(thread.join)
        for thread in threads:
            parts.callback(thread.end)
        parts.callback(window_desk.close)
        while not stop.is_set() and not window_desk.closed:
            window_desk.turn(1 / settings.display.frame_rate_hz)


class _Shelf:
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
        shelf: _Shelf,
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
        self._focus = (0.5, 0.5)
        self._heard_s = time.monotonic()
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
        """Do everything there is to do, and draw; wait `longest_s` at most for something to see."""
        self._take_events()
        self._take_sighting(self._seen.take(longest_s))
        newer = self._preview.take()
        if newer is not None and self._camera == "ok":
            self._picture = newer
        self._feed(Tick())
        self._look_after_sitting()
        self._draw()

    # --- inputs -----------------------------------------------------------------------------------------------------

    def _take_events(self) -> None:
        self._bursts.look(time.monotonic())
        for event in self._display.events():
            match event:
                case Closed():
                    self.closed = True
                case Pressed():
                    if (typed := self._bursts.heard(event.key)) is not None:
                        self._feed(typed)
                case Touched():
                    button = self._screen.button_at(event.x, event.y) if self._screen else None
                    if button is not None:
                        self._display.press(button.box)
                        self._feed(Tapped(button=button.id))
                        self._draw()  # what is hit next is what is shown now
                case _:
                    assert_never(event)

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
                if self._camera == "ok" and now_s > self._heard_s + _FROZEN_S:
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
                rules_of(self._settings, engine.engine_id),
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
            face=self._focus,
        )

    @staticmethod
    def _now() -> Now:
        return Now(at=datetime.now(UTC), monotonic_s=time.monotonic())
