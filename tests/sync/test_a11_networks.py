"""A11: networks that are away half of the time, late, narrow, cut or silently dead. Every punch arrives once.

The waits before reconnecting and the resends are those of a real kiosk, unless a test says otherwise.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import config
from demo import broker
from sync.register import Register
from tests.sync.netns import Namespace, namespace
from tests.sync.proxy import Proxy, Weather, proxy
from tests.sync.way import Centre, Kiosk, await_collector, collector, exactly, new_centre, until

pytestmark = pytest.mark.slow

DRAIN_S = 30.0
SATELLITE = Weather(delay_s=0.6, jitter_s=0.05, resets=0.02)
THIRD_GENERATION = Weather(delay_s=0.1, jitter_s=0.01, bytes_per_s=256_000 / 8)
KEEPALIVE_S = 5
NOTICED_S = 1.5 * KEEPALIVE_S


class AtOnce(random.Random):
    """Reconnects at once: what is tested is not the waits."""

    def uniform(self, a: float, b: float) -> float:
        return a


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def centre(tmp_path: Path, sqlite_url: str) -> Centre:
    return new_centre(sqlite_url, tmp_path / "keys")


@pytest.fixture
def register(centre: Centre, mosquitto: config.Mqtt) -> Iterator[Register]:
    """The register of a collector that runs, beside the broker."""
    with Register.open(centre.url) as opened, collector(centre, mosquitto):
        await_collector(mosquitto)
        yield opened


@pytest.fixture
def way(mosquitto: config.Mqtt, rng: random.Random) -> Iterator[Proxy]:
    with proxy(mosquitto.port, rng=rng) as running:
        yield running


def new_kiosk(folder: Path, port: int, centre: Centre, rng: random.Random, host: str = "127.0.0.1") -> Kiosk:
    return Kiosk(
        folder,
        config.Mqtt(host=host, port=port),
        centre.collector_key,
        resend_after_s=30,
        keepalive_s=KEEPALIVE_S,
        rng=rng,
    )


def drains(kiosk: Kiosk) -> None:
    began = time.monotonic()
    until(kiosk.drained, "the outbox is empty", DRAIN_S)
    print(f"{len(kiosk.sent)} punches, empty after {time.monotonic() - began:.2f} s")


@pytest.mark.parametrize(
    ("away_s", "times"), [(0.5, 4), pytest.param(5.0, 6, marks=pytest.mark.nightly)], ids=["short", "whole"]
)
def test_a11_offline_half_of_the_time(
    away_s: float, times: int, tmp_path: Path, centre: Centre, register: Register, way: Proxy, rng: random.Random
) -> None:
    with closing(new_kiosk(tmp_path / "card", way.port, centre, rng)) as kiosk:
        for turn in range(2 * times):
            (way.go_offline if turn % 2 == 0 else way.go_online)()
            ends = time.monotonic() + away_s
            while time.monotonic() < ends:
                kiosk.punch()
                time.sleep(0.05)
        drains(kiosk)
        exactly(register, kiosk)


@pytest.mark.parametrize(
    ("weather", "punches"),
    [
        (SATELLITE, 30),
        (THIRD_GENERATION, 40),
        pytest.param(SATELLITE, 600, marks=pytest.mark.nightly),
        pytest.param(THIRD_GENERATION, 1200, marks=pytest.mark.nightly),
    ],
    ids=["satellite", "3g", "satellite-long", "3g-long"],
)
def test_a11_late_narrow_and_reset(
    weather: Weather,
    punches: int,
    tmp_path: Path,
    centre: Centre,
    register: Register,
    way: Proxy,
    rng: random.Random,
) -> None:
    way.weather = weather
    with closing(new_kiosk(tmp_path / "card", way.port, centre, rng)) as kiosk:
        for _ in range(punches):
            kiosk.punch()
            time.sleep(0.06)
        drains(kiosk)
        exactly(register, kiosk)
    print(f"{way.resets} resets")


@pytest.mark.parametrize("punching", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["punching", "idle"])
def test_a11_half_open_is_noticed(
    punching: bool, tmp_path: Path, centre: Centre, register: Register, way: Proxy
) -> None:
    with closing(new_kiosk(tmp_path / "card", way.port, centre, AtOnce())) as kiosk:
        kiosk.punch(5)
        until(kiosk.drained, "the way is open")
        time.sleep(0.5)
        dead, began = way.freeze(), time.monotonic()
        if punching:
            kiosk.punch(5)
        until(lambda: dead.left_at is not None, "the kiosk lets go of the dead connection", 3 * KEEPALIVE_S)
        assert dead.left_at is not None
        print(f"half-open noticed after {dead.left_at - began:.2f} s with a keepalive of {KEEPALIVE_S} s")
        assert dead.left_at - began <= NOTICED_S
        kiosk.punch(5)
        drains(kiosk)
        exactly(register, kiosk)


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.nightly)], ids=["short", "whole"])
def test_a11_cut_at_every_byte_of_a_punch(
    step: int, tmp_path: Path, centre: Centre, register: Register, way: Proxy
) -> None:
    """The short form cuts at each of the first and last 40 bytes, and at every ninth between."""
    way.cuts.append(10**6)
    with closing(new_kiosk(tmp_path / "card", way.port, centre, AtOnce())) as kiosk:
        kiosk.punch()
        until(lambda: bool(way.cut), "the first cut, behind the punch")
        until(kiosk.drained, "it went out again")
        (_, length) = way.cut[0]
        offsets = [at for at in range(length + 1) if at < 40 or at > length - 40 or at % step == 0]
        way.cuts.extend(offsets)
        way.go_offline()
        way.go_online()
        kiosk.punch()
        until(lambda: len(way.cut) > len(offsets), "every cut was made", 100)
        drains(kiosk)
        # The second punch is as long as the first, give or take a digit.
        assert [at for at, _ in way.cut[1:]] == [
            min(at, whole) for at, (_, whole) in zip(offsets, way.cut[1:], strict=True)
        ]
        assert {whole for _, whole in way.cut} <= set(range(length - 3, length + 4))
        exactly(register, kiosk)
    print(f"{len(way.cut)} cuts of {length} bytes")


@pytest.fixture
def apart(program: Callable[[str], str]) -> Iterator[Namespace]:
    """A network namespace, reached over a cable of its own."""
    for name in ("mosquitto", "ip", "iptables"):
        program(name)
    with namespace() as made:
        yield made


def test_a11_a_real_cable_that_is_narrow_and_then_drops_everything(
    tmp_path: Path, centre: Centre, apart: Namespace
) -> None:
    """tbf at 256 kbit, then iptables DROP both ways, without a reset."""
    port = broker.free_port()
    own = f"listener {port} 127.0.0.1\nlistener {port} {apart.host}\nallow_anonymous true\n"
    apart.run(
        "tc", "qdisc", "add", "dev", apart.device, "root", "tbf", "rate", "256kbit", "burst", "4kb", "latency", "1s"
    )
    with ExitStack() as stack:
        mqtt = stack.enter_context(broker.mosquitto(port, own=own)).settings
        stack.enter_context(collector(centre, mqtt))
        register = stack.enter_context(Register.open(centre.url))
        await_collector(mqtt)
        with apart.inside():
            kiosk = stack.enter_context(closing(new_kiosk(tmp_path / "card", port, centre, AtOnce(), apart.host)))
        kiosk.punch(80)
        drains(kiosk)
        apart.run("iptables", "-A", "INPUT", "-j", "DROP")
        apart.run("iptables", "-A", "OUTPUT", "-j", "DROP")
        began = time.monotonic()
        kiosk.punch(10)
        until(lambda: not kiosk.uplink._link.connected, "the dead cable is noticed", 3 * KEEPALIVE_S)
        noticed_s = time.monotonic() - began
        print(f"noticed after {noticed_s:.2f} s with a keepalive of {KEEPALIVE_S} s")
        assert noticed_s <= NOTICED_S
        apart.run("iptables", "-F")
        drains(kiosk)
        exactly(register, kiosk)
