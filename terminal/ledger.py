"""What the kiosk asks of its card: keep a punch, say what was kept before, count what the centre lacks.

The card's refusals end here: whoever asks gets CommitFailed, the day as it was or the last count, and the log the
reason. It waits for the card, so it belongs to the clerk's thread.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import config
from errors import HadirError
from sync.messages import UNTIMED, AttendanceEvent, Change, ClockQuality
from sync.outbox import Outbox, OutboxFailed
from terminal import evidence
from terminal.attacks import Attacks, KeepAttack
from terminal.clock import Clock, boot_id
from terminal.day import Day
from terminal.enrolments import Enrolments
from terminal.provisional import EnrolmentKept, KeepEnrolment
from terminal.visit.signals import CommitFailed, Committed, Correct, Corrected, NoteDesk, Record

_log = logging.getLogger("hadir.terminal.ledger")


def empty_day(settings: config.Config) -> Day:
    """Return the office's day on which nobody punched yet."""
    return Day(zone=settings.office.zone, repeat_window_s=settings.visit.repeat_window_s)


class Ledger:
    """The outbox as the clerk's thread uses it, and the day it makes of it."""

    def __init__(
        self,
        settings: config.Config,
        *,
        outbox: Outbox,
        clock: Clock,
        wake_uplink: Callable[[], None],
        refused: Callable[[], None],
        enrolments: Enrolments | None = None,
        attacks: Attacks | None = None,
    ) -> None:
        """`refused` is called when the card did not take a punch: it may only need room."""
        self._enrolments, self._attacks = enrolments, attacks
        self._outbox, self._clock, self._wake_uplink = outbox, clock, wake_uplink
        self._untimed = True  # the process before may have left punches that wait for the time
        self._refused = refused
        self._said = ""
        self.day = empty_day(settings)
        """The punches of the office's day; swapped whole, so that any thread may read it."""
        self.arrived_to = 0
        """Up to which seq the centre had everything when that was looked at last."""
        self.waiting = 0
        """How many punches the centre lacked when they were counted last."""
        self.attacks_s: tuple[float, ...] = ()
        """When there were attacks before the kiosk started, on the steady clock."""

    def recall(self) -> None:
        """`attacks_s` are those that the card remembers, if it can be read."""
        if self._attacks is None:
            return
        try:
            ago_s = self._attacks.remember(self._outbox, self._clock.look()[1])
        except OutboxFailed as error:
            self._say(f"earlier attacks cannot be read: {error}")
            return
        self.attacks_s = tuple(time.monotonic() - each for each in ago_s)

    def record(self, asked: Record) -> Committed | CommitFailed:
        """Return Committed when the punch is on the card, whatever is cut now; else CommitFailed, and it is not."""
        punch = asked.punch
        quality, now = self._clock.look()
        try:
            first = self._of_this_epoch(asked.first)
            event = self._outbox.record(
                punch,
                clock=quality,
                boot_id=boot_id(),
                boottime_ns=now.boottime_ns,
                recorded_at=now.at,
                repeat_of=first.seq if first is not None else None,
            )
        except OutboxFailed as error:
            _log.error("visit not recorded employee=%s method=%s: %s", punch.employee, punch.method, error)
            self._refused()
            return CommitFailed()
        self._kept(quality, now.at)
        if event.epoch == self.day.epoch:
            self.day = self.day.having(event)
        else:
            self._look_at_day(now.at)
        taken = datetime.now(UTC) - punch.first_seen_at
        _log.info(
            "visit recorded employee=%s method=%s seq=%d ms_from_first_seen=%d%s",
            punch.employee,
            punch.method,
            event.seq,
            taken // timedelta(milliseconds=1),
            f" repeat_of={event.repeat_of}" if event.repeat_of is not None else "",
        )
        return Committed(event=event, first_event=first)

    def correct(self, asked: Correct) -> Corrected | CommitFailed:
        """Return Corrected when the correction is on the card, whatever is cut now; else CommitFailed."""
        employee = asked.event.punch.employee
        quality, now = self._clock.look()
        try:
            entry = self._outbox.correct(
                asked.event,
                change=Change.DIRECTION if asked.direction is not None else Change.NOT_ME,
                direction=asked.direction,
                made_at=now.at,
                clock=quality,
                boot_id=boot_id(),
                boottime_ns=now.boottime_ns,
                recorded_at=now.at,
            )
        except OutboxFailed as error:
            _log.error("correction not recorded employee=%s: %s", employee, error)
            self._refused()
            return CommitFailed()
        self._kept(quality, now.at)
        self.day = self.day.corrected(asked.event, asked.direction)
        _log.info("correction recorded employee=%s change=%s seq=%d of=%d", employee, entry.change, entry.seq, entry.of)
        return Corrected(event=asked.event, direction=asked.direction)

    def note_desk(self, asked: NoteDesk) -> CommitFailed | None:
        """Return None when the note is on the card; else CommitFailed, and it is not."""
        quality, now = self._clock.look()
        try:
            note = self._outbox.note_desk(
                employee=asked.employee,
                action=asked.action,
                made_at=now.at,
                clock=quality,
                boot_id=boot_id(),
                boottime_ns=now.boottime_ns,
                recorded_at=now.at,
            )
        except OutboxFailed as error:
            _log.error("desk not noted employee=%s action=%s: %s", asked.employee, asked.action, error)
            self._refused()
            return CommitFailed()
        self._kept(quality, now.at)
        _log.info("desk noted employee=%s action=%s seq=%d", asked.employee, asked.action, note.seq)
        return None

    def note_attack(self, asked: KeepAttack) -> KeepAttack | None:
        """Return None when the note is on the card, and its picture beside; else what is to be tried again."""
        if self._attacks is None:
            return None
        if asked.ref is None:
            asked = replace(asked, seen=None, ref=self._attacks.picture(asked))
        quality, now = self._clock.look()
        try:
            note = self._attacks.keep(self._outbox, asked, clock=quality, now=now)
        except OutboxFailed as error:
            self._say(f"an attack cannot be noted: {error}")
            self._refused()
            return asked
        self._kept(quality, now.at)
        kept = "no" if asked.ref in evidence.REASONS else "a"
        _log.warning("%s noted seq=%d cues=%s, %s picture", note.verdict, note.seq, ",".join(note.cues) or "-", kept)
        return None

    def enrol(self, asked: KeepEnrolment) -> EnrolmentKept | CommitFailed:
        """Return EnrolmentKept when the enrolment is on the card, whatever is cut now, and in use; else CommitFailed.

        One that is there already is kept once.
        """
        new = asked.enrolment
        quality, now = self._clock.look()
        try:
            if self._enrolments is None:
                raise OutboxFailed("this kiosk keeps no enrolments")
            note = self._enrolments.keep(self._outbox, new, clock=quality, now=now)
        except HadirError as error:
            _log.error("enrolment not kept employee=%s: %s", new.employee, error)
            self._refused()
            return CommitFailed()
        if note is not None:
            self._kept(quality, now.at)
            _log.info("enrolment kept employee=%s id=%s seq=%d", new.employee, new.id, note.seq)
        return EnrolmentKept(id=new.id)

    def _kept(self, quality: ClockQuality, at: datetime) -> None:
        """An entry of that time is on the card and may be sent."""
        self._clock.recorded(quality, at)
        self._untimed = self._untimed or quality in UNTIMED
        self._wake_uplink()

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

    def look_after(self, at: datetime, *, count: bool) -> None:
        """The clock is noted if that is due, `day` is that of `at`, and what waits is counted if asked for."""
        self.note_clock()
        self._look_at_day(at)
        self._look_how_far()
        if self._attacks is not None:
            self._attacks.tidy()
        if count:
            self.count()

    def _look_how_far(self) -> None:
        try:
            self.arrived_to = self._outbox.acknowledged_to()
        except OutboxFailed as error:
            self._say(f"what the centre has cannot be read: {error}")

    def _look_at_day(self, at: datetime) -> None:
        try:
            epoch = self._outbox.epoch
            known, begin = self.day.since, self.day.begin(at)
            # Another epoch means other numbers; a clock that was set back, punches that had gone.
            if known is None or begin < known or epoch != self.day.epoch:
                self.arrived_to = 0  # of other numbers nothing is known yet
                self.day = self.day.filled(self._outbox.punches_since(begin), epoch=epoch, at=at)
            else:
                self.day = self.day.aged(at)
        except OutboxFailed as error:
            self._say(f"earlier punches cannot be read: {error}")

    def _of_this_epoch(self, first: AttendanceEvent | None) -> AttendanceEvent | None:
        """Return `first` as it is numbered now: since it was looked up, the centre may have refused its numbers.

        Raises OutboxFailed.
        """
        if first is None or first.epoch == self._outbox.epoch:
            return first
        since = first.punch.occurred_at
        found = (e for e in self._outbox.punches(first.punch.employee, since=since) if e.receipt == first.receipt)
        return next((event for event in found if event.epoch == self._outbox.epoch), None)

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
