"""A broker in memory and links to it that never wait: QoS 1 as MQTT 5 has it, and every misfortune on request.

Nothing moves by itself. A client's message lies with the client until `carry`, as paho keeps it, and goes again after
a reconnect until it was answered; what the broker holds for a client waits in its session and is given again until it
was confirmed. `wipe` is a broker killed that keeps nothing, `shuffle` and `replay` are what QoS 1 permits.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, Received, Sent, Will


def matches(filter_: str, topic: str) -> bool:
    """Whether a subscription to `filter_` is given messages on `topic`; "#" is not used here."""
    wanted, given = filter_.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(want in ("+", got) for want, got in zip(wanted, given, strict=True))


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody published."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(slots=True)
class _Session:
    filters: set[str] = field(default_factory=set)
    queue: deque[Message] = field(default_factory=deque)


class TinyLink(Link):
    """A Link to a TinyBroker, owned by the test's one thread."""

    def __init__(self, broker: "TinyBroker", client_id: str, *, will: Will | None, hold_receipts: bool) -> None:
        self._broker, self.client_id, self.will, self._hold = broker, client_id, will, hold_receipts
        self.events: deque[Event] = deque()
        self.unanswered: dict[int, Message] = {}
        self.upstream: deque[int] = deque()
        self.held: dict[int, Message] = {}
        self.connection = 0
        self.up = False
        self.crash_at = ""
        """Set to "confirm" or "publish": the next such call raises Crash, as if the process died there."""
        self.wants_connection = False
        self._mids = count(1)

    @property
    def connected(self) -> bool:
        return self.up

    @property
    def in_flight(self) -> int:
        return 20

    def start(self) -> None:
        self.wants_connection = True
        self._broker.links.append(self)

    def stop(self) -> None:
        self.wants_connection = False
        self._broker.disconnect(self, "stopped", with_will=False)

    def next(self, timeout_s: float) -> Event | None:
        return self.events.popleft() if self.events else None

    def wake(self) -> None:
        """Nobody waits here."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> int:
        self._crash("publish")
        if not self.up:
            raise LinkDown("no connection to the broker")
        mid = next(self._mids)
        self.unanswered[mid] = Message(topic, payload, retain)
        self.upstream.append(mid)
        return mid

    def subscribe(self, *filters: str) -> int:
        if not self.up:
            raise LinkDown("no connection to the broker")
        mid = next(self._mids)
        self._broker.subscribed(self, filters)
        self.events.append(Sent(mid=mid, ok=True, reason="Granted"))
        return mid

    def confirm(self, received: Received) -> None:
        self._crash("confirm")
        assert self._hold
        if self.up and received.connection == self.connection:
            self.held.pop(received.mid)

    def reconnect(self, why: str) -> None:
        self._broker.disconnect(self, why)

    def give(self, message: Message, *, retained: bool = False) -> None:
        """Have the message among the events; it is the broker's still if receipts are held back."""
        mid = next(self._mids)
        if self._hold:
            self.held[mid] = message
        self.events.append(
            Received(
                topic=message.topic,
                payload=message.payload,
                retained=retained,
                mid=mid,
                qos=1,
                connection=self.connection,
            )
        )

    def _crash(self, where: str) -> None:
        if self.crash_at == where:
            raise Crash


class Crash(BaseException):
    """The process died here: nothing of it may catch this."""


class TinyBroker:
    """The broker. `network` is whether anybody can reach it; `denies` are topics nobody may write."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.links: list[TinyLink] = []
        self.sessions: dict[str, _Session] = {}
        self.retained: dict[str, bytes] = {}
        self.denies: set[str] = set()
        self.network = True
        self.history: list[Message] = []

    def link(self, client_id: str, *, will: Will | None = None, hold_receipts: bool = False) -> TinyLink:
        return TinyLink(self, client_id, will=will, hold_receipts=hold_receipts)

    # --- connections --------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Nobody reaches the broker any more."""
        self.network = False
        for link in list(self.links):
            self.disconnect(link, "the cable was pulled")

    def disconnect(self, link: TinyLink, reason: str, *, with_will: bool = True) -> None:
        """The connection is gone; what was not confirmed waits in the session again."""
        if not link.up:
            return
        link.up = False
        link.upstream.clear()
        session = self.sessions[link.client_id]
        session.queue.extendleft(reversed(link.held.values()))
        link.held.clear()
        link.events.append(Disconnected(reason=reason))
        if with_will and link.will is not None:
            self.accept(Message(link.will.topic, link.will.payload, link.will.retain))

    def leave(self, link: TinyLink) -> None:
        """The client's process died, and everything it held with it."""
        self.disconnect(link, "killed")
        self.links.remove(link)

    def wipe(self) -> None:
        """The broker is killed and begins anew with nothing."""
        for link in self.links:
            self.disconnect(link, "the broker died", with_will=False)
        self.sessions.clear()
        self.retained.clear()

    def _connect(self, link: TinyLink) -> None:
        present = link.client_id in self.sessions
        self.sessions.setdefault(link.client_id, _Session())
        link.up = True
        link.connection += 1
        link.upstream = deque(sorted(link.unanswered))
        link.events.append(Connected(session_present=present))

    def subscribed(self, link: TinyLink, filters: tuple[str, ...]) -> None:
        self.sessions[link.client_id].filters |= set(filters)
        for topic, payload in self.retained.items():
            if any(matches(each, topic) for each in filters):
                link.give(Message(topic, payload), retained=True)

    # --- messages -----------------------------------------------------------------------------------------------------

    def carry(self, most: int = 1_000_000) -> bool:
        """Connect who wants to be; move up to `most` messages each way for each; return whether anything moved."""
        moved = False
        for link in list(self.links):
            if self.network and link.wants_connection and not link.up:
                self._connect(link)
                moved = True
            for _ in range(min(most, len(link.upstream))):
                self._take(link, link.upstream.popleft())
                moved = True
            queue = self.sessions[link.client_id].queue if link.up else ()
            for _ in range(min(most, len(queue))):
                link.give(queue.popleft())  # type: ignore[union-attr]
                moved = True
        return moved

    def _take(self, link: TinyLink, mid: int) -> None:
        message = link.unanswered.pop(mid)
        if message.topic in self.denies:
            link.events.append(Sent(mid=mid, ok=False, reason="Not authorized"))
            return
        self.accept(message)
        link.events.append(Sent(mid=mid, ok=True, reason="Success"))

    def accept(self, message: Message) -> None:
        """Have the message with everyone who subscribed to its topic."""
        if message.retain:
            self.retained.pop(message.topic, None)
            if message.payload:
                self.retained[message.topic] = message.payload
        self.history.append(message)
        for session in self.sessions.values():
            if any(matches(each, message.topic) for each in session.filters):
                session.queue.append(message)

    def drop_queues(self) -> None:
        """Whatever waited for somebody is thrown away, as a broker does that is full."""
        for session in self.sessions.values():
            session.queue.clear()

    def shuffle(self) -> None:
        """What waits comes in any order."""
        for session in self.sessions.values():
            waiting = list(session.queue)
            self._rng.shuffle(waiting)
            session.queue = deque(waiting)

    def replay(self, most: int) -> None:
        """Some of what was ever published comes once more, from whoever kept a copy."""
        for message in self._rng.sample(self.history, min(most, len(self.history))):
            self.accept(message)
