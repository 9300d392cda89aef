"""The link: comes back with jitter, says in words why not, never stops its owner, never raises from inside."""

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

import config
import sync.mqtt
from demo import broker
from sync.mqtt import Connected, Disconnected, Event, Link, LinkDown, LinkFailed, Received, Sent, Will
from sync.wire import reconnect_wait

E = TypeVar("E", bound=Event)
DEADLINE_S = 15.0


class Hasty(random.Random):
    """Reconnects at once and keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append(b)
        return 0.02


@contextmanager
def running(settings: config.Mqtt, client_id: str, **more: object) -> Iterator[Link]:
    link = Link(settings, client_id=client_id, rng=Hasty(), **more)  # type: ignore[arg-type]
    link.start()
    try:
        yield link
    finally:
        link.stop()


def await_event(link: Link, kind: type[E], matching: Callable[[E], bool] = lambda _: True) -> E:
    """Return the next event of `kind` that matches; others on the way are passed over."""
    deadline = time.monotonic() + DEADLINE_S
    seen = []
    while (left := deadline - time.monotonic()) > 0:
        event = link.next(left)
        if isinstance(event, kind) and matching(event):
            return event
        seen.append(event)
    pytest.fail(f"no {kind.__name__} came, only {seen[-5:]}")


def subscribed(link: Link, *filters: str) -> None:
    await_event(link, Connected)
    mid = link.subscribe(*filters)
    answer = await_event(link, Sent, lambda sent: sent.mid == mid)
    assert answer.ok


def test_a_message_arrives_and_the_broker_says_it_took_it(any_broker: config.Mqtt) -> None:
    with running(any_broker, "listener") as listener, running(any_broker, "speaker") as speaker:
        subscribed(listener, "hadir/v1/+/+/event")
        await_event(speaker, Connected)
        mid = speaker.publish("hadir/v1/demo/lobby-1/event", b"\x00\xffhello")
        assert await_event(speaker, Sent, lambda sent: sent.mid == mid).ok
        received = await_event(listener, Received)
    assert (received.topic, received.payload, received.retained) == (
        "hadir/v1/demo/lobby-1/event",
        b"\x00\xffhello",
        False,
    )


@pytest.mark.parametrize("size", [3 * 2**20, 9 * 2**20 + 1])
def test_a_large_retained_message_waits_for_who_comes_later(any_broker: config.Mqtt, size: int) -> None:
    blob = random.Random(7).randbytes(size)
    with running(any_broker, "speaker") as speaker:
        await_event(speaker, Connected)
        mid = speaker.publish("hadir/v1/demo/gallery/set", blob, retain=True)
        await_event(speaker, Sent, lambda sent: sent.mid == mid)
    with running(any_broker, "listener") as listener:
        subscribed(listener, "hadir/v1/demo/gallery/set")
        received = await_event(listener, Received)
        # ... and the next one is whole, too
        listener.publish("hadir/v1/demo/gallery/set", b"small", retain=True)
        after = await_event(listener, Received)
    assert received.retained
    assert type(received.payload) is bytes
    assert received.payload == blob
    assert after.payload == b"small"


def test_a_session_keeps_messages_for_who_was_away(any_broker: config.Mqtt) -> None:
    with running(any_broker, "listener") as listener:
        subscribed(listener, "topic/a")
    with running(any_broker, "speaker") as speaker:
        await_event(speaker, Connected)
        mid = speaker.publish("topic/a", b"while you were out")
        await_event(speaker, Sent, lambda sent: sent.mid == mid)
    with running(any_broker, "listener") as listener:
        assert await_event(listener, Connected).session_present
        assert await_event(listener, Received).payload == b"while you were out"


def test_a_held_message_comes_again_until_it_is_confirmed(any_broker: config.Mqtt) -> None:
    with running(any_broker, "collector", hold_receipts=True) as listener, running(any_broker, "speaker") as speaker:
        subscribed(listener, "topic/a")
        await_event(speaker, Connected)
        speaker.publish("topic/a", b"one")
        speaker.publish("topic/a", b"two")
        first = await_event(listener, Received)
        await_event(listener, Received)
        listener.confirm(first)
        listener.reconnect("as if the network had failed")
        await_event(listener, Connected)
        listener.confirm(first)  # of the old connection: must do nothing
        assert await_event(listener, Received).payload == b"two"


def test_a_lost_connection_sends_the_last_will_and_a_goodbye_does_not(any_broker: config.Mqtt) -> None:
    will = Will(topic="hadir/v1/demo/lobby-1/status", payload=b"offline")
    with running(any_broker, "watcher") as watcher:
        subscribed(watcher, "hadir/v1/+/+/status")
        with running(any_broker, "lobby-1", will=will) as kiosk:
            await_event(kiosk, Connected)
            kiosk.reconnect("as if the cable was pulled")
            assert await_event(watcher, Received).payload == b"offline"
            await_event(kiosk, Connected)
        # A goodbye: the next thing the watcher hears is somebody else.
        with running(any_broker, "other") as other:
            await_event(other, Connected)
            other.publish("hadir/v1/demo/lobby-2/status", b"online")
            assert await_event(watcher, Received).payload == b"online"
    with running(any_broker, "late") as late:
        subscribed(late, "hadir/v1/demo/lobby-1/status")
        left = await_event(late, Received)
    assert (left.payload, left.retained) == (b"offline", True)


def test_nobody_listening_is_said_and_tried_again_until_somebody_does() -> None:
    port = broker.free_port()
    with running(config.Mqtt(port=port), "kiosk") as link:
        for _ in range(3):
            assert "is the broker running" in await_event(link, Disconnected).reason
        with pytest.raises(LinkDown):
            link.publish("topic/a", b"x")
        with broker.embedded(port):
            await_event(link, Connected)
        await_event(link, Disconnected)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("no-such-host.invalid", "the name in no-such-host.invalid"),
        ("a..b", "cannot be one; see mqtt.host"),
        ("127.0.0.1", "nobody listens"),
    ],
)
def test_each_failure_has_its_words(host: str, words: str) -> None:
    with running(config.Mqtt(host=host, port=broker.free_port()), "kiosk") as link:
        assert words in await_event(link, Disconnected).reason


@contextmanager
def strange_server(answer: bytes | None) -> Iterator[config.Mqtt]:
    """A server that takes connections and answers each with `answer`, or with silence."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_streams: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    stream, _ = server.accept()
                except OSError:
                    return
                open_streams.append(stream)
                if answer is not None:
                    stream.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield config.Mqtt(port=server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for stream in open_streams:
                stream.close()


def test_a_broker_that_takes_the_connection_and_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.mqtt, "CONNECT_TIMEOUT_S", 0.3)
    monkeypatch.setattr(sync.mqtt, "_TURN_S", 0.1)
    with strange_server(None) as settings, running(settings, "kiosk") as link:
        assert "did not answer" in await_event(link, Disconnected).reason
        assert "did not answer" in await_event(link, Disconnected).reason


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20\x03\x00\x00\xff",
        b"\x20\x02\x00",
        b"\x30\x05\x00\x10ab",
        b"\xf0\x00",
        b"\x90\x03\x00\x01\x00",
        b"\x20\x09\x00\x00\x06\x22\x00\x0a\x27\x00\x00",
        b"\x00" * 64,
        b"\xff" * 64,
        random.Random(3).randbytes(500),
    ],
    ids=range(10),
)
def test_whatever_a_server_sends_the_link_lives_on(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.mqtt, "CONNECT_TIMEOUT_S", 0.4)
    monkeypatch.setattr(sync.mqtt, "_TURN_S", 0.1)
    with strange_server(answer) as settings, running(settings, "kiosk") as link:
        for _ in range(2):
            assert await_event(link, Disconnected).reason


