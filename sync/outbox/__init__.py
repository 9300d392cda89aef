"""The queue of punches on the kiosk's card: a table, from which a row leaves only on the collector's signed word.

A punch is safe once `Outbox.record` has returned: the row is committed with WAL and synchronous=FULL, which loses
nothing when the power goes (NORMAL does). Each row names the hash of the one before and is signed with the kiosk's own
key (sync/chain.py). `seq` has no gaps within an epoch, and an epoch is one life of one terminal's database, so the
centre can see from the numbers alone what it is missing.

Each thread opens its own connection and its own Outbox on it.
"""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Unpack

from sync import receipts
from sync.keys import Signer
from sync.messages import (
    MOST_EARLIER,
    UNTIMED,
    Ack,
    AttackNote,
    AttendanceEvent,
    Change,
    ClockNote,
    ClockQuality,
    Correction,
    DeskNote,
    Direction,
    EnrolmentNote,
    Entry,
    Punch,
)
from sync.outbox import again, appending, attacked, corrections, epochs, recorded
from sync.outbox.acks import AckRefused, EpochUnknown, Marked, mark, says_nothing_new
from sync.outbox.appending import Clocks
from sync.outbox.attacked import Attacked
from sync.outbox.card import OutboxFailed, failing_clearly, refuse_forgetful, transaction
from sync.outbox.enrolled import Enrolled
from sync.outbox.epochs import Epoch, microseconds
from sync.outbox.recorded import DayPunch
from sync.outbox.schema import MIGRATIONS

