"""The whole way, with real brokers, a real register and processes that are killed: nothing lost, nothing doubled.

The control at the end drops rows at the broker's PUBACK, as a simpler design would, and must lose some.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import config
from demo import broker
from sync import chain, keys, sealing
from sync.messages import Ack, ClockQuality, PadVerdict, encode, terminal_topic
from sync.mqtt import Sent
from sync.outbox import Attacked, Outbox
from sync.register import Register
from sync.register.attacks import list_attacks, picture_of
from sync.register.events import count_events, events_since
from sync.register.refusals import refusal_counts
from sync.register.statuses import all_statuses
from tests.sync.samples import BOOT, SEVEN, ack, open_card, punch
from tests.sync.way import (
    Centre,
    approve,
    await_collector,
    collector,
    connected,
    exactly,
    is_given_the_set,
    kiosk_process,
    new_centre,
    running_kiosk,
    signer_of,
    until,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/centre/register.sqlite"


@pytest.fixture
def centre(url: str, tmp_path: Path) -> Centre:
    return new_centre(url, tmp_path / "centre" / "keys")


@pytest.fixture
def register(centre: Centre) -> Iterator[Register]:
    with Register.open(centre.url) as opened:
        yield opened


@pytest.fixture(params=["embedded", "mosquitto"])
def start(request: pytest.FixtureRequest, program: Callable[[str], str]) -> Callable[..., object]:
    """A function that starts the broker of this kind on a port."""
    if request.param == "mosquitto":
        program("mosquitto")
        return broker.mosquitto
    return broker.embedded


def test_punches_arrive_once_and_are_acknowledged(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(centre, server.settings))
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kiosk.punch(300)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)
        until(lambda: bool(kiosk.sets), "the encoding set arrives")


def test_f3_an_attack_is_on_the_review_desk_with_its_picture_whatever_is_killed(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    """The largest there may be, among punches, with the broker killed and wiped before anything could be said."""
    now = datetime.now(UTC)  # a picture of March would be too old to be kept
    public = keys.load_sealing(centre.keys / "evidence.pub")
    evidence = tmp_path / "card" / "evidence"
    evidence.mkdir(parents=True)
    jpegs = [random.Random(each).randbytes(chain.MAX_ENCLOSED_BYTES - 48) for each in range(6)]
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(start())  # type: ignore[arg-type]
        port = server.settings.port
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        for number, jpeg in enumerate(jpegs):
            ref, box = sealing.seal(public, jpeg)
            (evidence / sealing.name_of(ref)).write_bytes(box)
            said = Attacked(
                id=f"{number:032x}", employee="1987", verdict=PadVerdict.ATTACK, cues=("edge", "relief"),
                evidence_ref=ref, held=number == 4, made_at=now,
            )  # fmt: skip
            kiosk.outbox.note_attack(said, clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=number, recorded_at=now)
            kiosk.uplink.wake()
            kiosk.punch(5)
        server.kill()
        first.close()
        server = first.enter_context(start(port))  # type: ignore[arg-type]
        stack.enter_context(collector(centre, server.settings))
        until(kiosk.drained, "the outbox is empty")
        found = list_attacks(register, None)
        assert [each.id for each in found] == [f"{number:032x}" for number in range(6)]
        assert refusal_counts(register).rejected == 0
        opening = keys.load_opening(centre.keys / "evidence.key")
        for each, jpeg in zip(found, jpegs, strict=True):
            box = picture_of(register, each.id) or b""
            assert sealing.open_box(opening, box, ref=each.evidence_ref or "") == jpeg


def test_a_punch_is_in_the_register_within_a_second(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(centre, server.settings))
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kiosk.punch()
        until(kiosk.drained, "the way is open")
        waits = []
        for _ in range(10):
            began = time.monotonic()
            kiosk.punch()
            while count_events(register) < len(kiosk.sent):
                assert time.monotonic() - began < 5
                time.sleep(0.005)
            waits.append(time.monotonic() - began)
    print("commit to register, ms:", [round(1000 * wait) for wait in sorted(waits)])
    assert sorted(waits)[5] < 0.5


def test_a_broker_killed_midway_that_forgets_everything_loses_nothing(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(start())  # type: ignore[arg-type]
        port = server.settings.port
        stack.enter_context(collector(centre, server.settings))
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        for _ in range(3):
            kiosk.punch(60)
            until(lambda: count_events(register) > len(kiosk.sent) - 50, "some are through")
            server.kill()
            kiosk.punch(30)
            first.close()
            server = first.enter_context(start(port))  # type: ignore[arg-type]
            kiosk.punch(30)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_collector_that_comes_late_gets_everything_and_nothing_was_acknowledged_before(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kiosk.punch(100)
        time.sleep(2)  # long enough for every broker's PUBACK, and for a resend
        assert kiosk.outbox.depth() == 100
        stack.enter_context(collector(centre, server.settings))
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_what_a_broker_lost_while_the_collector_was_away_is_there_soon_after_it_returns(
    tmp_path: Path, centre: Centre, register: Register
) -> None:
    """Not after `resend_after_s`: a collector that comes says how far it is, and the kiosk sends what is missing."""
    with ExitStack() as stack:
        brokers, collectors = stack.enter_context(ExitStack()), stack.enter_context(ExitStack())
        server = brokers.enter_context(broker.embedded())
        collectors.enter_context(collector(centre, server.settings))
        await_collector(server.settings)
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre, resend_after_s=3600))
        kiosk.punch()
        until(kiosk.drained, "the way is open")
        collectors.close()
        server.kill()
        brokers.close()
        server = brokers.enter_context(broker.embedded(server.settings.port))
        kiosk.punch(30)
        time.sleep(1.5)  # the kiosk is connected again, and the broker has dropped what it was given
        began = time.monotonic()
        collectors.enter_context(collector(centre, server.settings))
        until(kiosk.drained, "the outbox is empty")
        assert time.monotonic() - began < 10
        exactly(register, kiosk)


@pytest.mark.parametrize("moment", ["before the commit", "between commit and acknowledgement"])
def test_a_collector_killed_between_receipt_and_acknowledgement_counts_each_punch_once(
    start: Callable[..., object], moment: str, tmp_path: Path, centre: Centre, register: Register
) -> None:
    stuck = """
