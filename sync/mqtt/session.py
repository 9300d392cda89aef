"""One client of the broker over all its connections: the only importer of paho, which moves the bytes.

The owner of the link publishes, subscribes and confirms; everything else belongs to the thread that carries. paho calls
the `_on_...` on that thread, sometimes under its lock: they note and put, and never wait.
"""

import contextlib
import io
import logging
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import MQTT_LOG_ERR, Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

import config
from sync.turns import rest
from sync.wire import TAKEN_OVER, Connected, Event, LinkDown, LinkFailed, Received, Sent, Will, refusal, tls_context

_LARGEST_PACKET = 268_435_460  # MQTT 5, 2.1.4: a remaining length of 268,435,455 behind a header of 5 bytes
_PING_AFTER = 0.7  # keepalives without a word; paho waits as long again for the answer, and 1.5 is what is promised
_PACKET_EXTRA = 64  # what a packet holds beside topic and payload: header, lengths, number, a few properties

_MOST_PROPERTIES = 4096  # bytes; nobody here sends any
_LARGE_BYTES = 4 * 2**20
_PART_BYTES = 2**20

_log = logging.getLogger("hadir.sync.mqtt")


class _Client(Client):
    """paho's client, which passes over a message with more properties than anybody needs.

    paho copies the rest of the packet for each of them: 100,000 keep it busy for minutes, the broker gives it up, and
    gives the message again at the next connection, for ever.

    It also copies a payload four times, and holds Python's lock all the while: half a second for the largest encoding
    set. While a message is handled that is large, `large_payload` has what paho was not given.
    """

    large_payload: bytes | None = None

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        qos, mid, properties, payload_at = _layout_of(int(self._in_packet["command"]), packet)
        if properties > _MOST_PROPERTIES:
            _log.warning("a message with %d bytes of properties was passed over", properties)
            return self._send_puback(mid) if qos == 1 else MQTTErrorCode.MQTT_ERR_SUCCESS
        if len(packet) - payload_at < _LARGE_BYTES:
            return super()._handle_publish()
        self._in_packet["packet"] = packet[:payload_at]
        self.large_payload = _copied_in_parts(memoryview(packet)[payload_at:])
        try:
            return super()._handle_publish()
        finally:
            self.large_payload = None


def _copied_in_parts(content: memoryview) -> bytes:
    """Return `content` as bytes, copied so that other threads have their turn."""
    whole = io.BytesIO(bytes(len(content)))  # memory of that size, which is given out again below and not copied
    for at in range(0, len(content), _PART_BYTES):
        whole.write(content[at : at + _PART_BYTES])
        rest()
    return whole.getvalue()


def _layout_of(command: int, packet: bytes | bytearray) -> tuple[int, int, int, int]:
    """Return QoS, packet number (0 without), length of the properties and start of the payload of a PUBLISH.

    MQTT 5, 3.3.1 to 3.3.3.
    """
    qos, at = (command & 0b110) >> 1, 2 + int.from_bytes(packet[:2])
    mid = int.from_bytes(packet[at : at + 2]) if qos else 0
    at += 2 if qos else 0
    length = 0
    for place, sign in enumerate(packet[at : at + 4]):
        length |= (sign & 127) << (7 * place)
        if sign < 128:
            at += place + 1
            break
    return qos, mid, length, at + length


