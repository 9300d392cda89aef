"""What a screen needs beside the state of the visit, gathered from wherever it is known. The main thread's."""

import contextlib
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import config
from sync.certificates import CertificateUnreadable, days_left
from sync.releases import Person
from terminal import health
from terminal.aim import Aim
from terminal.clerk import Clerk
from terminal.display import Display
from terminal.faces import Box, Picture
from terminal.gallery import Gallery
from terminal.pin import PinDesk
from terminal.policy import schedule_of
from terminal.preferences import keep_language, kept_language
from terminal.pulse import Pulse
from terminal.screens.catalogue import language
from terminal.screens.facts import Facts
from terminal.screens.look import Context
from terminal.sighting import Sighting
from terminal.tries import Tries
from terminal.visit.states import AlreadyRecorded, Correcting, DayLine, Desk, History, Now, Recorded, State, Visit
from terminal.visit.steps import eased

_FOLLOW = 0.15
"""Of the way to the face, the picture's middle goes so much with each new frame: a jump would be no mirror."""
_STILL = 0.06
"""A face this close to the middle, in parts of the picture, moves nothing."""
_CERTIFICATE_EVERY_S = 3600.0
_FACTS_EVERY_S = 1.0


class View:
    """Gathers contexts for one display; also keeps the language, and where in the picture people are."""

    def __init__(
        self,
        settings: config.Config,
        *,
        display: Display,
        clerk: Clerk,
        desk: PinDesk,
        gallery: Callable[[], Gallery],
        pulse: Pulse,
    ) -> None:
        self._settings, self._display, self._clerk, self._desk = settings, display, clerk, desk
        self._gallery, self._pulse = gallery, pulse
        self._zone = settings.office.zone
        self._schedule = schedule_of(settings)
        self._focus = (0.5, 0.5)
        self._aim = Aim(settings.quality, settings.office.zone, view_deg=settings.camera.view_deg)
        self._tries = Tries()
        self._certificate: tuple[float, int | None] = (float("-inf"), None)
        self._gathered: tuple[float, Facts] = (float("-inf"), _NO_FACTS)
        self.language = kept_language(settings.terminal.state, settings.display.language)

    def speak(self, code: str) -> None:
        """Everything is said in that language from now on, also after a restart."""
        self.language = code
        keep_language(self._settings.terminal.state, code)

    def saw(self, sighting: Sighting, at: datetime) -> None:
        """The crop of the picture follows whoever is served, seated or tall, and the day's faces are counted."""
        self._aim.saw(sighting, at)
        self._tries.saw(sighting, at)
        self.follow(sighting.picture, sighting.served.box if sighting.served is not None else None)

    def follow(self, picture: Picture, box: Box | None) -> None:
        """The crop of the picture moves towards the face there, to the middle where there is none."""
        rows, columns = picture.shape[:2]
        wanted = (0.5, 0.5)
        if box is not None:
            x, y = box.centre
            wanted = (x / columns, y / rows)
        self._focus = (_followed(self._focus[0], wanted[0]), _followed(self._focus[1], wanted[1]))

    def today(self, employee: str, at: datetime) -> tuple[DayLine, ...]:
        """Return that person's punches of the office's day of `at`, as they stand now."""
        arrived_to = self._clerk.arrived_to
        return tuple(
            DayLine(
                at=each.event.punch.first_seen_at,
                direction=each.direction,
                method=each.event.punch.method,
                receipt=each.event.receipt,
                arrived=each.event.seq <= arrived_to,
            )
            for each in self._clerk.day.history(employee, at)
            if each.event.repeat_of is None
        )

    def administers(self, employee: str) -> bool:
        """Return whether the set in use says that this is an administrator of the kiosk."""
        person = self._gallery().people.get(employee)
        return person is not None and person.administrator

    def context(self, visit: Visit, *, picture: bool, now: Now) -> Context:
        """Return what the screen of `visit` needs."""
        width_px, height_px = self._display.size
        gallery, pulse = self._gallery(), self._pulse
        return Context(
            width_px=width_px,
            height_px=height_px,
            measure=self._display.measure,
            now=now,
            zone=self._zone,
            say=language(self.language),
            office=self._settings.office.name,
            name=_name(visit.state, gallery),
            picture=picture,
            camera=pulse.camera,
            offline_since=pulse.offline_since(),
            waiting=self._clerk.waiting,
            gallery_version=gallery.version,
            gallery_people=len(gallery.people),
            clock=pulse.vitals.clock,
            alarms=pulse.alarms(),
            gallery_days=pulse.gallery_days(now.at),
            trouble=pulse.camera_trouble,
            face=self._focus,
            message=self._settings.office.message,
            large=eased(visit, now),
            schedule=self._schedule,
            renew=(person := _person(visit.state, gallery)) is not None and person.renew,
            enrols=visit.rules.enrols,
            facts=self._newest_facts(now) if isinstance(visit.state, Desk) else _NO_FACTS,
        )

    def _newest_facts(self, now: Now) -> Facts:
        """Return the facts, gathered once a second: a menu is drawn with every frame."""
        gathered_s, facts = self._gathered
        if now.monotonic_s >= gathered_s + _FACTS_EVERY_S:
            facts = self._facts(now)
            self._gathered = now.monotonic_s, facts
        return facts

    def _facts(self, now: Now) -> Facts:
        pulse, vitals, pins = self._pulse, self._pulse.vitals, self._desk.today()
        mqtt = self._settings.mqtt
        losses, aim = pulse.camera_record, self._aim.report(now.at)
        return Facts(
            broker=f"{mqtt.host}:{mqtt.port}",
            last_sync=pulse.connected_at,
            certificate_days=self._certificate_days(now.at),
            address=own_address(mqtt.host),
            losses=losses.losses,
            lost_s=losses.lost_s,
            faces=aim.faces,
            heights=aim.thirds,
            distance_m=aim.distance_m,
            brightness=aim.face_brightness,
            backlight=aim.backlight,
            advice=tuple(aim.advice),
            disk_free_mb=vitals.disk_free_mb,
            full_percent=pulse.full_percent(),
            pins_right=pins.right,
            pins_wrong=pins.wrong,
            software=health.software(),
            temperature_c=vitals.temperature_c,
            uptime_s=vitals.uptime_s,
            tries=self._tries.newest(),
        )

    def _certificate_days(self, at: datetime) -> int | None:
        path = self._settings.mqtt.tls_certificate
        if not path:
            return None
        looked_s, days = self._certificate
        if time.monotonic() > looked_s + _CERTIFICATE_EVERY_S:
            days = None
            with contextlib.suppress(CertificateUnreadable):
                days = days_left(Path(path), at)
            self._certificate = (time.monotonic(), days)
        return days


_NO_FACTS = Facts()


def own_address(towards: str) -> str:
    """Return this machine's address on the way to `towards`, "" without one. Nothing is sent: UDP only looks it up.

    Only for an address in figures, since the look-up of a name may take seconds.
    """
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        socket.inet_aton(towards)
        way.connect((towards, 9))
        return str(way.getsockname()[0])
    return ""


def _person(state: State, gallery: Gallery) -> Person | None:
    result = state.result if isinstance(state, Correcting | History) else state
    if not isinstance(result, Recorded | AlreadyRecorded):
        return None
    return gallery.people.get(result.event.punch.employee)


def _name(state: State, gallery: Gallery) -> str | None:
    person = _person(state, gallery)
    # A character that no font draws must not take the thanks for a punch off the screen.
    return "".join(letter for letter in person.name if letter.isprintable()) if person is not None else None


def _followed(at: float, wanted: float) -> float:
    return at if abs(wanted - at) < _STILL else round(at + _FOLLOW * (wanted - at), 3)