import time
take = sync.collector.take
def stop_here(*given, **more):
    if not more["events"]:
        return take(*given, **more)
    if AFTER:
        take(*given, **more)
    print("now", flush=True)
    time.sleep(600)
sync.collector.take = stop_here
""".replace("AFTER", str(moment.startswith("between")))
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        with collector(centre, server.settings, stuck) as victim:
            assert victim.stdout is not None
            kiosk.punch(10)
            assert victim.stdout.readline() == "now\n"
            committed = count_events(register)
            assert (committed > 0) is moment.startswith("between")
            assert kiosk.outbox.depth() == 10
        stack.enter_context(collector(centre, server.settings))
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_storm_of_kills_on_both_sides_of_the_broker(
    tmp_path: Path, centre: Centre, register: Register, program: Callable[[str], str]
) -> None:
    """The collector dies five times, the broker (which keeps nothing) three times, while punches go on."""
    program("mosquitto")
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    with ExitStack() as stack:
        brokers, collectors = stack.enter_context(ExitStack()), stack.enter_context(ExitStack())
        server = brokers.enter_context(broker.mosquitto())
        port = server.settings.port
        collectors.enter_context(collector(centre, server.settings))
        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kills = ["collector"] * 5 + ["broker"] * 3
        rng.shuffle(kills)
        for victim in kills:
            kiosk.punch(rng.randint(5, 60))
            time.sleep(rng.uniform(0, 0.4))
            if victim == "broker":
                server.kill()
                brokers.close()
                server = brokers.enter_context(broker.mosquitto(port))
            else:
                collectors.close()
                collectors.enter_context(collector(centre, server.settings))
        kiosk.punch(20)
        until(kiosk.drained, "the outbox is empty")
        exactly(register, kiosk)


def test_a_kiosk_that_starts_again_sends_what_was_left(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        with running_kiosk(tmp_path / "card", server.settings, centre) as first:
            first.punch(40)
        stack.enter_context(collector(centre, server.settings))
        second = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        second.sent[:0] = first.sent
        second.punch(10)
        until(second.drained, "the outbox is empty")
        exactly(register, second)


def test_strangers_on_the_topics_harm_nobody(tmp_path: Path, centre: Centre, register: Register) -> None:
    """Garbage, another terminal's event, a copy with other bytes, forged acknowledgements; two kiosks go on."""
    with ExitStack() as stack:
        server = stack.enter_context(broker.embedded())
        stack.enter_context(collector(centre, server.settings))
        one = stack.enter_context(running_kiosk(tmp_path / "one", server.settings, centre, "lobby-1"))
        two = stack.enter_context(running_kiosk(tmp_path / "two", server.settings, centre, "lobby-2"))
        one.punch(5)
        two.punch(5)
        until(lambda: one.drained() and two.drained(), "the way is open")

        stranger = stack.enter_context(connected(server.settings, "stranger"))
        events = terminal_topic("demo", "lobby-1", "event")
        stranger.publish(events, b"\x00garbage\xff")
        stranger.publish(terminal_topic("demo", "lobby-2", "event"), one.sent[0])
        stranger.publish(events, one.sent[0].replace(b'"employee":"1987"', b'"employee":"6666"'))
        forged = Ack(office="demo", terminal="lobby-1", epoch=one.outbox.epoch, upto=2**50, upto_hash="0" * 64)
        for payload in (encode(forged), chain.seal(encode(forged), signer_of("lobby-2").sign)):
            stranger.publish(terminal_topic("demo", "lobby-1", "ack"), payload)
        one.punch(5)
        two.punch(5)
        until(lambda: one.drained() and two.drained(), "both go on")
        until(lambda: refusal_counts(register).rejected == 3, "three are rejected")
        assert refusal_counts(register).quarantined == 0
        assert count_events(register) == 20
        assert {row.employee for row in events_since(register, 0)} == {"1987"}
        until(
            lambda: any("ack_refused" in state.status.alarms for state in all_statuses(register)),
            "the kiosk tells of the forged acknowledgement",
        )


