"""The centre's end of the way: messages in, checked, into the register, and only then the acknowledgement.

    collector.run(settings, stop=stop)

Entries gather until there are `centre.batch_rows` of them or the first is `centre.batch_ms` old; their signatures are
checked (sync/admission.py); they are committed in one transaction; then each (terminal, epoch) in them gets a signed
Ack with how far it is whole (sync/answers.py). The broker keeps what is not
committed yet (its receipts are held back), so a collector killed between receipt and commit is given it again; and were
the broker to forget, the kiosk sends again what was not acknowledged. While the register is away nothing is
acknowledged, the collector stays up and tries again.

At every connect each known kiosk is told how far it is here, and the current encoding set of each office is published
again, since a broker may have lost both what was under way and what it retained. A kiosk whose status says that more
was acknowledged than lies here, since the register was put back from a backup, is asked for what is missing.

Several collectors may run side by side (`centre.shared`), each under a name of its own: the broker gives each event to
one of them, the register takes it once.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from typing import assert_never

import msgspec

import config
from sync import heads, keys, pictures
from sync.admission import Admission
from sync.answers import Answers
from sync.batch import Batch
from sync.inspection import inspect
from sync.messages import MAX_MESSAGE_BYTES, terminal_topic
from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, Received, Sent
from sync.notify import tell
from sync.offers import Offers, Released
from sync.register import Register, RegisterError, RegisterReplaced, RegisterUnavailable
from sync.register.arrivals import Added, Arrival, Outcome
from sync.register.intake import take
from sync.register.refusals import Rejected
from sync.register.sets import current_digests, current_release
from sync.register.statuses import HeardStatus

SHARE_GROUP = "hadir"

_TURN_S = 1.0
_EVENTS_A_TURN = 1000  # a kiosk that never stops talking must not keep the others from their commit
_LONGEST_REST_S = 30.0
_SESSION_EXPIRY_S = 604_800
_ANSWERS_UNDER_WAY = 200  # to as many kiosks, while a kiosk has 20 messages to one collector
_GLANCE_S = 0.005  # how long a message waits at most while a batch is committed
_SILENCE_S = 300.0  # a large set on a slow line takes its time
_MOST_RECEIVED_BYTES = 4 * MAX_MESSAGE_BYTES  # more is no mistake to be looked at, and 400 of them are held

_log = logging.getLogger("hadir.sync.collector")


def run(settings: config.Config, *, stop: threading.Event, released: Released | None = None) -> None:
    """Take punches into the register until `stop` is set; returns within 2 s then.

    The sets `released` are by default those in the register. Raises RegisterError when the register can never be used
    as it is (damaged, of a newer Hadir, replaced under us); one that is only away is waited for. Raises LinkFailed for
    certificates that cannot be used, KeyRefused without the key that signs acknowledgements.
    """
    signer = keys.signer(keys.load_private(settings.centre.keys / f"{keys.COLLECTOR}.key"))
    link = Link(
        msgspec.structs.replace(settings.mqtt, in_flight=max(settings.mqtt.in_flight, _ANSWERS_UNDER_WAY)),
        client_id=settings.centre.collector,
        # What the broker kept for one of several that does not come back, the others would never be given.
        session_expiry_s=0 if settings.centre.shared else _SESSION_EXPIRY_S,
        hold_receipts=True,
        receive_maximum=_most_held(settings.centre),
        max_received_bytes=_MOST_RECEIVED_BYTES,
    )
    register = _open_register(settings.centre.register, stop)
    if register is None:
        return
    with register:
        released = released or Released(
            digests=lambda: current_digests(register), current=lambda office: current_release(register, office)
        )
        collector = Collector(settings, register=register, link=link, released=released, sign=signer.sign)
        link.start()
        try:
            tell("READY=1")
            while not stop.is_set():
                collector.turn(_TURN_S)
                tell("WATCHDOG=1")
        finally:
            tell("STOPPING=1")
            link.stop()
            collector.close()


class Collector:
    """What the collector holds between two turns. One thread."""

    def __init__(
        self,
        settings: config.Config,
        *,
        register: Register,
        link: Link,
        released: Released,
        sign: Callable[[bytes], bytes],
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings.centre
        self._register, self._link = register, link
        self._monotonic, self._now = monotonic, now
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._said: str | None = None
        self._batch = Batch()
        self._left_behind = False
        self._failures = 0
        self._retry_at = 0.0
        # Going out.
        self._admission = Admission(register, monotonic=monotonic)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="register")
        self._answers = Answers(sign=sign, monotonic=monotonic)
        self._clearing: set[str] = set()
        self._offers = Offers(released)
        self._unanswered: dict[int, float] = {}
        self._write_heads_if_due = heads.daily(settings, register)
        self._drop_pictures_if_due = pictures.hourly(settings, register)

    def close(self) -> None:
        """The threads that check signatures and write have ended."""
        self._writer.shutdown()
        self._admission.close()

    def turn(self, longest_s: float) -> None:
        """Wait for something to do, `longest_s` at most, and do it. Raises RegisterReplaced, and nothing else."""
        self._gather(self._patience(longest_s), most=self._settings.batch_rows)
        if self._batch and self._monotonic() >= self._commit_at():
            self._commit()
        elif not self._batch:
            self._look_who_is_approved()
        self._write_heads_if_due(self._now())
        self._drop_pictures_if_due(self._now())
        self._send_if_connected()

    def _gather(self, longest_s: float, *, most: int) -> None:
        """Wait for an event, `longest_s` at most, and take as many as there are until `most` entries are held."""
        event = self._link.next(longest_s)
        for left in reversed(range(_EVENTS_A_TURN)):
            if event is None:
                break
            self._handle(event)
            more = left and self._held() < most
            event = self._link.next(0) if more else None  # what is taken from the link must be handled

    def _patience(self, longest_s: float) -> float:
        now = self._monotonic()
        waits = [longest_s]
        if self._batch:
            waits.append(self._commit_at() - now)
        return max(0.0, min(waits))

    def _held(self) -> int:
        return len(self._batch)

    def _commit_at(self) -> float:
        full, began = self._held() >= self._settings.batch_rows, self._batch.began
        return max(self._retry_at, began if full else began + self._settings.batch_ms / 1000)

    def _handle(self, event: Event) -> None:
        match event:
            case Connected():
                _log.info("connected to the broker")
                self._said = None
                self._batch.receipts.clear()  # void with the connection they came over
                self._unanswered = dict.fromkeys(self._unanswered, self._monotonic())
                self._offers.begin_again()
                with suppress(LinkDown):
                    self._link.subscribe(self._event_filter(), terminal_topic("+", "+", "status"))
                self._remind()
            case Disconnected():
                if event.reason != self._said:
                    _log.warning("no connection to the broker: %s", event.reason)
                self._said = event.reason
            case Sent():
                self._unanswered.pop(event.mid, None)
                self._offers.answered(event.mid, ok=event.ok)
                if not event.ok:
                    _log.error("alarm broker_refuses: %s; see the broker's access rules", event.reason)
            case Received():
                self._hold(event)
            case _:
                assert_never(event)

    def _hold(self, received: Received) -> None:
        """Put a message into the batch, unless so many wait already that the broker had better keep it."""
        if max(self._held(), len(self._batch.receipts)) >= _most_held(self._settings):
            self._left_behind = True
            return
        if not self._batch:
            self._batch.began = self._monotonic()
        self._batch.receipts.append(received)
        at = self._now()
        try:
            found = inspect(received.topic, received.payload, retained=received.retained, at=at)
        except Exception as error:  # noqa: BLE001 - what one terminal sends must not stop the others
            _log.error("a message could not be looked at: %s", type(error).__name__)
            reason = f"could not be looked at: {type(error).__name__}"
            found = [Rejected(topic=received.topic, reason=reason, payload=received.payload, received_at=at)]
        self._admission.begin([each for each in found if isinstance(each, Arrival)])
        for each in found:
            self._batch.hold(received.topic, each)
            if isinstance(each, HeardStatus):
                if "ack_refused" in each.status.alarms:
                    # Perhaps something lies there that nobody signed, and is refused at every connect.
                    self._clearing.add(terminal_topic(each.status.office, each.status.terminal, "ack"))
            elif received.retained:
                self._clearing.add(received.topic)  # an entry is never retained, and poison must not stay

    def _event_filter(self) -> str:
        filter_ = terminal_topic("+", "+", "event")
        return f"$share/{SHARE_GROUP}/{filter_}" if self._settings.shared else filter_

    def _commit(self) -> None:
        """Commit the batch, then note the acknowledgements and let the broker forget it; or keep it for later.

        Meanwhile the next one is gathered, its signatures are checked, and what waits to be said is said.
        """
        batch, self._batch = self._batch, Batch()
        try:
            self._greet(self._admission.look())
            under_way = self._writer.submit(self._store, batch)
            while not wait([under_way], _GLANCE_S).done:
                # A batch that is tried again has grown meanwhile.
                room = min(_most_held(self._settings) - len(batch), self._settings.batch_rows)
                if self._held() < room:
                    self._gather(0, most=room)
                self._send_if_connected()
            admitted, rejected, added = under_way.result()
            for heard in batch.statuses.values():
                self._answers.ask(self._register, heard.status)
        except RegisterReplaced:
            raise  # to write on would be to lose; nothing of this batch is acknowledged
        except RegisterError as error:
            batch.take_over(self._batch)
            self._batch = batch
            self._keep_for_later(error)
            return
        if self._failures:
            _log.info("the register is back, nothing was lost")
        self._failures = 0
        for arrival, outcome in zip(admitted, added.outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                _log.error(
                    "alarm event_conflict: terminal %s epoch %s seq %d came with other bytes than before, or after "
                    "others than before; quarantined",
                    arrival.entry.terminal, arrival.entry.epoch, arrival.entry.seq,
                )  # fmt: skip
        if rejected:
            reasons = sorted({each.reason for each in rejected})
            _log.warning("rejected %d messages, such as: %r", len(rejected), reasons[0])
        self._answers.note(admitted, added.outcomes, added.reached)
        for received in batch.receipts:
            self._link.confirm(received)
        if self._left_behind:
            self._left_behind = False
            self._link.reconnect("messages wait at the broker since the register was away")

    def _store(self, batch: Batch) -> tuple[Sequence[Arrival], Sequence[Rejected], Added]:
        """Commit what may be taken of the batch and say what that was. Raises RegisterError. The writer's thread."""
        admitted = self._admission.check(list(batch.events.values()))
        rejected = [*batch.rejected.values(), *admitted.rejected]
        statuses = list(batch.statuses.values())
        added = take(
            self._register,
            events=admitted.arrivals,
            statuses=statuses,
            rejected=rejected,
            evidence_days=self._settings.evidence_days,
        )
        return admitted.arrivals, rejected, added

    def _look_who_is_approved(self) -> None:
        with suppress(RegisterError):  # it is looked at again before anything is taken
            self._greet(self._admission.look())

    def _greet(self, approved: list[tuple[str, str]]) -> None:
        if approved:
            self._answers.greet(self._register, approved)

    def _keep_for_later(self, error: RegisterError) -> None:
        rest_s = self._rng.uniform(0.5, 1) * min(_LONGEST_REST_S, 0.2 * 2.0 ** min(self._failures, 20))
        if self._failures == 0 or not isinstance(error, RegisterUnavailable):
            _log.error("nothing is acknowledged until the register works again: %s", error)
        self._failures += 1
        self._retry_at = self._monotonic() + rest_s

    def _remind(self) -> None:
        """Have every known kiosk told how far it is here, so that it sends at once what got lost while we were away."""
        try:
            self._answers.remind(self._register)
        except RegisterError as error:
            _log.warning("no kiosk is reminded: %s", error)

    def _send_if_connected(self) -> None:
        if self._link.connected:
            with suppress(LinkDown):
                self._send()

    def _send(self) -> None:
        """Send what may be under way: acknowledgements first, then encoding sets. Raises LinkDown."""
        while len(self._unanswered) < self._link.in_flight and (answer := self._answers.first()) is not None:
            self._unanswered[self._link.publish(*answer)] = self._monotonic()
            self._answers.sent()
        while len(self._unanswered) < self._link.in_flight and self._clearing:
            topic = self._clearing.pop()
            self._unanswered[self._link.publish(topic, b"", retain=True)] = self._monotonic()
        now = self._monotonic()
        for mid in self._offers.send(self._link, self._link.in_flight - len(self._unanswered), now):
            self._unanswered[mid] = now
        if self._unanswered and self._monotonic() - min(self._unanswered.values()) > _SILENCE_S:
            self._link.reconnect("the broker stopped answering")


def _most_held(centre: config.Centre) -> int:
    """Return how many messages may wait for a commit: the batch under way and the one behind it."""
    return 2 * centre.batch_rows


def _open_register(url: str, stop: threading.Event) -> Register | None:
    """Return the register, waiting for one that is away; None when told to stop meanwhile. Raises RegisterError."""
    rest_s = 0.5
    while not stop.is_set():
        try:
            return Register.open(url)
        except RegisterUnavailable as error:
            _log.error("waiting for the register: %s", error)
            stop.wait(rest_s)
            rest_s = min(_LONGEST_REST_S, rest_s * 2)
    return None