class Session:
    """One client id at the broker, connected now or not. `put` takes what happens, `nudge` ends a `turn` early.

    `reason` is why the last connection ended or failed, empty while nobody knows; `taken_over` whether it ended because
    another client came with our id.
    """

    def __init__(
        self,
        settings: config.Mqtt,
        *,
        client_id: str,
        will: Will | None,
        session_expiry_s: int,
        hold_receipts: bool,
        receive_maximum: int | None,
        max_received_bytes: int | None,
        connect_timeout_s: float,
        put: Callable[[Event], None],
        nudge: Callable[[], None],
    ) -> None:
        """Have a client that has never connected. Raises LinkFailed when a certificate or key cannot be used."""
        self.address = f"{settings.host}:{settings.port}"
        self._settings = settings
        self._hold_receipts = hold_receipts
        self._put, self._nudge = put, nudge
        # Written by the thread that carries, read by the owner.
        self.up = False
        self.in_flight = settings.in_flight
        self._connection = 0
        self._broker_takes_bytes = _LARGEST_PACKET
        # Known to the thread that carries only.
        self.reason = ""
        self.taken_over = False
        self._complaint = ""
        self._client = self._new_client(client_id, will, connect_timeout_s)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_expiry_s
        properties.ReceiveMaximum = min(receive_maximum or settings.in_flight, 65_535)
        if max_received_bytes is not None:
            properties.MaximumPacketSize = max_received_bytes + _PACKET_EXTRA
        self._client.connect_async(
            settings.host,
            settings.port,
            keepalive=max(1, int(settings.keepalive_s * _PING_AFTER)),
            clean_start=False,
            properties=properties,
        )

    # --- the owner ----------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, retain: bool, qos: int) -> int:
        """Do what Link.publish says."""
        if not self.up:
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
        self._nudge()
        return int(info.mid)

    def subscribe(self, *filters: str) -> int:
        """Do what Link.subscribe says."""
        if not self.up:
            raise LinkDown("no connection to the broker")
        code, mid = self._client.subscribe([(each, SubscribeOptions(qos=1)) for each in filters])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown("no connection to the broker")
        self._nudge()
        return mid

    def confirm(self, received: Received) -> None:
        """Do what Link.confirm says."""
        if not self._hold_receipts:
            raise LinkFailed("this link confirms by itself")
        if self.up and received.connection == self._connection and received.qos > 0:
            self._client.ack(received.mid, received.qos)
            self._nudge()

    # --- the thread that carries --------------------------------------------------------------------------------------

    @property
    def stream(self) -> Any:
        """The socket of the connection, None without one."""
        return self._client.socket()

    def connect(self) -> None:
        """Have a connection on which the broker was asked to take us in. Raises OSError and whatever else paho does."""
        self.reason = self._complaint = ""
        self.taken_over = False
        self._client.reconnect()

    def turn(self, stream: Any, nudged: socket.socket, timeout_s: float) -> None:
        """Move what bytes there are, after waiting for them or for something at `nudged`, which is then emptied."""
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

    def disconnect(self) -> None:
        """Have a goodbye on its way to the broker, so that it sends no last will."""
        self._client.disconnect()

    def close(self) -> None:
        """Have no connection, whatever state it was in."""
        self.up = False
        stream = self._client.socket()
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _new_client(self, client_id: str, will: Will | None, connect_timeout_s: float) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._hold_receipts,
        )
        client.connect_timeout = connect_timeout_s
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

    # --- called by paho: only put -------------------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.reason = f"the broker at {self.address} refused: {refusal(reason.getName())}"
            return
        # paho neither reads this nor lets its own limit be changed now, so the owner keeps to it.
        allowed = getattr(properties, "ReceiveMaximum", None) or self._settings.in_flight
        self.in_flight = min(self._settings.in_flight, int(allowed))
        self._broker_takes_bytes = int(getattr(properties, "MaximumPacketSize", None) or _LARGEST_PACKET)
        self._connection += 1
        self.up = True
        self._put(Connected(session_present=flags.session_present))

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self.up = False
        if self.reason:
            return
        if flags.is_disconnect_packet_from_server:
            self.taken_over = reason == TAKEN_OVER
            self.reason = f"the broker at {self.address} ended the connection: {refusal(reason.getName())}"
        else:
            how = self._complaint or ("the other side closed it" if reason == "Unspecified error" else str(reason))
            self.reason = f"the connection to {self.address} was lost: {how}"

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("a message with a topic that is not UTF-8 was passed over")
            return
        self._put(
            Received(
                topic=topic,
                payload=self._client.large_payload or bytes(message.payload),
                retained=bool(message.retain),
                mid=message.mid,
                qos=message.qos,
                connection=self._connection,
            )
        )

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        self._put(Sent(mid=mid, ok=not reason.is_failure, reason=str(reason)))

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self._put(Sent(mid=mid, ok=not refused, reason=", ".join(refused) or "Granted"))

    def _on_socket_open(self, _client: Client, _data: object, stream: Any) -> None:
        with contextlib.suppress(OSError):  # not every socket is TCP
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Whatever was sent, the ping too, must be taken by the other side within half a keepalive.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._settings.keepalive_s * 500)

    def _on_socket_wants_write(self, _client: Client, _data: object, _stream: object) -> None:
        self._nudge()

    def _on_log(self, _client: Client, _data: object, level: int, text: str) -> None:
        if level == MQTT_LOG_ERR:
            self._complaint = text