def test_the_wait_before_a_reconnect_is_full_jitter_up_to_300_s() -> None:
    rng = random.Random(11)
    for attempt, most in [(0, 1), (1, 2), (5, 32), (8, 256), (9, 300), (40, 300), (10_000, 300)]:
        waits = [reconnect_wait(attempt, rng) for _ in range(500)]
        assert 0 <= min(waits) < most * 0.05
        assert most * 0.95 < max(waits) <= most


def test_the_wait_grows_with_each_failure_and_starts_again_after_a_stable_connection(
    monkeypatch: pytest.MonkeyPatch, embedded_broker: config.Mqtt
) -> None:
    rng = Hasty()
    link = Link(config.Mqtt(port=broker.free_port()), client_id="kiosk", rng=rng)
    with closing_link(link):
        for _ in range(5):
            await_event(link, Disconnected)
    assert rng.asked[:5] == [1, 2, 4, 8, 8]  # nobody waits much longer than the outage has lasted

    for stable_s, expected in [(60.0, [1, 2, 4]), (0.0, [1, 1, 1])]:
        monkeypatch.setattr(sync.mqtt, "STABLE_S", stable_s)
        rng = Hasty()
        link = Link(embedded_broker, client_id="kiosk", rng=rng)
        with closing_link(link):
            for _ in range(3):
                await_event(link, Connected)
                link.reconnect("test")
                await_event(link, Disconnected)
        assert rng.asked[:3] == expected


