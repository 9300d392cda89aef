"""What a kiosk says of itself to the centre: when its status is due, what stands in it, and which alarms.

The status goes out at every connection, every status_every_s, and at once when something in it changed that matters.
It is looked for about once a second, and whenever somebody woke the uplink.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sync.messages import ClockQuality, MessageRefused, Presence, TerminalStatus, decode, encode
from sync.mqtt import Link
from sync.outbox import Outbox, OutboxFailed

ALARM_KEPT_S = 3600.0
LOOK_EVERY_S = 1.0

_log = logging.getLogger("hadir.sync.own_status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the kiosk knows of itself, for its status; absent is unknown. `camera` is ok, lost or starting."""

    gallery_version: int | None = None
    gallery_people: int | None = None
    engine_id: str | None = None
    camera: str | None = None
    clock: ClockQuality | None = None
    boot_id: str | None = None
    disk_free_mb: int | None = None
    temperature_c: float | None = None
    uptime_s: int | None = None
    software: str | None = None
    alarms: tuple[str, ...] = ()


class OwnStatus:
    """The status of one terminal, on one thread: told over a link, one unanswered message at a time."""

    def __init__(
        self,
        *,
        office: str,
        terminal: str,
        device_key: str,
        every_s: float,
        set_word: Callable[[Outbox], str | None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._office, self._terminal, self._device_key = office, terminal, device_key
        self._every_s, self._set_word = every_s, set_word
        self._monotonic, self._now = monotonic, now
        self._alarms: dict[str, float] = {}
        self._due = self._look_due = 0.0
        self._mid: int | None = None
        self._under_way: TerminalStatus | None = None
        self._taken: TerminalStatus | None = None
        self._last_told: tuple[object, ...] = ()

    def offline(self) -> TerminalStatus:
        """Return what is said when the kiosk leaves, by itself or as its last will."""
        return TerminalStatus(office=self._office, terminal=self._terminal, presence=Presence.OFFLINE, at=self._now())

    def begin_again(self) -> None:
        """Have the status told at once: the connection is new, and nothing sent before will be answered."""
        self._due, self._mid = 0.0, None

    def look(self) -> None:
        """Have the next `tell` look whether something changed."""
        self._look_due = 0.0

    def hurry(self) -> None:
        """Have the status told at the next `tell`, whether or not something changed."""
        self._due = 0.0

    def answered(self, mid: int) -> None:
        """Note the broker's answer to message `mid`, if it was the status."""
        if mid == self._mid:
            self._mid = None
            self._taken = self._under_way

    def is_anothers(self, payload: bytes) -> bool:
        """Return whether `payload`, found on our topic, is the status of another machine with our identity.

        Only one that is newer than the broker's last of ours can be: an older one may be from before we started.
        """
        try:
            found = decode(TerminalStatus, payload)
        except MessageRefused:
            return False
        return (
            self._taken is not None
            and found.presence is Presence.ONLINE
            and found.at > self._taken.at
            and None not in (found.boot_id, self._taken.boot_id)
            and found.boot_id != self._taken.boot_id
        )

    def next_due(self) -> float | None:
        """Return when the status is due, None while the broker has not answered the last one."""
        return self._due if self._mid is None else None

    def alarm(self, code: str, why: str) -> None:
        """Have alarm `code` in the status for an hour from now, told at once and logged if it is new."""
        if code not in self._alarms:
            _log.error("alarm %s: %s", code, why)
            self._due = 0.0
        self._alarms[code] = self._monotonic() + ALARM_KEPT_S

    def end_alarms(self, prefix: str) -> None:
        """Have no alarm here whose code begins with `prefix`."""
        self._alarms = {code: until for code, until in self._alarms.items() if not code.startswith(prefix)}

    def tell(self, link: Link, condition: Callable[[], Condition], outbox: Outbox) -> None:
        """Publish the status if it is due or something that matters changed. Raises LinkDown.

        `condition` is asked only when it is time to look. A card that cannot be read leaves its depth unknown.
        """
        now = self._monotonic()
        if now < self._look_due and now < self._due:
            return
        self._look_due = now + LOOK_EVERY_S
        known = condition()
        alarms = self._current_alarms(now, known)
        important = (known.gallery_version, known.engine_id, known.camera, alarms)
        if now < self._due and important == self._last_told:
            return
        if self._mid is not None:
            return  # the broker has not even answered the last one
        depth = last_seq = epoch = oldest_seq = acknowledged_to = set_word = None
        earlier: tuple[tuple[str, int, int], ...] = ()
        with suppress(OutboxFailed):
            depth, last_seq, epoch = outbox.depth(), outbox.last_seq(), outbox.epoch
            oldest_seq, acknowledged_to = outbox.oldest_seq(), outbox.acknowledged_to()
            earlier, set_word = outbox.earlier(), self._set_word(outbox)
        status = TerminalStatus(
            office=self._office,
            terminal=self._terminal,
            presence=Presence.ONLINE,
            at=self._now(),
            outbox_depth=depth,
            last_seq=last_seq,
            epoch=epoch,
            oldest_seq=oldest_seq,
            acknowledged_to=acknowledged_to,
            earlier=earlier,
            device_key=self._device_key,
            boot_id=known.boot_id,
            gallery_version=known.gallery_version,
            gallery_people=known.gallery_people,
            engine_id=known.engine_id,
            camera=known.camera,
            clock=known.clock,
            disk_free_mb=known.disk_free_mb,
            temperature_c=known.temperature_c,
            uptime_s=known.uptime_s,
            software=known.software,
            alarms=alarms,
            set_word=set_word,
        )
        self._mid = link.publish(status.topic, encode(status), retain=True)
        self._under_way = status
        self._due = now + self._every_s
        self._last_told = important

    def _current_alarms(self, now: float, condition: Condition) -> tuple[str, ...]:
        self._alarms = {code: until for code, until in self._alarms.items() if until > now}
        return tuple(sorted({*condition.alarms, *self._alarms}))[:50]
