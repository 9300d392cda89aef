"""The way over MQTT 5: one Link is one connection that keeps coming back. The only importer of paho.

One thread owns a Link: it publishes, subscribes and takes events from `next`. A second thread, inside, does nothing but
move bytes and put events on one queue: paho holds its own lock while it calls back, so a callback that waits for a
lock of ours would stop both threads for ever (seen). Nothing raises out of that thread; a broker that refuses, a name
that is unknown, a certificate that is not trusted become `Disconnected` with words.

paho itself reconnects without jitter, which makes 300 kiosks storm a broker that comes back; here the wait before
attempt n is U(0, min(300, 2^n)) seconds, from the start again after 60 s of a stable connection. Messages published
and not yet confirmed by the broker are sent again by paho after a reconnect.
"""

import contextlib
import logging
import queue
import random
import select
import socket
import ssl
import threading
import time
from typing import Any

from paho.mqtt.client import MQTT_LOG_ERR, Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

import config
from sync.wire import (
    Connected,
    Disconnected,
    Event,
    LinkDown,
    LinkFailed,
    Received,
    Sent,
    Will,
    reconnect_wait,
    refusal,
    tls_context,
    words,
)

__all__ = ["Connected", "Disconnected", "Event", "Link", "LinkDown", "LinkFailed", "Received", "Sent", "Will"]

CONNECT_TIMEOUT_S = 8.0
STABLE_S = 60.0

