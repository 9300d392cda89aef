"""The enrolment desk before a webcam: builds its parts from Config, starts them, and stops them in reverse.

It is the kiosk's camera, eyes, screens and voice, with the centre's register instead of a card.
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import config
from enroll.sitting.window import NobodyAdministers, Shelf, WebcamDesk
from sync import peppers
from terminal import store
from terminal.announcer import Announcer
from terminal.camera import Camera, open_camera
from terminal.display import Display
from terminal.display.speaker import Speaker
from terminal.errand import Glance
from terminal.faces import Engine, Picture, open_engine
from terminal.gallery import Gallery
from terminal.lasting import Lasting
from terminal.liveness_models import LivenessModels
from terminal.pin import PepperFile, PinDesk, Tally
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest, Vision
from terminal.voice import Voice

__all__ = ["NobodyAdministers", "run"]


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
    shelf = Shelf(settings, engine)
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
        liveness = LivenessModels(settings)
        liveness.load()
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
                guard=liveness.guard(),
            ),
            crashed=lambda: None,
        )
        threads = (
            Lasting("voice", lambda: voice, crashed=lambda: None),
            Lasting("liveness", lambda: liveness, crashed=lambda: None),
            vision,
        )
        for thread in threads:
            thread.start()
            parts.callback(thread.join)
        for thread in threads:
            parts.callback(thread.end)
        parts.callback(window_desk.close)
        while not stop.is_set() and not window_desk.closed:
            window_desk.turn(1 / settings.display.frame_rate_hz)
