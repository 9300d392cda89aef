"""Fakes with the real interface that complain when misused; they are shown to agree with it in test_fakes.py."""

import queue
import random
import threading
import time
from dataclasses import dataclass, field

import config
from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, LinkFailed, Received, Sent, Will


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A message given to FakeLink.publish."""

    mid: int
    topic: str
    payload: bytes
    retain: bool


@dataclass(slots=True)
class _State:
    """What the test thread and the owner both touch, under one condition."""

    published: list[Published] = field(default_factory=list)
    subscribed: list[tuple[str, ...]] = field(default_factory=list)
    confirmed: list[Received] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)
    unanswered: set[int] = field(default_factory=set)


class FakeLink(Link):
    """A Link without a broker. The test connects it, answers, delivers; the code under test is its owner.

    It complains (AssertionError) when used before start or after stop, by a second owner thread, with QoS the project
    does not use, or with topics MQTT forbids; and it raises LinkDown exactly when the real one does. With `answering`
    every message and subscription is answered at once, as a broker in good health would.
    """

    def __init__(
        self,
        settings: config.Mqtt | None = None,
        *,
        client_id: str = "fake",
        will: Will | None = None,
        session_expiry_s: int = 604_800,
        hold_receipts: bool = False,
        receive_maximum: int | None = None,
        max_received_bytes: int | None = None,
        rng: random.Random | None = None,
        answering: bool = True,
    ) -> None:
        self._settings = settings or config.Mqtt()
        self._in_flight = self._settings.in_flight
        self.client_id, self.will = client_id, will
        self.answering = answering
        self._hold_receipts = hold_receipts
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._state = _State()
        self._owner: int | None = None
        self._life = "new"
        self._is_up = False
        self._connections = 0
        self._mids = 0

    # --- Link's interface --------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._is_up

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @in_flight.setter
    def in_flight(self, allowed: int) -> None:
        """A broker that allows `allowed`; the real one has only the getter."""
        self._in_flight = allowed

    def start(self) -> None:
        assert self._life == "new", f"start() on a link that is {self._life}"
        self._life = "running"

    def stop(self) -> None:
        assert self._life == "running", f"stop() on a link that is {self._life}"
        self._life = "stopped"
        self._is_up = False

    def next(self, timeout_s: float) -> Event | None:
        self._own()
        assert timeout_s >= 0, "waiting for the past"
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def wake(self) -> None:
        self._queue.put(None)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> int:
        self._own()
        assert qos == 1, "everything of Hadir goes at QoS 1"
        assert isinstance(payload, bytes), "bytes cross the wire"
        assert not set("+#") & set(topic), "a message needs one topic, not a filter"
        if not self._is_up:
            raise LinkDown("no connection to the broker")
        if not topic:
            raise LinkFailed("MQTT cannot carry a message without a topic")
        with self._changed:
            self._mids += 1
            self._state.published.append(Published(mid=self._mids, topic=topic, payload=payload, retain=retain))
            self._state.unanswered.add(self._mids)
            if self.answering:
                self._answer(self._mids, "Success")
            self._changed.notify_all()
            return self._mids

    def subscribe(self, *filters: str) -> int:
        self._own()
        assert filters, "subscribe to something"
        if not self._is_up:
            raise LinkDown("no connection to the broker")
        with self._changed:
            self._mids += 1
            self._state.subscribed.append(filters)
            self._queue.put(Sent(mid=self._mids, ok=True, reason="Granted"))
            self._changed.notify_all()
            return self._mids

    def confirm(self, received: Received) -> None:
        self._own()
        assert self._hold_receipts, "this link confirms by itself"
        with self._changed:
            if received.connection != self._connections or not self._is_up:
                return
            assert received not in self._state.confirmed, "confirmed twice"
            self._state.confirmed.append(received)
            self._changed.notify_all()

    def reconnect(self, why: str) -> None:
        self._own()
        with self._changed:
            self._state.drops.append(why)
            self._changed.notify_all()

    def _own(self) -> None:
        assert self._life == "running", f"used while {self._life}"
        here = threading.get_ident()
        self._owner = self._owner or here
        assert self._owner == here, "a Link has one owner thread"

    # --- the test's side --------------------------------------------------------------------------------

    def connect(self, *, session_present: bool = False) -> None:
        """Let the broker take the owner in. Messages it had not answered go out again, as paho does, and no others."""
        assert self._life == "running", f"connecting a link that is {self._life}"
        assert not self._is_up, "connected already"
        self._connections += 1
        self._is_up = True
        self._queue.put(Connected(session_present=session_present))
        if self.answering:
            self.answer_all()

    def disconnect(self, reason: str = "the test pulled the cable") -> None:
        """Lose the connection."""
        self._is_up = False
        self._queue.put(Disconnected(reason=reason))

    def deliver(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Have a message arrive."""
        assert self._is_up, "nothing arrives without a connection"
        self._mids += 1
        self._queue.put(
            Received(
                topic=topic, payload=payload, retained=retained, mid=self._mids, qos=1, connection=self._connections
            )
        )

    def answer(self, mid: int, *, ok: bool = True, reason: str = "Success") -> None:
        """Have the broker answer message `mid`."""
        with self._changed:
            assert mid in self._state.unanswered, "answered already, or never sent"
            self._answer(mid, reason, ok=ok)

    def answer_all(self) -> None:
        """Have the broker answer everything it has not yet."""
        with self._changed:
            for mid in sorted(self._state.unanswered):
                self._answer(mid, "Success")

    def _answer(self, mid: int, reason: str, *, ok: bool = True) -> None:
        self._state.unanswered.discard(mid)
        self._queue.put(Sent(mid=mid, ok=ok, reason=reason))

    @property
    def published(self) -> list[Published]:
        with self._changed:
            return list(self._state.published)

    @property
    def subscribed(self) -> list[tuple[str, ...]]:
        return list(self._state.subscribed)

    @property
    def confirmed(self) -> list[Received]:
        with self._changed:
            return list(self._state.confirmed)

    @property
    def drops(self) -> list[str]:
        return list(self._state.drops)

    def on(self, topic: str) -> list[bytes]:
        """Return the payloads published on `topic` so far."""
        return [each.payload for each in self.published if each.topic == topic]

    def await_on(self, topic: str, count: int, timeout_s: float = 10) -> list[bytes]:
        """Wait until `count` messages were published on `topic`, and return them."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while len(found := [each.payload for each in self._state.published if each.topic == topic]) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"only {len(found)} of {count} messages on {topic}"
                self._changed.wait(left)
        return found