_STOP_S = 1.5
_FLUSH_S = 0.5
_TURN_S = 1.0
_LARGEST_PACKET = 268_435_460  # MQTT 5, 2.1.4: a remaining length of 268,435,455 behind a header of 5 bytes
_PACKET_EXTRA = 64  # what a packet holds beside topic and payload: header, lengths, number, a few properties

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
        self._settings = settings
        # How many messages may wait for the broker's answer at once, by the settings and by what the broker said.
        self.in_flight = settings.in_flight
        self._hold_receipts = hold_receipts
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._woken = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._nudge: socket.socket | None = None
        # Written by the inner thread, read by the owner.
        self._up = False
        self._connection = 0
        self._broker_takes_bytes = _LARGEST_PACKET
        # Known to the inner thread only, but for _drop, which the owner sets.
        self._reason = ""
        self._complaint = ""
        self._drop = ""
        self._client = self._new_client(client_id, will)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_expiry_s
        properties.ReceiveMaximum = min(receive_maximum or settings.in_flight, 65_535)
        if max_received_bytes is not None:
            properties.MaximumPacketSize = max_received_bytes + _PACKET_EXTRA
        self._client.connect_async(
            settings.host, settings.port, keepalive=settings.keepalive_s, clean_start=False, properties=properties
        )

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._up

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
            _log.warning("the broker at %s does not let go; leaving without a goodbye", self._address)

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
        if not self._up:
            raise LinkDown("no connection to the broker")
        if not topic:
            raise LinkFailed("MQTT cannot carry a message without a topic")
        # The broker would end the connection, paho would send the message again at the next one, and so for ever.
        if len(topic.encode()) + len(payload) + _PACKET_EXTRA > self._broker_takes_bytes:
            raise LinkFailed(
                f"this message of {len(payload)} bytes is larger than the broker takes ({self._broker_takes_bytes}); "
                "see its max_packet_size"
            )
        try:
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
        except (ValueError, OverflowError) as error:
            raise LinkFailed(f"MQTT cannot carry this message: {error}") from error
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise LinkDown("too many messages wait for the broker")
        self._nudge_thread()
        return int(info.mid)

    def subscribe(self, *filters: str) -> int:
        """Ask for the messages of `filters` at QoS 1 and return the number of the answer. Raises LinkDown.

        To be repeated at every `Connected`: a broker may have forgotten.
        """
        if not self._up:
            raise LinkDown("no connection to the broker")
        code, mid = self._client.subscribe([(each, SubscribeOptions(qos=1)) for each in filters])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown("no connection to the broker")
        self._nudge_thread()
        return mid

    def confirm(self, received: Received) -> None:
        """Let the broker forget `received` (only with `hold_receipts`), in the order received.

        Nothing happens if the connection it came over is gone; the broker will send it again.
        """
        if not self._hold_receipts:
            raise LinkFailed("this link confirms by itself")
        if self._up and received.connection == self._connection and received.qos > 0:
            self._client.ack(received.mid, received.qos)
            self._nudge_thread()

    def reconnect(self, why: str) -> None:
        """Drop the connection, if there is one, and come back with the usual wait."""
        self._drop = why
        self._nudge_thread()

    @property
    def _address(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _new_client(self, client_id: str, will: Will | None) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._hold_receipts,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(settings.in_flight)
        client.max_queued_messages_set(0)
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        if settings.tls_ca:
            client.tls_set_context(tls_context(settings))
        if will is not None:
            delay = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            delay.WillDelayInterval = will.delay_s
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain, properties=delay)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = self._on_socket_open
        client.on_log = self._on_log
        # With this set, paho never writes to the socket from the thread that publishes.
        client.on_socket_register_write = self._on_socket_wants_write
        return client

    # --- the inner thread -------------------------------------------------------------------------------------------

    def _work(self, nudged: socket.socket) -> None:
        with nudged, self._nudge or nudged:
            self._keep_connected(nudged)

    def _keep_connected(self, nudged: socket.socket) -> None:
        attempt = 0
        while not self._stopping.is_set():
            self._reason = self._complaint = self._drop = ""
            lasted_s = 0.0
            try:
                self._client.reconnect()
                lasted_s = self._carry(nudged)
            except OSError as error:
                self._reason = words(error, self._address)
            except UnicodeError:
                self._reason = f"the name in {self._address} cannot be one; see mqtt.host"
            except Exception as error:  # noqa: BLE001 - what a broker sends must not end this thread
                _log.warning("the connection to %s ended in %s: %s", self._address, type(error).__name__, error)
                self._reason = f"the broker at {self._address} sent something that was not understood"
            self._up = False
            self._close_socket()
            self._events.put(Disconnected(reason=self._reason or "the connection was lost"))
            attempt = 0 if lasted_s >= STABLE_S else attempt
            self._stopping.wait(reconnect_wait(attempt, self._rng))
            attempt += 1

    def _carry(self, nudged: socket.socket) -> float:
        """Move bytes until the connection ends; return for how many seconds it was up."""
        began = time.monotonic()
        up_since: float | None = None
        leaving_at: float | None = None
        while (stream := self._client.socket()) is not None:
            now = time.monotonic()
            if self._up and up_since is None:
                up_since = now
            if not self._up and up_since is None and now - began > CONNECT_TIMEOUT_S:
                self._reason = f"the broker at {self._address} took the connection but did not answer"
                break
            if self._drop:
                self._reason = self._drop
                break
            if self._stopping.is_set() and leaving_at is None:
                leaving_at = now
                self._reason = "stopped"
                self._client.disconnect()
            if leaving_at is not None and now - leaving_at > _FLUSH_S:
                break
            self._turn(stream, nudged, _TURN_S if leaving_at is None else 0.05)
        return 0.0 if up_since is None else time.monotonic() - up_since

    def _turn(self, stream: Any, nudged: socket.socket, timeout_s: float) -> None:
        poll = select.poll()
        poll.register(stream, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        poll.register(nudged, select.POLLIN)
        # TLS may hold decrypted bytes that the kernel knows nothing of.
        held = bool(stream.pending()) if isinstance(stream, ssl.SSLSocket) else False
        ready = dict(poll.poll(0 if held else int(timeout_s * 1000)))
        if nudged.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                while nudged.recv(4096):
                    pass
        if held or ready.get(stream.fileno(), 0) & ~select.POLLOUT:
            self._client.loop_read()
        if self._client.socket() is not None and self._client.want_write():
            self._client.loop_write()
        if self._client.socket() is not None:
            self._client.loop_misc()

    def _close_socket(self) -> None:
        stream = self._client.socket()
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _nudge_thread(self) -> None:
        if self._nudge is not None:
            with contextlib.suppress(OSError):  # full: it is awake anyway; closed: it has ended
                self._nudge.send(b"\0")

    # --- called by paho, on the inner thread, sometimes under its lock: only put ----------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._reason = f"the broker at {self._address} refused: {refusal(reason.getName())}"
            return
        # paho neither reads this nor lets its own limit be changed now, so the owner keeps to it.
        allowed = getattr(properties, "ReceiveMaximum", None) or self._settings.in_flight
        self.in_flight = min(self._settings.in_flight, int(allowed))
        self._broker_takes_bytes = int(getattr(properties, "MaximumPacketSize", None) or _LARGEST_PACKET)
        self._connection += 1
        self._up = True
        self._events.put(Connected(session_present=flags.session_present))

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self._up = False
        if self._reason:
            return
        if flags.is_disconnect_packet_from_server:
            self._reason = f"the broker at {self._address} ended the connection: {refusal(reason.getName())}"
        else:
            how = self._complaint or ("the other side closed it" if reason == "Unspecified error" else str(reason))
            self._reason = f"the connection to {self._address} was lost: {how}"

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("a message with a topic that is not UTF-8 was passed over")
            return
        self._events.put(
            Received(
                topic=topic,
                payload=bytes(message.payload),
                retained=bool(message.retain),
                mid=message.mid,
                qos=message.qos,
                connection=self._connection,
            )
        )

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        self._events.put(Sent(mid=mid, ok=not reason.is_failure, reason=str(reason)))

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self._events.put(Sent(mid=mid, ok=not refused, reason=", ".join(refused) or "Granted"))

    def _on_socket_open(self, _client: Client, _data: object, stream: Any) -> None:
        with contextlib.suppress(OSError):  # not every socket is TCP
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A half-open connection is noticed at 1.5 keepalives instead of 2: the ping must be taken within half.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._settings.keepalive_s * 500)

    def _on_socket_wants_write(self, _client: Client, _data: object, _stream: object) -> None:
        self._nudge_thread()

    def _on_log(self, _client: Client, _data: object, level: int, text: str) -> None:
        if level == MQTT_LOG_ERR:
            self._complaint = text
