"""Simulated kiosks that load a collector: `python -m bench.load`, one process for a share of them.

They keep the protocol as sync/uplink.py does, with its Window: 18 parcels under way a kiosk, two of them for whoever
punches now, as many signed entries in a parcel as fit, what is not acknowledged sent again. Each has a key and a chain
of its own. Two things are not as in the field, so that the load leaves the machine's cores to what is measured: the
kiosks of a process share one MQTT connection, and what waited was signed before the clock starts. A live punch is made
and signed when it is punched. Of the acknowledgements one in `CHECK_EVERY` is checked in full: its signature, and that
it names the hash of what was sent.

The process reads one JSON object a line and answers each with one: first its Plan, then orders.
"""

import dataclasses
import json
import random
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import config
from errors import HadirError
from sync import chain, keys, receipts
from sync.messages import (
    Ack,
    AttendanceEvent,
    ClockQuality,
    Direction,
    DirectionBy,
    Method,
    PadVerdict,
    Punch,
    decode,
    encode,
    terminal_topic,
)
from sync.mqtt import Connected, Disconnected, Event, Link, Received, Sent
from sync.outbox import Place
from sync.window import Window

CHECK_EVERY = 20
PARCELS = 18
ROWS_A_PARCEL, PARCEL_BYTES = 20, 12_000  # as in sync/uplink.py
_RESEND_AFTER_S = 30.0
_CONNECT_S = 30.0
_QUIET_S = 60.0  # nothing acknowledged for so long is a failure, not a figure
_EVENTS_A_TURN = 200


class LoadFailed(HadirError):
    """What the kiosks saw is no measurement; the text says what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The share of one process: so many kiosks of one office, each with so many entries that wait."""

    name: str
    kiosks: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run: drain the first `entries` of each kiosk, punch `rate_hz` times a second meanwhile or for `seconds`."""

    port: int
    collector_key: str
    entries: int = 0
    rate_hz: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of an order. Times are CLOCK_MONOTONIC, which all processes of a machine share."""

    began_at: float = 0.0
    drained_at: float = 0.0
    ended_at: float = 0.0
    acknowledged: int = 0
    punched: int = 0
    latency_ms: list[float] = field(default_factory=list)
    acks: int = 0
    checked: int = 0
    parcels: int = 0
    sent_again: int = 0
    cpu_s: float = 0.0