__all__ = [
    "MIGRATIONS",
    "AckRefused",
    "Attacked",
    "Clocks",
    "DayPunch",
    "Enrolled",
    "EpochUnknown",
    "Marked",
    "Outbox",
    "OutboxFailed",
    "PendingEvent",
    "Place",
]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a row lies on this card: the number of its epoch, and its seq in it. In order of recording."""

    number: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """A committed row the collector has not acknowledged; `payload` is the exact bytes recorded."""

    place: Place
    payload: bytes


class Outbox:
    """The outbox of one terminal on one open connection to its card."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        office: str,
        terminal: str,
        signer: Signer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Have an epoch to record in, a new one if the card has none for this terminal and key.

        Raises OutboxFailed when the connection would lose rows in a power cut, or when the card still holds punches
        of another terminal or office that the centre lacks.
        """
        self._connection = connection
        self._office, self._terminal, self._signer = office, terminal, signer
        self._now = now
        refuse_forgetful(connection)
        with self._transaction():
            epochs.refuse_others(connection, office=office, terminal=terminal)
            self._present()
            for number, seq in again.unsigned_rows(connection):
                self._record_again(number, seq)

    # --- recording --------------------------------------------------------------------------------------------------

    def record(self, punch: Punch, *, repeat_of: int | None = None, **clocks: Unpack[Clocks]) -> AttendanceEvent:
        """Return the event `punch` became, signed and committed to the card in the next place of the sequence.

        `recorded_at` and `boottime_ns` are both clocks at one instant. `repeat_of` is a seq of the present epoch.
        Raises OutboxFailed, and then nothing is stored and the place is still free.
        """
        with self._transaction():
            epoch = self._present()
            entry = AttendanceEvent(
                **self._place(epoch, **clocks),
                punch=punch,
                receipt=receipts.from_number(secrets.randbits(receipts.BITS)),
                repeat_of=repeat_of,
            )
            self._append(epoch, entry)
        return entry

    def note_clock(
        self, *, clock: ClockQuality, boot_id: str, boottime_ns: int, recorded_at: datetime
    ) -> ClockNote | None:
        """Have a note of the clock in the chain if entries of this boot wait for one; return it, or None.

        With it the centre can tell when they were made. Raises OutboxFailed.
        """
        with self._transaction():
            epoch = self._present()
            if clock in UNTIMED or epoch.untimed_boot != boot_id:
                return None
            entry = ClockNote(
                **self._place(epoch, clock=clock, boot_id=boot_id, boottime_ns=boottime_ns, recorded_at=recorded_at)
            )
            self._append(epoch, entry)
        return entry

    def correct(
        self,
        event: AttendanceEvent,
        *,
        change: Change,
        direction: Direction | None,
        made_at: datetime,
        **clocks: Unpack[Clocks],
    ) -> Correction:
        """Return the correction of `event`, signed and committed to the card in the next place of the sequence.

        `direction` is given for Change.DIRECTION alone. The punch is named where it lies now: it may have been recorded
        again in another epoch since. Raises OutboxFailed, also for a punch that is not on this card any more, and then
        nothing is stored.
        """
        with self._transaction():
            epoch = self._present()
            punch = corrections.named(self._connection, employee=event.punch.employee, receipt=event.receipt)
            if punch is None:
                raise OutboxFailed("the punch is not on this card, and cannot be corrected here; nothing was recorded")
            of, of_epoch = punch.as_seen_from(epoch.epoch)
            try:
                entry = Correction(
                    **self._place(epoch, **clocks),
                    of=of,
                    of_epoch=of_epoch,
                    employee=event.punch.employee,
                    receipt=event.receipt,
                    change=change,
                    direction=direction,
                    made_at=made_at,
                )
            except ValueError as error:
                raise OutboxFailed(f"this correction cannot be recorded: {error}") from error
            self._append(epoch, entry)
            corrections.apply(self._connection, entry)
        return entry

    def note_desk(
        self,
        *,
        employee: str,
        action: str,
        made_at: datetime,
        **clocks: Unpack[Clocks],
    ) -> DeskNote:
        """Return the note that the administrator `employee` did `action`, signed and committed to the card.

        Raises OutboxFailed, also for an action that is no word, and then nothing is stored.
        """
        with self._transaction():
            epoch = self._present()
            place = self._place(epoch, **clocks)
            entry = DeskNote(**place, employee=employee, action=action, made_at=made_at)
            self._append(epoch, entry)
        return entry

    def enrol(
        self,
        said: Enrolled,
        *,
        beside: Callable[[sqlite3.Connection], bool],
        **clocks: Unpack[Clocks],
    ) -> EnrolmentNote | None:
        """Return the note of an enrolment, committed with what `beside` writes; None where that says it was before."""
        with self._transaction():
            if not beside(self._connection):
                return None
            epoch = self._present()
            entry = EnrolmentNote(**self._place(epoch, **clocks), **said)
            self._append(epoch, entry)
        return entry

    def note_attack(self, said: Attacked, **clocks: Unpack[Clocks]) -> AttackNote:
        """Return the note of an attack, signed and committed to the card in the next place. Raises OutboxFailed."""
        with self._transaction():
            epoch = self._present()
            entry = AttackNote(**self._place(epoch, **clocks), **said)
            self._append(epoch, entry)
        return entry

    def _present(self) -> Epoch:
        """Return the epoch that is recorded in now: another thread may have begun a new one."""
        epoch = epochs.newest(self._connection)
        if epoch is not None and not epoch.closed:
            ours = (epoch.office, epoch.terminal, epoch.key_id)
            if ours == (self._office, self._terminal, self._signer.key_id):
                return epoch
        return self._begin()

    def _begin(self) -> Epoch:
        return epochs.begin(
            self._connection, office=self._office, terminal=self._terminal, signer=self._signer, at=self._now()
        )

    def _place(self, epoch: Epoch, **clocks: Unpack[Clocks]) -> dict[str, Any]:
        return appending.place_of_next(epoch, **clocks)

    def _append(self, epoch: Epoch, entry: Entry) -> None:
        appending.append(self._connection, epoch, entry, self._signer)

    # --- what waits -------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """The name of the epoch that is recorded in now. Raises OutboxFailed."""
        return self._newest().epoch

    def pending(self, *, after: Place | None = None, limit: int = 100) -> list[PendingEvent]:
        """Return the first `limit` unacknowledged rows behind `after`, in order. Raises OutboxFailed."""
        return self.payloads(self.places(after=after, limit=limit))

    def places(self, *, after: Place | None = None, limit: int = 100) -> list[Place]:
        """Return where the first `limit` unacknowledged rows behind `after` lie, in order. Raises OutboxFailed."""
        number, seq = (after.number, after.seq) if after else (0, 0)
        rows = self._rows(
            "SELECT epoch, seq FROM outbox WHERE acknowledged_us IS NULL AND (epoch, seq) > (?, ?) "
            "ORDER BY epoch, seq LIMIT ?",
            (number, seq, limit),
        )
        return [Place(*row) for row in rows]

    def payloads(self, places: Sequence[Place]) -> list[PendingEvent]:
        """Return the rows at `places` that are there and not acknowledged. Raises OutboxFailed."""
        found = []
        for place in places:
            rows = self._rows(
                "SELECT payload FROM outbox WHERE epoch = ? AND seq = ? AND acknowledged_us IS NULL",
                (place.number, place.seq),
            )
            found += [PendingEvent(place=place, payload=payload) for (payload,) in rows]
        return found

    def depth(self) -> int:
        """Return how many rows the collector has not acknowledged. Raises OutboxFailed."""
        return int(self._rows("SELECT count(*) FROM outbox WHERE acknowledged_us IS NULL", ())[0][0])

    def last_place(self) -> Place:
        """Return where the newest row lies, (number, 0) before the first of its epoch. Raises OutboxFailed."""
        newest = self._newest()
        return Place(newest.number, newest.last_seq)

    def last_seq(self) -> int:
        """Return the seq of the newest row of this epoch, 0 before the first. Raises OutboxFailed."""
        return self._newest().last_seq

    def acknowledged_to(self) -> int:
        """Return up to which seq everything of this epoch is acknowledged. Raises OutboxFailed.

        What was acknowledged beyond a row that waits is not told: the centre would take the row for lost.
        """
        newest = self._newest()
        waiting = self._rows(
            "SELECT min(seq) FROM outbox WHERE epoch = ? AND acknowledged_us IS NULL", (newest.number,)
        )[0][0]
        return newest.last_seq if waiting is None else int(waiting) - 1

    def earlier(self) -> tuple[tuple[str, int, int], ...]:
        """Return (epoch, oldest_seq, acknowledged_to) of the last epochs before this one. Raises OutboxFailed."""
        with failing_clearly():
            return epochs.earlier(self._connection, before=self._newest().number, most=MOST_EARLIER)

    def oldest_seq(self) -> int:
        """Return the lowest seq of this epoch still on the card, 0 before the first. Raises OutboxFailed."""
        return int(self._rows("SELECT min(seq) FROM outbox WHERE epoch = ?", (self._newest().number,))[0][0] or 0)

    # --- the collector's word ---------------------------------------------------------------------------------------

    def acknowledge(self, ack: Ack) -> Marked:
        """Have every row `ack` vouches for marked as known to the centre, and what it asks for waiting again.

        A row counts only if its hash is the one the collector has. Where it has another, this card is a copy or was put
        back: a new epoch is begun, and the rows it refused are recorded again in it. The signature of `ack` was
        checked by the caller. Raises AckRefused for another terminal or office or EpochUnknown; OutboxFailed.
        """
        if (ack.office, ack.terminal) != (self._office, self._terminal):
            raise AckRefused("an acknowledgement for another terminal or office; see who may write this topic")
        with failing_clearly():
            epoch = epochs.named(self._connection, ack.epoch)
            if epoch is None:
                raise EpochUnknown("an acknowledgement for an epoch this card never had")
            if says_nothing_new(self._connection, epoch, ack):
                return Marked(number=epoch.number, upto=ack.upto)
        with self._transaction():
            marked = mark(self._connection, epoch, ack, at=self._now())
            if marked.forked and not epoch.closed:
                self._begin()
            for seq in marked.refused:
                self._record_again(epoch.number, seq)
        return marked

    def _record_again(self, number: int, seq: int) -> None:
        """Have the entry of that row recorded in the present epoch, and the row never sent again."""
        again.record(
            self._connection, number, seq, present=self._present, signer=self._signer, at_us=microseconds(self._now())
        )

    # --- what was recorded ------------------------------------------------------------------------------------------

    def last_punch(self, employee: str, *, since: datetime) -> AttendanceEvent | None:
        """Return the newest punch of `employee` at or after `since` that is no repeat itself. Raises OutboxFailed.

        A punch that was voided is passed over, as if it had not been. Where the direction was corrected, what is
        returned has the corrected one, chosen by the employee, and is not what was signed.
        """
        with failing_clearly():
            return recorded.last_punch(self._connection, employee, since)

    def punches(self, employee: str, *, since: datetime) -> list[AttendanceEvent]:
        """Return the punches of `employee` at or after `since`, as and in the order recorded. Raises OutboxFailed."""
        with failing_clearly():
            return recorded.punches_of(self._connection, employee, since)

    def punches_since(self, since: datetime) -> tuple[DayPunch, ...]:
        """Return every punch of the present epoch at or after `since`, in the order recorded. Raises OutboxFailed.

        Each with what it is by now: the direction it counts with, and whether it was voided. Reads every row of the
        epoch: for a kiosk that starts, not for one that serves people.
        """
        with failing_clearly():
            return recorded.punches_since(self._connection, self._newest().number, since)

    def attacks_since(self, since: datetime) -> tuple[AttackNote, ...]:
        """Return the notes of attacks recorded at or after `since` that are on the card. Raises OutboxFailed."""
        return attacked.attacks_since(self._connection, since)

    def forget_acknowledged(self, before: datetime) -> int:
        """Delete the rows acknowledged before that moment, a few at a time; return how many. Raises OutboxFailed.

        From the beginning of each epoch only, so that what is left is still one chain, whose first hash is known.
        """
        before_us, forgotten = microseconds(before), 0
        for (number,) in self._rows("SELECT number FROM outbox_epochs ORDER BY number", ()):
            while changed := self._forget_some(number, before_us):
                forgotten += changed
        return forgotten

    def _forget_some(self, number: int, before_us: int) -> int:
        with self._transaction():  # short, so that a punch never waits for it
            return epochs.forget_some(self._connection, number, before_us)

    def _newest(self) -> Epoch:
        with failing_clearly():
            epoch = epochs.newest(self._connection)
        if epoch is None:
            raise OutboxFailed("the card's database was replaced while it was in use; restart the terminal")
        return epoch

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        with failing_clearly():
            return self._connection.execute(sql, values).fetchall()

    def _transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection)
