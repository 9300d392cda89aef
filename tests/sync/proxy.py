"""A TCP proxy whose weather the test makes: late, narrow, cut, offline, or silently gone."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 2048
_PUBLISH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bytes travel, each way: `delay_s` late, give or take `jitter_s`, so many of them a second.

    One piece of `resets` (a share) is not delivered: both ends get a reset instead.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = float("inf")
    resets: float = 0.0


CLEAR = Weather()


@dataclass(slots=True, eq=False, kw_only=True)
class Way:
    """One connection through the proxy. `left_at` is when the client let go of it (monotonic)."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cut_at: int | None = None
    frozen: bool = False
    left_at: float | None = None

    def reset(self) -> None:
        for writer in (self.client, self.server):
            stream = writer.get_extra_info("socket")
            with suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@dataclass(slots=True, eq=False, kw_only=True)
class Proxy:
    """A running proxy. The attributes may be set, and the methods called, from the test's thread."""

    port: int
    rng: random.Random
    weather: Weather = CLEAR
    online: bool = True
    ways: list[Way] = field(default_factory=list)
    resets: int = 0
    cuts: deque[int] = field(default_factory=deque)
    """At how many bytes of its first punch each of the next connections is reset; more than it has: just behind it."""
    cut: list[tuple[int, int]] = field(default_factory=list)
    """Every such cut made: at how many bytes, of how many."""
    _loop: asyncio.AbstractEventLoop | None = None

    def go_offline(self) -> None:
        """Every connection is reset, and each new one at once."""
        self.online = False
        self._soon(lambda: [way.reset() for way in self.ways])

    def go_online(self) -> None:
        self.online = True

    def freeze(self) -> Way:
        """The newest connection is dead, and neither end is told: what they send vanishes. Return it."""
        way = self.ways[-1]
        way.frozen = True
        return way

    def _soon(self, do: object) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(_call(do), self._loop).result(5)


async def _call(do: object) -> None:
    assert callable(do)
    do()


@contextmanager
def proxy(target_port: int, *, rng: random.Random | None = None, host: str = "127.0.0.1") -> Iterator[Proxy]:
    """Yield a running proxy to `target_port` of loopback; every connection through it ends with it."""
    listening = socket.create_server((host, 0))
    made = Proxy(port=listening.getsockname()[1], rng=rng or random.Random())
    ready, stopping = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _carry(made, reader, writer, target_port)

        async with await asyncio.start_server(take, sock=listening):
            ready.set()
            await stopping.wait()
        for way in made.ways:
            way.reset()

    loop = made._loop = asyncio.new_event_loop()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(5)
        yield made
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(5)
        assert not thread.is_alive()


async def _carry(made: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_port: int) -> None:
    try:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", target_port)
    except OSError:
        writer.transport.abort()
        return
    way = Way(client=writer, server=to_server, cut_at=made.cuts.popleft() if made.online and made.cuts else None)
    if not made.online:
        way.reset()
        return
    made.ways.append(way)
    up = asyncio.create_task(_pump(made, way, reader, to_server, from_client=True))
    down = asyncio.create_task(_pump(made, way, from_server, writer, from_client=False))
    with suppress(asyncio.CancelledError):
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    for task in (up, down):
        task.cancel()
    await asyncio.gather(up, down, return_exceptions=True)
    for each in (writer, to_server):
        each.transport.abort() if way.frozen else each.close()
    made.ways.remove(way)


async def _pump(
    made: Proxy, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool
) -> None:
    """Carry bytes one way until either end is gone. What waits is taken from the sender at once, as networks do."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    sender = asyncio.create_task(_send(way, waiting, writer))
    free_at = 0.0
    held = b""
    try:
        while chunk := await reader.read(_CHUNK):
            if way.frozen:
                continue
            if made.rng.random() < made.weather.resets:
                made.resets += 1
                way.reset()
                return
            if from_client and way.cut_at is not None:
                held += chunk
                chunk, held, done = _until_cut(made, way, held)
                writer.write(chunk)
                if done:
                    await writer.drain()
                    await asyncio.sleep(0.001)  # let it arrive before the reset overtakes it
                    way.reset()
                    return
                continue
            weather, now = made.weather, time.monotonic()
            late = weather.delay_s + made.rng.uniform(-weather.jitter_s, weather.jitter_s)
            free_at = max(free_at, now) + len(chunk) / weather.bytes_per_s
            waiting.put_nowait((free_at + late, chunk))
        await waiting.join()
    except OSError:
        pass
    finally:
        sender.cancel()
        if from_client:
            way.left_at = time.monotonic()


async def _send(way: Way, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    while True:
        due, chunk = await waiting.get()
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if not way.frozen:
            writer.write(chunk)
        waiting.task_done()


def _until_cut(made: Proxy, way: Way, held: bytes) -> tuple[bytes, bytes, bool]:
    """Return what of `held` goes on, what is kept for later, and whether the cut comes now."""
    passed = b""
    while (length := packet_length(held)) is not None and len(held) >= length:
        packet, held = held[:length], held[length:]
        if packet[0] >> 4 == _PUBLISH and topic_of(packet).endswith("/event"):
            assert way.cut_at is not None
            made.cut.append((min(way.cut_at, length), length))
            return passed + packet[: way.cut_at], b"", True
        passed += packet
    return passed, held, False


def packet_length(data: bytes) -> int | None:
    """Return how long the MQTT packet is that `data` begins with, None while that cannot be known."""
    length = 0
    for at, byte in enumerate(data[1:5]):
        length |= (byte & 127) << 7 * at
        if byte < 128:
            return 2 + at + length
    return None


def topic_of(publish: bytes) -> str:
    """Return the topic of an MQTT PUBLISH."""
    start = next(at for at in range(1, 5) if publish[at] < 128) + 1
    (length,) = struct.unpack_from(">H", publish, start)
    return publish[start + 2 : start + 2 + length].decode()