@contextmanager
def closing_link(link: Link) -> Iterator[None]:
    link.start()
    try:
        yield
    finally:
        link.stop()


def test_nothing_published_while_down_appears_later(embedded_broker: config.Mqtt) -> None:
    with running(embedded_broker, "listener") as listener, running(embedded_broker, "speaker") as speaker:
        subscribed(listener, "topic/a")
        await_event(speaker, Connected)
        speaker.reconnect("test")
        await_event(speaker, Disconnected)
        refused = False
        try:
            speaker.publish("topic/a", b"one")
        except LinkDown:
            refused = True
        if not speaker.connected:
            await_event(speaker, Connected)
        speaker.publish("topic/a", b"two")
        first = await_event(listener, Received).payload
        assert first == (b"two" if refused else b"one")


def test_a_message_mqtt_cannot_carry_is_refused_with_words(embedded_broker: config.Mqtt) -> None:
    with running(embedded_broker, "speaker") as speaker:
        await_event(speaker, Connected)
        for topic in ("", "a/+/b", "x" * 70_000):
            with pytest.raises(LinkFailed, match="cannot carry"):
                speaker.publish(topic, b"x")


def test_a_message_larger_than_the_broker_takes_is_refused_and_the_connection_lives_on(
    program: Callable[[str], str],
) -> None:
    program("mosquitto")
    with (
        broker.mosquitto(more=["max_packet_size 20000"]) as small,
        running(small.settings, "speaker") as link,
    ):
        await_event(link, Connected)
        with pytest.raises(LinkFailed, match="larger than the broker takes"):
            link.publish("hadir/v1/demo/gallery/set", bytes(30_000), retain=True)
        for size in (19_900, 10):
            mid = link.publish("hadir/v1/demo/gallery/set", bytes(size), retain=True)
            assert await_event(link, Sent, lambda sent, mid=mid: sent.mid == mid).ok  # type: ignore[misc]


def test_what_is_too_large_for_us_ends_at_the_broker_and_holds_up_nothing(mosquitto: config.Mqtt) -> None:
    with (
        running(mosquitto, "collector", hold_receipts=True, max_received_bytes=20_000) as listener,
        running(mosquitto, "speaker") as speaker,
    ):
        subscribed(listener, "topic/a")
        await_event(speaker, Connected)
        for size in (10, 30_000, 11):
            speaker.publish("topic/a", bytes(size))
        sizes = [len(await_event(listener, Received).payload) for _ in range(2)]
        assert sizes == [10, 11]


def test_wake_ends_the_wait_at_once_and_is_not_lost(embedded_broker: config.Mqtt) -> None:
    link = Link(embedded_broker, client_id="kiosk")
    for _ in range(3):
        link.wake()
    began = time.monotonic()
    assert link.next(10) is None
    assert time.monotonic() - began < 1
    assert link.next(0.01) is None, "three wakes before anybody looked are one"
    threading.Timer(0.05, link.wake).start()
    assert link.next(10) is None
    assert time.monotonic() - began < 5
    link.stop()


@pytest.mark.slow
def test_two_thousand_messages_with_answers_in_between_do_not_stop_the_owner(any_broker: config.Mqtt) -> None:
    """The deadlock of paho's on_publish under its lock, which stopped at once when a callback waited for a lock."""
    with running(any_broker, "listener") as listener, running(any_broker, "speaker") as speaker:
        subscribed(listener, "topic/a")
        await_event(speaker, Connected)
        open_mids: set[int] = set()
        for number in range(2000):
            while len(open_mids) >= 20:
                event = speaker.next(DEADLINE_S)
                assert isinstance(event, Sent), event
                open_mids.discard(event.mid)
            open_mids.add(speaker.publish("topic/a", b"%d" % number))
        got = [await_event(listener, Received).payload for _ in range(2000)]
    assert got == [b"%d" % number for number in range(2000)]


@pytest.mark.slow
def test_what_was_under_way_when_the_broker_died_is_sent_again() -> None:
    with ExitStack() as stack:
        first = stack.enter_context(broker.embedded())
        with running(first.settings, "speaker") as speaker:
            await_event(speaker, Connected)
            first.kill()
            mids: set[int] = set()
            with suppress(LinkDown):
                for _ in range(5):
                    mids.add(speaker.publish("topic/a", b"x"))
            await_event(speaker, Disconnected)
            stack.close()
            with broker.embedded(first.settings.port):
                answered = set()
                while not mids <= answered:
                    answered.add(await_event(speaker, Sent).mid)


