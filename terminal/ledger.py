"""What the kiosk asks of its card: keep a punch, say what was kept before, count what the centre lacks.

The card's refusals end here: whoever asks gets CommitFailed, None or the last count, and the log the reason.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import config
from sync.messages import UNTIMED, AttendanceEvent
from sync.outbox import Outbox, OutboxFailed
from terminal.clock import Clock, boot_id
from terminal.matching import Outcome
from terminal.sighting import Sighting
from terminal.visit.signals import CommitFailed, Committed, Record

_log = logging.getLogger("hadir.terminal.ledger")


class Ledger:
    """The main thread's side of the outbox."""

    def __init__(
        self,
        settings: config.Config,
        *,
        outbox: Outbox,
        clock: Clock,
        wake_uplink: Callable[[], None],
        refused: Callable[[], None],
    ) -> None:
        """`refused` is called when the card did not take a punch: it may only need room."""
        self._zone: tzinfo = settings.office.zone
        self._repeat_window_s = settings.visit.repeat_window_s
        self._outbox, self._clock, self._wake_uplink = outbox, clock, wake_uplink
        self._untimed = True  # the process before may have left punches that wait for the time
        self._refused = refused
        self._said = ""
        self.waiting = 0
        """How many punches the centre lacked when they were counted last."""

    def record(self, asked: Record) -> Committed | CommitFailed:
        """Return Committed when the punch is on the card, whatever is cut now; else CommitFailed, and it is not."""
        punch = asked.punch
        quality, now = self._clock.look()
        try:
            event = self._outbox.record(
                punch,
                clock=quality,
                boot_id=boot_id(),
                boottime_ns=now.boottime_ns,
                recorded_at=now.at,
                repeat_of=asked.first.seq if asked.first is not None else None,
            )
        except OutboxFailed as error:
            _log.error("visit not recorded employee=%s method=%s: %s", punch.employee, punch.method, error)
            self._refused()
            return CommitFailed()
        self._clock.recorded(quality, now.at)
        self._untimed = self._untimed or quality in UNTIMED
        taken = datetime.now(UTC) - punch.first_seen_at
        _log.info(
            "visit recorded employee=%s method=%s seq=%d ms_from_first_seen=%d%s",
            punch.employee,
            punch.method,
            event.seq,
            taken // timedelta(milliseconds=1),
            f" repeat_of={event.repeat_of}" if event.repeat_of is not None else "",
        )
        self._wake_uplink()
        return Committed(event=event, first_event=asked.first)

    def note_clock(self) -> None:
        """The chain holds what the clock is worth, if punches of this boot wait for that and it is known now."""
        if not self._untimed:
            return
        quality, now = self._clock.look()
        if quality in UNTIMED:
            return
        try:
            note = self._outbox.note_clock(
                clock=quality, boot_id=boot_id(), boottime_ns=now.boottime_ns, recorded_at=now.at
            )
        except OutboxFailed as error:
            self._say(f"the time that came back cannot be noted: {error}")
            return
        self._untimed = False
        if note is not None:
            _log.info("the time is known again seq=%d clock=%s", note.seq, quality)
            self._wake_uplink()

    def earlier(self, employee: str) -> AttendanceEvent | None:
        """Return the last punch of the office's day that was no repeat, and not one of an earlier life of the card."""
        at = datetime.now(UTC)
        midnight = at.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        since = min(midnight, at - timedelta(seconds=self._repeat_window_s))
        try:
            event = self._outbox.last_punch(employee, since=since)
        except OutboxFailed as error:
            self._say(f"earlier punches cannot be read: {error}")
            return None
        return event if event is not None and event.epoch == self._outbox.epoch else None

    def earlier_of(self, sighting: Sighting, answered: tuple[int, ...]) -> AttendanceEvent | None:
        """Return the earlier punch of whoever is identified; None for `answered` tracks, of which nobody asks it."""
        served = sighting.served
        found = served.identification if served is not None else None
        if served is None or found is None or found.outcome is not Outcome.MATCH or found.employee is None:
            return None
        return self.earlier(found.employee) if served.track_id not in answered else None

    def count(self) -> None:
        """`waiting` is that of now, if the card can be read."""
        try:
            self.waiting = self._outbox.depth()
        except OutboxFailed as error:
            self._say(f"the outbox cannot be counted: {error}")

    def _say(self, what: str) -> None:
        """Log it once until something else is to be said: a card that fails, fails many times a second."""
        if what != self._said:
            _log.error("%s", what)
        self._said = what
