"""The kiosk: builds its parts from Config, starts them, and stops them in reverse. The one page that wires."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Generic, Protocol, TypeVar

import config
from errors import HadirError
from sync import notify
from sync.outbox import Outbox
from sync.received_sets import ReleaseDoor, release_door
from sync.releases import EncodingSet, Person, ReleaseRefused
from sync.uplink import Uplink
from terminal import store
from terminal.camera import Camera, open_camera
from terminal.display import Display
from terminal.faces import Engine, open_engine
from terminal.gallery import Gallery
from terminal.kiosk import Kiosk
from terminal.ledger import Ledger
from terminal.pin import PinDesk
from terminal.pulse import Pulse
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest, Vision

_READY_AT_LATEST_S = 20.0
_WATCHDOG_EVERY_S = 5.0
_RESTART_AFTER_S = 1.0
_JOIN_S = 1.8

_log = logging.getLogger("hadir.terminal.app")


def run(
    settings: config.Config,
    *,
    stop: threading.Event,
    camera: Callable[[], Camera] | None = None,
    engine: Engine | None = None,
) -> None:
    """Recognise whoever walks up until `stop` is set or the window is closed.

    `camera` and `engine` take the place of those the settings name. Raises HadirError when the card, the models, the
    release key or the screen cannot be used; without a camera the kiosk works by PIN.
    """
    state = settings.terminal.state
    ending = threading.Event()
    with ExitStack() as parts:
        parts.enter_context(store.claim(state))
        connection = store.open_card(state)
        parts.callback(connection.close)
        outbox = Outbox(connection, office=settings.office.id, terminal=settings.terminal.id)
        eyes = engine or open_engine(settings.engine)
        door = release_door(settings, eyes.engine_id)
        shelf = Shelf(_kept_gallery(door, eyes.engine_id))
        pulse = Pulse(settings, gallery=shelf.gallery, card_alarms=store.alarms(connection))
        desk = PinDesk(settings.pin, people=shelf.people, now_s=time.monotonic)
        parts.callback(desk.close)
        display = Display(settings.display)
        parts.callback(display.close)

        def make_uplink() -> Uplink:
            return Uplink(
                settings,
                open_card=lambda: store.open_card(state),
                condition=pulse.condition,
                releases=door,
                on_release=shelf.put,
            )

        uplink = Lasting("uplink", make_uplink, ending=ending, crashed=pulse.restarted)
        seen: Newest[Sighting | CameraState] = Newest()
        kiosk = Kiosk(
            settings,
            display=display,
            ledger=Ledger(settings, outbox=outbox, pulse=pulse, wake_uplink=lambda: uplink.body.wake()),
            desk=desk,
            seen=seen,
            gallery=shelf.gallery,
            pulse=pulse,
        )

        def make_vision() -> Vision:
            return Vision(
                settings,
                open_camera=camera or (lambda: open_camera(settings.camera, loop=settings.camera.loop)),
                engine=eyes,
                gallery=shelf.gallery,
                publish=seen.put,
                answered=kiosk.answered,
            )

        vision = Lasting("vision", make_vision, ending=ending, crashed=pulse.restarted)
        for thread in (uplink, vision):
            thread.start()
            parts.callback(thread.join)
        parts.callback(ending.set)
        parts.callback(notify.tell, "STOPPING=1")
        _serve(kiosk, settings, stop)


def _serve(kiosk: Kiosk, settings: config.Config, stop: threading.Event) -> None:
    """Turn until told to stop; systemd hears from here, and only while both loops advance."""
    frame_s = 1 / settings.display.frame_rate_hz
    began_s, told_s = time.monotonic(), 0.0
    ready = False
    while not stop.is_set() and not kiosk.closed:
        kiosk.turn(frame_s)
        now_s = time.monotonic()
        if not ready and (kiosk.sees or now_s > began_s + _READY_AT_LATEST_S):
            ready = True
            notify.tell("READY=1")
            _log.info("ready after %.1f s", now_s - began_s)
        if now_s > told_s + _WATCHDOG_EVERY_S and kiosk.vision_advances():
            told_s = now_s
            notify.tell("WATCHDOG=1")


def _kept_gallery(door: ReleaseDoor, engine_id: str) -> Gallery:
    """Return the gallery of the set on the card; an empty one where there is none, or none that is sound."""
    try:
        blob = door.kept()
        return Gallery.from_set(door.check(blob, -1)) if blob is not None else Gallery.empty(engine_id)
    except ReleaseRefused as error:
        _log.error("alarm %s: the set on the card is not used: %s", error.alarm, error)
    except HadirError as error:
        _log.error("the set on the card is not used: %s", error)
    return Gallery.empty(engine_id)


class Body(Protocol):
    """What a thread runs."""

    def run(self, stop: threading.Event) -> None: ...


B = TypeVar("B", bound=Body)


class Shelf:
    """Where the gallery in use lies: swapped whole, from any thread, and read as one reference."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def gallery(self) -> Gallery:
        return self._gallery

    def people(self) -> tuple[int, Mapping[str, Person]]:
        """Return version and people of one and the same set."""
        gallery = self._gallery
        return gallery.version, gallery.people

    def put(self, content: EncodingSet) -> None:
        """The set is in use. Raises ReleaseRefused, and the one before stays."""
        self._gallery = Gallery.from_set(content)
        _log.info("gallery version=%d people=%d", content.version, len(content.people))


class Lasting(Generic[B]):
    """A thread whose body is made anew when it crashes; `crashed` is told each time."""

    def __init__(
        self, name: str, make: Callable[[], B], *, ending: threading.Event, crashed: Callable[[], None]
    ) -> None:
        """The first body is made here, so that what is wrong with the settings is said before anything starts."""
        self._name, self._make, self._ending, self._crashed = name, make, ending, crashed
        self.body = make()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """The body runs until `ending` is set."""
        self._thread.start()

    def join(self) -> None:
        """The thread has ended; one that does not end in time is left behind, and said so."""
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            _log.warning("the %s thread did not end in time", self._name)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self.body.run(self._ending)
            except Exception as error:  # noqa: BLE001 - a thread that dies alone would take its half of the kiosk along
                _log.exception("the %s thread crashed (%s) and starts again", self._name, type(error).__name__)
                self._crashed()
            if not self._ending.wait(_RESTART_AFTER_S):
                self._renew()

    def _renew(self) -> None:
        try:
            self.body = self._make()
        except HadirError as error:
            _log.error("the %s thread cannot start again yet: %s", self._name, error)