def test_the_centre_sees_a_kiosk_come_and_go(
    start: Callable[..., object], tmp_path: Path, centre: Centre, register: Register
) -> None:
    def online() -> bool:
        return [state.online for state in all_statuses(register)] == [True]

    def offline() -> bool:
        return [state.online for state in all_statuses(register)] == [False]

    with ExitStack() as stack:
        server = stack.enter_context(start())  # type: ignore[arg-type]
        stack.enter_context(collector(centre, server.settings))
        with running_kiosk(tmp_path / "card", server.settings, centre) as kiosk:
            until(online, "it is seen")
            assert kiosk.outbox.epoch == all_statuses(register)[0].status.epoch
        until(offline, "its goodbye is seen")

        with kiosk_process(tmp_path / "card", server.settings, centre):
            until(online, "it is seen again")
        until(offline, "its last will is seen")


def test_control_rows_dropped_at_puback_are_lost_when_the_broker_dies(
    tmp_path: Path, centre: Centre, register: Register
) -> None:
    """What the design avoids: the broker said Success 50 times, and the centre never hears of any of them."""
    approve(register, "careless")
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(broker.embedded())
        port = server.settings.port

        card = stack.enter_context(closing(open_card(tmp_path)))
        dropping = Outbox(card, office="demo", terminal="careless", signer=signer_of("careless"))
        for _ in range(50):
            dropping.record(punch(), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN)
        link = stack.enter_context(connected(server.settings, "careless"))
        while rows := dropping.pending(limit=1):
            link.publish(terminal_topic("demo", "careless", "event"), rows[0].payload)
            answer = link.next(5)
            assert isinstance(answer, Sent)
            assert answer.ok
            dropping.acknowledge(ack(dropping, rows[0].place.seq, terminal="careless"))

        kiosk = stack.enter_context(running_kiosk(tmp_path / "card", server.settings, centre))
        kiosk.punch(50)
        server.kill()
        first.close()
        server = first.enter_context(broker.embedded(port))
        stack.enter_context(collector(centre, server.settings))
        until(kiosk.drained, "the careful kiosk's outbox is empty")
        arrived = [row.terminal for row in events_since(register, 0, limit=1000)]
        assert arrived.count("lobby-1") == 50
        assert arrived.count("careless") == 0, "the control must lose, or this proves nothing"


def test_a_broker_that_forgot_the_retained_set_gets_it_again_from_the_collector(tmp_path: Path, centre: Centre) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(broker.embedded())
        port = server.settings.port
        stack.enter_context(collector(centre, server.settings))
        numbers = itertools.count(1)

        def lies_there(settings: config.Mqtt) -> bool:
            return is_given_the_set(settings, f"kiosk-{next(numbers)}")

        until(lambda: lies_there(server.settings), "the set lies there")
        server.kill()
        first.close()
        server = first.enter_context(broker.embedded(port))
        until(lambda: lies_there(server.settings), "the set lies there again")
