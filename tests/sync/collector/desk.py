"""A collector that a test turns by hand: a real register, a fake link, and a clock of its own."""

import random
from datetime import timedelta

import config
from sync.collector import Collector
from sync.messages import Ack, AttendanceEvent
from sync.register import Register, devices
from tests.fakes import FakeLink
from tests.sync.samples import COLLECTOR, SEVEN, SIGNER, ack_door, released
from tests.sync.samples import payload_of as sealed

ACKS = "hadir/v1/demo/lobby-1/ack"


class Desk:
    """A collector on a real register with a fake link and a clock turned by hand."""

    def __init__(self, register: Register, *, answering: bool = True, **centre: object) -> None:
        settings = config.replace(config.Config(), centre={"batch_rows": 5, "batch_ms": 50, **centre})
        self.link = FakeLink(
            settings.mqtt, client_id=settings.centre.collector, hold_receipts=True, answering=answering
        )
        self.register = register
        for number in (*range(10), 99):
            devices.admit(register, terminal=f"lobby-{number}", office="demo", public_key=SIGNER.public, at=SEVEN)
        self.clock = 1000.0
        self.sets: dict[str, bytes] = {}
        self.collector = Collector(
            settings,
            register=register,
            link=self.link,
            released=released(self.sets),
            sign=COLLECTOR.sign,
            monotonic=lambda: self.clock,
            now=lambda: SEVEN + timedelta(seconds=self.clock),
            rng=random.Random(3),
        )
        self.link.start()

    def give(self, *values: AttendanceEvent) -> None:
        for value in values:
            self.link.deliver(value.topic, sealed(value))

    def turn(self, *, after_ms: float = 0.0) -> None:
        self.clock += after_ms / 1000
        self.collector.turn(0)

    def take(self, *values: AttendanceEvent) -> None:
        """Give, and wait until the batch is due."""
        self.give(*values)
        self.turn()
        self.turn(after_ms=51)

    def acks(self, topic: str = ACKS) -> list[tuple[int, tuple[int, ...]]]:
        return [(ack.upto, tuple(seq for seq, _ in ack.extra)) for ack in self.words(topic)]

    def words(self, topic: str = ACKS) -> list[Ack]:
        return [ack_door(payload) for payload in self.link.on(topic)]


def impatient(register: Register) -> None:
    """Have the register's one pooled connection give up on a lock soon."""
    with register.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 5")