def test_stop_is_quick_in_every_state(embedded_broker: config.Mqtt, monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    for settings in (embedded_broker, config.Mqtt(port=broker.free_port())):
        link = Link(settings, client_id="kiosk")
        link.start()
        link.next(5)
        began = time.monotonic()
        link.stop()
        assert time.monotonic() - began < 2
    with strange_server(None) as settings:
        link = Link(settings, client_id="kiosk")
        link.start()
        began = time.monotonic()
        link.stop()
        assert time.monotonic() - began < 2
    assert threading.active_count() == before


@pytest.mark.slow
def test_a_broker_that_does_not_know_us_says_so(program: Callable[[str], str], tmp_path: Path) -> None:
    program("mosquitto")
    passwords = tmp_path / "passwords"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(passwords), "lobby-1", "right"], check=True)
    more = ["allow_anonymous false", f"password_file {passwords}"]
    with broker.mosquitto(more=more) as server:
        for username, password in [("", ""), ("lobby-1", "wrong")]:
            settings = msgspec.structs.replace(server.settings, username=username, password=password)
            with running(settings, "lobby-1") as link:
                reason = await_event(link, Disconnected).reason
                assert "refused: Not authorized; see mqtt.username" in reason
                assert "wrong" not in reason
        settings = msgspec.structs.replace(server.settings, username="lobby-1", password="right")
        with running(settings, "lobby-1") as link:
            await_event(link, Connected)


@pytest.mark.slow
def test_a_refused_publish_is_seen(program: Callable[[str], str], tmp_path: Path) -> None:
    """To an MQTT 3.1.1 client it would look successful."""
    program("mosquitto")
    rules = tmp_path / "acl"
    rules.write_text("topic write allowed/#\n")
    with broker.mosquitto(more=[f"acl_file {rules}"]) as server, running(server.settings, "lobby-1") as link:
        await_event(link, Connected)
        for topic, ok in [("allowed/a", True), ("forbidden/a", False)]:
            mid = link.publish(topic, b"x")
            assert await_event(link, Sent, lambda sent, mid=mid: sent.mid == mid).ok is ok  # type: ignore[misc]


def test_a_second_client_with_the_same_id_is_named_as_the_cause() -> None:
    """Where the broker says so; mosquitto 2.0.11 only closes the connection."""
    with strange_server(b"\x20\x03\x00\x00\x00" + b"\xe0\x02\x8e\x00") as settings, running(settings, "a") as link:
        assert "another client uses the same id" in await_event(link, Disconnected).reason


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves a failed handshake open
def test_tls_with_certificates_of_both_sides(program: Callable[[str], str], authority: Path) -> None:
    program("mosquitto")
    more = [f"cafile {authority}/ca.pem", f"certfile {authority}/broker.pem", f"keyfile {authority}/broker.key",
            "require_certificate true", "use_identity_as_username true"]  # fmt: skip
    with broker.mosquitto(more=more) as server:

        def with_tls(ca: str, name: str) -> config.Mqtt:
            return msgspec.structs.replace(
                server.settings,
                tls_ca=str(authority / f"{ca}.pem"),
                tls_certificate=str(authority / f"{name}.pem") if name else "",
                tls_key=str(authority / f"{name}.key") if name else "",
            )

        with running(with_tls("ca", "lobby-1"), "lobby-1") as link:
            subscribed(link, "topic/a")
            blob = bytes(300_000)
            link.publish("topic/a", blob)
            assert await_event(link, Received).payload == blob
        with running(with_tls("rogue", "lobby-1"), "lobby-1") as link:
            assert "is not trusted" in await_event(link, Disconnected).reason
        for name in ("rogue-kiosk", ""):
            with running(with_tls("ca", name), "lobby-1") as link:
                reason = await_event(link, Disconnected).reason
                assert "TLS" in reason or "SSL" in reason, reason
        with running(server.settings, "lobby-1") as link:
            assert await_event(link, Disconnected).reason


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(LinkFailed, match=r"nowhere\.pem: there is no such file; see mqtt\.tls_ca"):
        Link(config.Mqtt(tls_ca=str(tmp_path / "nowhere.pem")), client_id="kiosk")
    junk = tmp_path / "junk.pem"
    junk.write_text("not a certificate")
    with pytest.raises(LinkFailed, match="cannot be used"):
        Link(config.Mqtt(tls_ca=str(junk)), client_id="kiosk")
