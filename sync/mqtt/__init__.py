"""The way over MQTT 5: one Link is one connection that keeps coming back.

One thread owns a Link: it publishes, subscribes and takes events from `next`. A second thread, inside, does nothing but
move bytes and put events on one queue: paho holds its own lock while it calls back, so a callback that waits for a
lock of ours would stop both threads for ever (seen). Nothing raises out of that thread; a broker that refuses, a name
that is unknown, a certificate that is not trusted become `Disconnected` with words.

Here is what outlives a connection: the queue, the thread, the waits. `sync.mqtt.session` is the client, and paho.

paho itself reconnects without jitter, which makes 300 kiosks storm a broker that comes back; here the wait before
attempt n is U(0, min(300, 2^n)) seconds, but no longer than there was no connection (or 8 s), from the start again
after 60 s of a stable connection. Who lost the connection to another client with the same id stays away for longer.
Messages published and not yet confirmed by the broker are sent again by paho after a reconnect.
"""

import contextlib
import logging
import math
import queue
import random
import socket
import threading
import time

import config
from sync.mqtt.session import Session
from sync.wire import (
    TAKEOVER_FORGOTTEN_S,
    Connected,
    Disconnected,
    Event,
    LinkDown,
    LinkFailed,
    Received,
    Sent,
    Will,
    reconnect_wait,
    takeover_wait,
    words,
)

__all__ = ["Connected", "Disconnected", "Event", "Link", "LinkDown", "LinkFailed", "Received", "Sent", "Will"]

CONNECT_TIMEOUT_S = 8.0
STABLE_S = 60.0
SETTLED_S = 1.0
"""A connection this long ends an outage; a broker that throws us out at once is still away."""

_STOP_S = 1.5
_FLUSH_S = 0.5
_TURN_S = 0.5  # how late a silent broker may be noticed

_log = logging.getLogger("hadir.sync.mqtt")


