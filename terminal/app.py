"""The kiosk: builds its parts from Config, starts them, and stops them in reverse. The one page that wires."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import config
from sync import notify, peppers, sealing
from sync.collector_key import ack_door
from sync.messages import UNTIMED
from sync.outbox import Outbox
from sync.uplink import Uplink
from terminal import chrony, store
from terminal.announcer import Announcer
from terminal.attacks import FOLDER, Attacks
from terminal.backlight import Backlight, Lamp
from terminal.camera import Camera, open_camera
from terminal.card import Card, take, wait_for
from terminal.clerk import Clerk
from terminal.clock import Clock
from terminal.display import Display
from terminal.display.speaker import Speaker
from terminal.enrolments import Enrolments
from terminal.errand import Begin, Glance
from terminal.evidence import Drawer
from terminal.faces import Engine, Picture, engine_id_of, open_engine
from terminal.gallery import Gallery
from terminal.kiosk import Kiosk
from terminal.lasting import Lasting
from terminal.ledger import Ledger, empty_day
from terminal.liveness.second import SecondCamera
from terminal.liveness_models import LivenessModels
from terminal.pin import PepperFile, PinDesk, Tally
from terminal.provisional_card import ProvisionalCard
from terminal.pulse import Pulse
from terminal.shelf import Shelf
from terminal.sighting import CameraState, Sighting
from terminal.storage import Storage
from terminal.supplies import Awaiting, Supplies
from terminal.vision import Newest, Vision
from terminal.voice import Voice

_READY_AT_LATEST_S = 20.0
_WATCHDOG_EVERY_S = 5.0

_log = logging.getLogger("hadir.terminal.app")


def run(
    settings: config.Config,
    *,
    stop: threading.Event,
    camera: Callable[[], Camera] | None = None,
    engine: Engine | None = None,
    display: Callable[[config.Display], Display] = Display,
    errand: Begin | None = None,
    second: SecondCamera | None = None,
) -> None:
    """Recognise whoever walks up until `stop` is set or the window is closed.

    `camera`, `engine` and `display` take the place of those the settings name; `second` is a camera beside the first
    (docs/liveness.md); `errand` begins what the administrator's menu offers beside its pages, which without it does
    not. Without a camera, the models or the
    release key the kiosk works as far as it can; without a card it says so and waits for one. Raises HadirError for
    settings that cannot work, and when the screen or the card fails for good: whoever started it starts it again.
    """
    with ExitStack() as parts:
        card = _taken(settings)
        window = display(settings.display)
        parts.callback(window.close)
        card = card or wait_for(settings, display=window, stop=stop)
        if card is None:
            return
        parts.callback(card.close)
        signer = card.signer
        liveness = LivenessModels(settings, second=second)

        def open_eyes() -> Engine:
            opened = engine or open_engine(settings.engine)
            liveness.load()
            return opened

        supplies = Supplies(
            settings,
            reader=card.device,
            identify=lambda: engine.engine_id if engine else engine_id_of(settings.engine),
            open_engine=open_eyes,
            door_changed=lambda: uplink.renew(),
        )
        kept_here = ProvisionalCard(
            open_card=lambda: store.open_card(settings.terminal.state), key=sealing.card_key(card.device)
        )
        shelf = Shelf(Gallery.empty(supplies.engine_id), kept_here)
        storage = Storage(settings.terminal.state, quota_mb=settings.terminal.storage_mb)
        watch = chrony.Watch()
        clock = Clock(known=card.known, chrony=lambda: watch.heard)
        voice = Voice(
            Speaker(wanted=window.driver != "dummy" and settings.sound.volume > 0),
            needed=settings.sound.prompts == "all" and settings.sound.voice != "off",
        )
        pulse = Pulse(
            settings,
            gallery=shelf.gallery,
            clock=clock,
            card_alarms=card.alarms,
            supply_alarms=lambda: (*supplies.alarms(), *liveness.alarms(), *desk.alarms()),
            storage_alarms=storage.alarms,
            voice_alarms=voice.alarms,
            full_percent=storage.percent,
        )
        desk = PinDesk(
            settings.pin,
            people=shelf.people,
            now_s=time.monotonic,
            peppers=PepperFile(peppers.path_of(settings)).peppers,
            tally=Tally(lambda: store.open_card(settings.terminal.state)),
            pictures=Drawer(settings),
            is_dated=lambda: pulse.vitals.clock not in UNTIMED,
            zone=settings.office.zone,
        )
        parts.callback(desk.close)

        def make_uplink() -> Uplink:
            door = supplies.door()
            shelf.take_kept(door)
            return Uplink(
                settings,
                open_card=lambda: store.open_card(settings.terminal.state),
                signer=signer,
                acks=ack_door(settings.terminal.collector_key),
                condition=pulse.condition,
                releases=door,
                on_release=shelf.put,
                pictures=settings.terminal.state / FOLDER,
            )

        uplink = Lasting("uplink", make_uplink, crashed=pulse.restarted)
        seen: Newest[Sighting | CameraState | Glance] = Newest()
        preview: Newest[Picture] = Newest()

        @contextmanager
        def open_ledger() -> Iterator[Ledger]:
            with closing(store.open_card(settings.terminal.state)) as connection:
                yield Ledger(
                    settings,
                    outbox=Outbox(connection, office=settings.office.id, terminal=settings.terminal.id, signer=signer),
                    clock=clock,
                    wake_uplink=lambda: uplink.body.wake(),
                    refused=storage.wake,
                    enrolments=Enrolments(
                        card=kept_here, key_file=settings.terminal.enrolment_key, put_to_use=shelf.enrolled
                    ),
                    attacks=Attacks(settings, people=shelf.people),
                )

        clerk = Clerk(open_ledger, nobody_yet=empty_day(settings), look=pulse.look)
        parts.callback(clerk.close)
        lamp = Lamp(Backlight(settings.display.backlight if window.driver != "dummy" else ""))
        parts.callback(lamp.close)
        kiosk = Kiosk(
            settings,
            display=window,
            clerk=clerk,
            desk=desk,
            seen=seen,
            preview=preview.take,
            gallery=shelf.gallery,
            pulse=pulse,
            announcer=Announcer(settings.sound, settings.office.zone, voice),
            lamp=lamp,
            errand=errand,
            peppers=PepperFile(peppers.path_of(settings)).peppers,
        )

        def make_eyes(eyes: Engine) -> Vision:
            return Vision(
                settings,
                open_camera=camera or (lambda: open_camera(settings.camera, loop=settings.camera.loop)),
                engine=eyes,
                gallery=shelf.gallery,
                publish=seen.put,
                show=preview.put,
                answered=kiosk.answered,
                asked=kiosk.asked,
                settling=lamp.settling,
                errand=kiosk.eyes,
                guard=liveness.guard(attended=True),
            )

        vision = Lasting(
            "vision",
            lambda: Awaiting(supplies, make_eyes=make_eyes, publish=seen.put),
            crashed=pulse.restarted,
        )
        threads = (
            Lasting("chrony", lambda: watch, crashed=pulse.restarted),
            Lasting("storage", lambda: storage, crashed=pulse.restarted),
            Lasting("supplies", lambda: supplies, crashed=pulse.restarted),
            Lasting("liveness", lambda: liveness, crashed=pulse.restarted),
            Lasting("voice", lambda: voice, crashed=pulse.restarted),
            uplink,
            vision,
        )
        for thread in threads:
            thread.start()
            parts.callback(thread.join)
        for thread in threads:
            parts.callback(thread.end)
        parts.callback(notify.tell, "STOPPING=1")
        _serve(kiosk, settings, stop)


def _taken(settings: config.Config) -> Card | None:
    """Return the card, None where it is to be waited for. Raises HadirError."""
    try:
        return take(settings)
    except store.CardFailing:
        return None


def _serve(kiosk: Kiosk, settings: config.Config, stop: threading.Event) -> None:
    """Turn until told to stop; systemd hears from here, and only while every part advances."""
    frame_s = 1 / settings.display.frame_rate_hz
    began_s, told_s = time.monotonic(), 0.0
    ready, broken_since_s = False, None
    while not stop.is_set() and not kiosk.closed:
        kiosk.turn(frame_s)
        now_s = time.monotonic()
        broken_since_s = _still_fine(settings, broken_since_s, now_s)
        if not ready and (kiosk.sees or now_s > began_s + _READY_AT_LATEST_S):
            ready = True
            notify.tell("READY=1")
            _log.info("ready after %.1f s", now_s - began_s)
        if now_s > told_s + _WATCHDOG_EVERY_S and kiosk.advances():
            told_s = now_s
            notify.tell("WATCHDOG=1")


def _still_fine(settings: config.Config, broken_since_s: float | None, now_s: float) -> float | None:
    """Return since when the card is broken. Raises CardFailed when "not recorded" has been read by whoever it met."""
    why = store.broken(settings.terminal.state)
    if why is None:
        return None
    if broken_since_s is None:
        _log.error("the card failed (%s): nothing is recorded until the kiosk has started again", why)
        return now_s
    if now_s >= broken_since_s + settings.visit.result_s:
        raise store.CardFailed(f"the card failed ({why}); start the kiosk again, which then looks at it anew")
    return broken_since_s
