"""The centre's end of the way: messages in, checked, into the register, and only then the acknowledgement.

    collector.run(settings, stop=stop)

Messages gather until there are `centre.batch_rows` of them or the first is `centre.batch_ms` old; they are committed in
one transaction; then each (terminal, epoch) in them gets an Ack with how far it is whole. The broker keeps what is not
committed yet (its receipts are held back), so a collector killed between receipt and commit is given it again; and were
the broker to forget, the kiosk sends again what was not acknowledged. While the register is away nothing is
acknowledged, the collector stays up and tries again.

At every connect each known kiosk is told how far it is here, and the current encoding set of each office is published
again, since a broker may have lost both what was under way and what it retained.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import assert_never

import config
from sync.inspection import inspect
from sync.messages import MAX_MESSAGE_BYTES, Ack, encode, terminal_topic
from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, Received, Sent
from sync.notify import tell
from sync.offers import Offers, Released
from sync.register import Register, RegisterError, RegisterReplaced, RegisterUnavailable
from sync.register.arrivals import Arrival, Key, Outcome
from sync.register.events import all_heads
from sync.register.intake import take
from sync.register.refusals import Rejected
from sync.register.sets import current_digests, current_release
from sync.register.statuses import HeardStatus

CLIENT_ID = "hadir-collector"

_TURN_S = 1.0
_EVENTS_A_TURN = 1000  # a kiosk that never stops talking must not keep the others from their commit
_LONGEST_REST_S = 30.0
_SILENCE_S = 300.0  # a large set on a slow line takes its time
_MAX_EXTRA = 1000
_MOST_RECEIVED_BYTES = 4 * MAX_MESSAGE_BYTES  # more is no mistake to be looked at, and 400 of them are held

_log = logging.getLogger("hadir.sync.collector")


def run(settings: config.Config, *, stop: threading.Event, released: Released | None = None) -> None:
    """Take punches into the register until `stop` is set; returns within 2 s then.

    The sets `released` are by default those in the register. Raises RegisterError when the register can never be used
    as it is (damaged, of a newer Hadir, replaced under us); one that is only away is waited for. Raises LinkFailed for
    certificates that cannot be used.
    """
    link = Link(
        settings.mqtt,
        client_id=CLIENT_ID,
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
        collector = Collector(settings, register=register, link=link, released=released)
        link.start()
        try:
            tell("READY=1")
            while not stop.is_set():
                collector.turn(_TURN_S)
                tell("WATCHDOG=1")
        finally:
            tell("STOPPING=1")
            link.stop()


class Collector:
    """What the collector holds between two turns. One thread."""

    def __init__(
        self,
        settings: config.Config,
        *,
        register: Register,
        link: Link,
        released: Released,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings.centre
        self._register, self._link = register, link
        self._monotonic, self._now = monotonic, now
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._said: str | None = None
        # The batch. Events by topic and bytes: after a reconnect the broker gives again what it was not told of.
        self._events: dict[tuple[str, bytes], Arrival] = {}
        self._statuses: dict[str, HeardStatus] = {}
        self._rejected: dict[tuple[str, bytes], Rejected] = {}
        self._receipts: list[Received] = []
        self._began = 0.0
        self._left_behind = False
        self._failures = 0
        self._retry_at = 0.0
        # Going out.
        self._acks: dict[Key, Ack] = {}
        self._offers = Offers(released)
        self._unanswered: dict[int, float] = {}

    def turn(self, longest_s: float) -> None:
        """Wait for something to do, `longest_s` at most, and do it. Raises RegisterReplaced, and nothing else."""
        event = self._link.next(self._patience(longest_s))
        for left in reversed(range(_EVENTS_A_TURN)):
            if event is None:
                break
            self._handle(event)
            more = left and self._held() < self._settings.batch_rows
            event = self._link.next(0) if more else None  # what is taken from the link must be handled
        if self._held() and self._monotonic() >= self._commit_at():
            self._commit()
        if self._link.connected:
            with suppress(LinkDown):
                self._send()

    def _patience(self, longest_s: float) -> float:
        now = self._monotonic()
        waits = [longest_s]
        if self._held():
            waits.append(self._commit_at() - now)
        return max(0.0, min(waits))

    def _held(self) -> int:
        return len(self._events) + len(self._statuses) + len(self._rejected)

    def _commit_at(self) -> float:
        full = self._held() >= self._settings.batch_rows
        return max(self._retry_at, self._began if full else self._began + self._settings.batch_ms / 1000)

    def _handle(self, event: Event) -> None:
        match event:
            case Connected():
                _log.info("connected to the broker")
                self._said = None
                self._receipts.clear()  # void with the connection they came over
                self._unanswered = dict.fromkeys(self._unanswered, self._monotonic())
                self._offers.begin_again()
                with suppress(LinkDown):
                    self._link.subscribe(terminal_topic("+", "+", "event"), terminal_topic("+", "+", "status"))
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
        if max(self._held(), len(self._receipts)) >= _most_held(self._settings):
            self._left_behind = True
            return
        if not self._held():
            self._began = self._monotonic()
        self._receipts.append(received)
        at = self._now()
        try:
            found = inspect(received.topic, received.payload, retained=received.retained, at=at)
        except Exception as error:  # noqa: BLE001 - what one terminal sends must not stop the others
            _log.error("a message could not be looked at: %s", type(error).__name__)
            reason = f"could not be looked at: {type(error).__name__}"
            found = Rejected(topic=received.topic, reason=reason, payload=received.payload, received_at=at)
        match found:
            case Arrival():
                self._events.setdefault((received.topic, received.payload), found)
            case HeardStatus():
                self._statuses[received.topic] = found
            case Rejected():
                self._rejected.setdefault((received.topic, received.payload), found)
            case _:
                assert_never(found)

    def _commit(self) -> None:
        """Commit the batch, then note the acknowledgements and let the broker forget it; or keep it for later."""
        arrivals = list(self._events.values())
        try:
            added = take(
                self._register,
                events=arrivals,
                statuses=list(self._statuses.values()),
                rejected=list(self._rejected.values()),
            )
        except RegisterReplaced:
            raise  # to write on would be to lose; nothing of this batch is acknowledged
        except RegisterError as error:
            self._keep_for_later(error)
            return
        if self._failures:
            _log.info("the register is back, nothing was lost")
        self._failures = 0
        for arrival, outcome in zip(arrivals, added.outcomes, strict=True):
            if outcome is Outcome.CONFLICT:
                _log.error(
                    "alarm event_conflict: terminal %s epoch %s seq %d came with other bytes than before; quarantined",
                    arrival.event.terminal, arrival.event.epoch, arrival.event.seq,
                )  # fmt: skip
        if self._rejected:
            reasons = sorted({each.reason for each in self._rejected.values()})
            _log.warning("rejected %d messages, such as: %r", len(self._rejected), reasons[0])
        self._note_acks(arrivals, added.upto)
        self._events.clear()
        self._statuses.clear()
        self._rejected.clear()
        for received in self._receipts:
            self._link.confirm(received)
        self._receipts.clear()
        if self._left_behind:
            self._left_behind = False
            self._link.reconnect("messages wait at the broker since the register was away")

    def _keep_for_later(self, error: RegisterError) -> None:
        rest_s = self._rng.uniform(0.5, 1) * min(_LONGEST_REST_S, 0.2 * 2.0 ** min(self._failures, 20))
        if self._failures == 0 or not isinstance(error, RegisterUnavailable):
            _log.error("nothing is acknowledged until the register works again: %s", error)
        self._failures += 1
        self._retry_at = self._monotonic() + rest_s

    def _note_acks(self, arrivals: list[Arrival], upto: dict[Key, int]) -> None:
        """Have one acknowledgement for each (terminal, epoch) of the batch wait to be sent, joined with older ones."""
        beyond: dict[Key, set[int]] = {key: set() for key in upto}
        office: dict[Key, str] = {}
        for arrival in arrivals:
            key = (arrival.event.terminal, arrival.event.epoch)
            office[key] = arrival.event.office
            beyond[key].add(arrival.event.seq)
        for key, whole in upto.items():
            waiting = self._acks.pop(key, None)
            also = beyond[key] | set(waiting.extra if waiting else ())
            self._acks[key] = Ack(
                office=office[key],
                terminal=key[0],
                epoch=key[1],
                upto=whole,
                # What finds no place is sent again by the kiosk and acknowledged then.
                extra=tuple(sorted(seq for seq in also if seq > whole)[:_MAX_EXTRA]),
            )

    def _remind(self) -> None:
        """Have every known kiosk told how far it is here, so that it sends at once what got lost while we were away."""
        try:
            latest = {(head.office, head.terminal): head for head in all_heads(self._register)}
        except RegisterError as error:
            _log.warning("no kiosk is reminded: %s", error)
            return
        for head in latest.values():
            ack = Ack(office=head.office, terminal=head.terminal, epoch=head.epoch, upto=head.upto)
            self._acks.setdefault((head.terminal, head.epoch), ack)

    def _send(self) -> None:
        """Send what may be under way: acknowledgements first, then encoding sets. Raises LinkDown."""
        while self._acks and len(self._unanswered) < self._link.in_flight:
            key, ack = next(iter(self._acks.items()))
            self._unanswered[self._link.publish(ack.topic, encode(ack))] = self._monotonic()
            del self._acks[key]
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