class Kiosk:
    """One simulated kiosk: its key, what waits on its card, and what is under way."""

    def __init__(self, office: str, terminal: str, dice: random.Random) -> None:
        self.terminal = terminal
        self.signer = keys.signer(keys.PrivateKey.generate())
        self.topic = terminal_topic(office, terminal, "event")
        self._office, self._dice = office, dice
        self._boot = dice.randbytes(16).hex()
        self._booted_at = datetime.now(UTC)
        self._waited: list[bytes] = []
        self._waited_epoch = self.epoch = dice.randbytes(16).hex()
        self._live: dict[int, bytes] = {}
        self._last: bytes | None = None
        self.window = self._new_window()
        self.punched_at: dict[int, float] = {}
        self.next_seq = self.waited = self.last_seq = self.upto = 0

    def prepare(self, entries: int) -> None:
        """Have `entries` punches on the card, five a minute until now."""
        self._last, self.epoch = None, self._waited_epoch
        began = self._booted_at = datetime.now(UTC) - timedelta(seconds=12 * entries)
        for seq in range(1, entries + 1):
            self._last = self._made(seq, began + timedelta(seconds=12 * seq))
            self._waited.append(self._last)

    def begin(self, entries: int) -> None:
        """Have nothing under way, and the first `entries` wait; without any, a new epoch begins."""
        self.epoch = self._waited_epoch if entries else self._dice.randbytes(16).hex()
        self.waited = self.last_seq = min(entries, len(self._waited))
        self._last = self._waited[self.waited - 1] if self.waited else None
        self._live.clear()
        self.punched_at.clear()
        self.next_seq, self.upto = 1, 0
        self.window = self._new_window()

    def punch(self) -> tuple[list[Place], bytes]:
        """Return somebody's punch of this moment."""
        self.last_seq += 1
        self._last = self._live[self.last_seq] = self._made(self.last_seq, datetime.now(UTC))
        self.punched_at[self.last_seq] = time.monotonic()
        return [Place(1, self.last_seq)], self._last

    def parcel(self) -> tuple[list[Place], bytes]:
        """Return the next that waited, as many as one message carries."""
        first, held = self.next_seq, 0
        rows: list[bytes] = []
        while self.next_seq <= self.waited and len(rows) < ROWS_A_PARCEL:
            row = self._waited[self.next_seq - 1]
            if rows and held + len(row) > PARCEL_BYTES:
                break
            held += len(row) + 1
            rows.append(row)
            self.next_seq += 1
        return [Place(1, seq) for seq in range(first, self.next_seq)], chain.pack(rows)

    def again(self, places: Sequence[Place]) -> bytes:
        """Return the message that carries these once more."""
        return chain.pack(self._row(place.seq) for place in places)

    def hash_of(self, seq: int) -> str:
        return chain.digest(self._row(seq)).hex() if seq else ""

    def acknowledged(self, ack: Ack, now: float) -> list[float]:
        """Let go of what the collector has; return the seconds that the live punches among it took."""
        self.upto = max(self.upto, ack.upto)
        extra = {seq for seq, _ in ack.extra}
        self.window.acknowledged(1, ack.upto, extra, now)
        done = [seq for seq in self.punched_at if seq <= ack.upto or seq in extra]
        for seq in [seq for seq in self._live if seq < self.upto]:  # the one at `upto` may be asked for its hash
            del self._live[seq]
        return [now - self.punched_at.pop(seq) for seq in done]

    @property
    def drained(self) -> bool:
        """Whether the collector has all that waited."""
        return self.upto >= self.waited

    @property
    def done(self) -> bool:
        """Whether the collector has everything."""
        return self.upto >= self.last_seq

    def _row(self, seq: int) -> bytes:
        return self._live[seq] if seq > self.waited else self._waited[seq - 1]

    def _made(self, seq: int, at: datetime) -> bytes:
        entry = AttendanceEvent(
            terminal=self.terminal,
            epoch=self.epoch,
            seq=seq,
            office=self._office,
            prev_hash=chain.digest(self._last).hex() if self._last else chain.GENESIS,
            clock=ClockQuality.SYNCED,
            recorded_at=at,
            boot_id=self._boot,
            boottime_ns=(at - self._booted_at) // timedelta(microseconds=1) * 1000,
            receipt=receipts.from_number(self._dice.getrandbits(receipts.BITS)),
            punch=Punch(
                employee=f"19870312{self._dice.randrange(10_000):04}21",
                method=Method.FACE,
                direction=Direction.IN,
                direction_by=DirectionBy.SCHEDULE,
                occurred_at=at,
                first_seen_at=at - timedelta(seconds=1),
                gallery_version=12,
                engine_id="opencv-yunet-sface",
                score=self._dice.uniform(0.4, 0.9),
                margin=self._dice.uniform(0.1, 0.4),
                pad=PadVerdict.BONA_FIDE,
            ),
        )
        return chain.seal(encode(entry), self.signer.sign)

    def _new_window(self) -> Window:
        return Window(size=PARCELS, resend_after_s=_RESEND_AFTER_S, rng=self._dice)


class Lobby:
    """All kiosks of one process."""

    def __init__(self, plan: Plan) -> None:
        self.office = plan.name
        self.dice = random.Random(plan.name)  # noqa: S311 - invents people, guards nothing
        self.kiosks = [Kiosk(plan.name, f"{plan.name}-{n}", self.dice) for n in range(plan.kiosks)]
        for each in self.kiosks:
            each.prepare(plan.entries)

    def run(self, order: Order) -> Seen:
        """Do what `order` says. Raises LoadFailed when the centre forgets, forges, or falls silent."""
        for each in self.kiosks:
            each.begin(order.entries)
        link = Link(config.Mqtt(port=order.port, in_flight=1000), client_id=f"load-{self.office}", session_expiry_s=0)
        link.start()
        try:
            return Run(self, order, link).work()
        finally:
            link.stop()