class Link:
    """One connection to the broker that keeps coming back, owned by one thread."""

    def __init__(
        self,
        settings: config.Mqtt,
        *,
        client_id: str,
        will: Will | None = None,
        session_expiry_s: int = 604_800,
        hold_receipts: bool = False,
        receive_maximum: int | None = None,
        max_received_bytes: int | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Have a link that is not started yet. With `hold_receipts` the broker keeps each message until `confirm`.

        `receive_maximum` is how many unconfirmed messages the broker may have under way to us (default in_flight).
        With `max_received_bytes` the broker drops a larger message (topic and payload) instead of sending it to us.
        Raises LinkFailed when a certificate or key of `settings` cannot be used.
        """
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._woken = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._nudge: socket.socket | None = None
        self._drop = ""
        self._contested_at = -math.inf
        self._session = Session(
            settings,
            client_id=client_id,
            will=will,
            session_expiry_s=session_expiry_s,
            hold_receipts=hold_receipts,
            receive_maximum=receive_maximum,
            max_received_bytes=max_received_bytes,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            put=self._events.put,
            nudge=self._nudge_thread,
        )

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._session.up

    @property
    def in_flight(self) -> int:
        """How many messages may wait for the broker's answer at once, by the settings and by what the broker said."""
        return self._session.in_flight

    def start(self) -> None:
        """Begin connecting, and keep at it until `stop`; what happens comes out of `next`."""
        if self._thread is not None:
            raise LinkFailed("the link was started already")
        nudged, self._nudge = socket.socketpair()
        nudged.setblocking(False)
        self._nudge.setblocking(False)
        self._thread = threading.Thread(target=self._work, args=(nudged,), name="mqtt", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye, so that no last will is sent, and end the inner thread; waits 1.5 s at most."""
        self._stopping.set()
        self._nudge_thread()
        if self._thread is None:
            return
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            _log.warning("the broker at %s does not let go; leaving without a goodbye", self._session.address)

    def next(self, timeout_s: float) -> Event | None:
        """Return the next event, or None after `timeout_s` seconds or a `wake`."""
        try:
            event = self._events.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if event is None:
            self._woken = False
        return event

    def wake(self) -> None:
        """Have `next` return at once. The one method that any thread may call."""
        if not self._woken:
            self._woken = True
            self._events.put(None)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> int:
        """Return the number under which the broker's answer to this message will come, as `Sent`.

        Raises LinkDown without a connection: nothing is queued then. LinkFailed for a message MQTT cannot carry.
        """
        return self._session.publish(topic, payload, retain=retain, qos=qos)

    def subscribe(self, *filters: str) -> int:
        """Ask for the messages of `filters` at QoS 1 and return the number of the answer. Raises LinkDown.

        To be repeated at every `Connected`: a broker may have forgotten.
        """
        return self._session.subscribe(*filters)

    def confirm(self, received: Received) -> None:
        """Let the broker forget `received` (only with `hold_receipts`), in the order received.

        Nothing happens if the connection it came over is gone; the broker will send it again.
        """
        self._session.confirm(received)

    def reconnect(self, why: str) -> None:
        """Drop the connection, if there is one, and come back with the usual wait."""
        self._drop = why
        self._nudge_thread()

    def contested(self) -> None:
        """Take the next losses, for an hour, as another client's with our id: not every broker says why (mosquitto
        before 2.0.13 does not).
        """
        self._contested_at = time.monotonic()

    # --- the inner thread -------------------------------------------------------------------------------------------

    def _work(self, nudged: socket.socket) -> None:
        with nudged, self._nudge or nudged:
            self._keep_connected(nudged)

    def _keep_connected(self, nudged: socket.socket) -> None:
        attempt = 0
        lost_at = time.monotonic()
        taken_over_at: float | None = None
        while not self._stopping.is_set():
            self._drop = ""
            lasted_s = 0.0
            try:
                self._session.connect()
                lasted_s = self._carry(nudged)
            except OSError as error:
                self._session.reason = words(error, self._session.address)
            except UnicodeError:
                self._session.reason = f"the name in {self._session.address} cannot be one; see mqtt.host"
            except Exception as error:  # noqa: BLE001 - what a broker sends must not end this thread
                _log.warning("the connection to %s ended in %s: %s", self._session.address, type(error).__name__, error)
                self._session.reason = f"the broker at {self._session.address} sent something that was not understood"
            self._session.close()
            now = time.monotonic()
            fought_over = lasted_s > 0 and not self._drop and now < self._contested_at + TAKEOVER_FORGOTTEN_S
            taken_over = self._session.taken_over or fought_over
            self._events.put(
                Disconnected(reason=self._session.reason or "the connection was lost", taken_over=taken_over)
            )
            attempt = 0 if lasted_s >= STABLE_S else attempt
            lost_at = now if lasted_s >= SETTLED_S else lost_at
            if taken_over:
                since_last_s = None if taken_over_at is None else now - taken_over_at
                wait_s = takeover_wait(self._rng, since_last_s=since_last_s)
                taken_over_at = now
            else:
                wait_s = reconnect_wait(attempt, self._rng, away_s=now - lost_at)
                attempt += 1
            self._stopping.wait(wait_s)

    def _carry(self, nudged: socket.socket) -> float:
        """Move bytes until the connection ends; return for how many seconds it was up."""
        began = time.monotonic()
        up_since: float | None = None
        leaving_at: float | None = None
        while (stream := self._session.stream) is not None:
            now = time.monotonic()
            if self._session.up and up_since is None:
                up_since = now
            if not self._session.up and up_since is None and now - began > CONNECT_TIMEOUT_S:
                self._session.reason = f"the broker at {self._session.address} took the connection but did not answer"
                break
            if self._drop:
                self._session.reason = self._drop
                break
            if self._stopping.is_set() and leaving_at is None:
                leaving_at = now
                self._session.reason = "stopped"
                self._session.disconnect()
            if leaving_at is not None and now - leaving_at > _FLUSH_S:
                break
            self._session.turn(stream, nudged, _TURN_S if leaving_at is None else 0.05)
        return 0.0 if up_since is None else time.monotonic() - up_since

    def _nudge_thread(self) -> None:
        if self._nudge is not None:
            with contextlib.suppress(OSError):  # full: it is awake anyway; closed: it has ended
                self._nudge.send(b"\0")