class Run:
    """One order under way over one connection."""

    def __init__(self, lobby: Lobby, order: Order, link: Link) -> None:
        self._order, self._link = order, link
        self._office, self._dice, self._kiosks = lobby.office, lobby.dice, lobby.kiosks
        self._by_topic = {terminal_topic(lobby.office, each.terminal, "ack"): each for each in lobby.kiosks}
        self._verify = keys.verifier([bytes.fromhex(order.collector_key)])
        self._seen = Seen()
        self._unanswered: dict[int, Kiosk] = {}
        self._hungry = deque(lobby.kiosks if order.entries else ())
        self._heard_at = 0.0

    def work(self) -> Seen:
        """Punch and send until everything is acknowledged, and the time is over if one was given."""
        self._connect()
        seen, used = self._seen, time.process_time()
        seen.began_at = self._heard_at = look_at = time.monotonic()
        while True:
            now = time.monotonic()
            punching = now < seen.began_at + self._order.seconds if self._order.seconds else not seen.drained_at
            if punching:
                self._punch(now)
            self._send_what_waits()
            if now >= look_at:
                look_at = now + 0.2
                self._look(now, punching)
                if not punching and all(each.done for each in self._kiosks):
                    break
            self._take(min(look_at, self._next_punch_at() if punching else look_at) - now)
            if self._order.entries and not seen.drained_at and all(each.drained for each in self._kiosks):
                seen.drained_at = time.monotonic()
        seen.ended_at = time.monotonic()
        seen.cpu_s = time.process_time() - used
        seen.acknowledged = sum(each.upto for each in self._kiosks)
        return seen

    def _connect(self) -> None:
        ends, mid = time.monotonic() + _CONNECT_S, None
        while time.monotonic() < ends:
            match self._link.next(1):
                case Connected():
                    mid = self._link.subscribe(terminal_topic(self._office, "+", "ack"))
                case Sent(mid=answered) if answered == mid:
                    return
        raise LoadFailed("the broker does not take the kiosks in")

    def _next_punch_at(self) -> float:
        return self._seen.began_at + self._seen.punched / self._order.rate_hz if self._order.rate_hz else float("inf")

    def _punch(self, now: float) -> None:
        while self._next_punch_at() <= now:
            kiosk = self._dice.choice(self._kiosks)
            self._publish(kiosk, *kiosk.punch())
            self._seen.punched += 1

    def _send_what_waits(self) -> None:
        while self._hungry and len(self._unanswered) < self._link.in_flight:
            kiosk = self._hungry.popleft()
            for _ in range(kiosk.window.room(live=False)):
                if kiosk.next_seq <= kiosk.waited:
                    self._publish(kiosk, *kiosk.parcel())

    def _publish(self, kiosk: Kiosk, places: Sequence[Place], message: bytes) -> None:
        mid = self._link.publish(kiosk.topic, message)
        self._unanswered[mid] = kiosk
        kiosk.window.sent(places, mid, time.monotonic())
        self._seen.parcels += 1

    def _take(self, longest_s: float) -> None:
        event = self._link.next(longest_s)
        for left in reversed(range(_EVENTS_A_TURN)):
            if event is None:
                return
            self._handle(event)
            event = self._link.next(0) if left else None

    def _handle(self, event: Event) -> None:
        match event:
            case Received():
                kiosk = self._by_topic[event.topic]
                ack = self._opened(event.payload, kiosk)
                now = self._heard_at = time.monotonic()
                if ack.epoch == kiosk.epoch:
                    self._seen.latency_ms += [1000 * took for took in kiosk.acknowledged(ack, now)]
                    self._hungry.append(kiosk)
            case Sent():
                self._unanswered.pop(event.mid).window.answered(event.mid)
                if not event.ok:
                    raise LoadFailed(f"the broker refuses: {event.reason}")
            case Disconnected():
                raise LoadFailed(f"the kiosks' connection ended: {event.reason}")

    def _opened(self, payload: bytes, kiosk: Kiosk) -> Ack:
        self._seen.acks += 1
        ack = decode(Ack, chain.unseal(payload).body)
        if ack.refused:
            raise LoadFailed(f"the collector refused {len(ack.refused)} entries of {kiosk.terminal}")
        if self._seen.acks % CHECK_EVERY == 1:
            chain.opened(payload, self._verify)
            if ack.epoch == kiosk.epoch and ack.upto >= kiosk.upto and ack.upto_hash != kiosk.hash_of(ack.upto):
                raise LoadFailed(f"the collector names another hash for {kiosk.terminal} {ack.upto} than what was sent")
            self._seen.checked += 1
        return ack

    def _look(self, now: float, punching: bool) -> None:
        if not punching and now - self._heard_at > _QUIET_S:
            raise LoadFailed(f"nothing was acknowledged for {_QUIET_S:g} s")
        for kiosk in self._kiosks:
            for places in kiosk.window.due(now):
                self._publish(kiosk, places, kiosk.again(places))
                self._seen.sent_again += 1


def main() -> None:
    """Serve the process that started this one until it closes the pipe."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    lobby = Lobby(plan)
    _say({each.terminal: each.signer.public.hex() for each in lobby.kiosks})
    for line in sys.stdin:
        try:
            seen = lobby.run(Order(**json.loads(line)))
        except HadirError as error:
            _say({"failed": str(error)})
            continue
        _say(dataclasses.asdict(seen))


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
