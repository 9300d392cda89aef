"""A kiosk's uplink that a test turns by hand: a real card, a fake link, and a clock of its own."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import config
from errors import HadirError
from sync import chain
from sync.messages import (
    AttendanceEvent,
    ClockQuality,
    TerminalStatus,
    decode,
)
from sync.outbox import Outbox
from sync.own_status import Condition
from sync.received_sets import ReleaseDoor
from sync.releases import EncodingSet, Person, ReleaseRefused
from sync.uplink import Uplink
from tests.fakes import FakeLink
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack, ack_door, open_card, punch, signed_ack

EVENTS = "hadir/v1/demo/lobby-1/event"
ACKS = "hadir/v1/demo/lobby-1/ack"
STATUS = "hadir/v1/demo/lobby-1/status"
GALLERY = "hadir/v1/demo/gallery/set"


class FakeDoor:
    """Encoding sets as b"<version>": anything else is torn. Keeps them in memory, unless the disk is full."""

    def __init__(self, kept: bytes | None = None) -> None:
        self.kept = kept
        self.full = False
        self.asked: list[int] = []

    def check(self, blob: bytes, newer_than: int) -> EncodingSet:
        self.asked.append(newer_than)
        if not blob.isdigit():
            raise ReleaseRefused("release_torn" if blob == b"torn" else "release_forged", "not signed")
        if int(blob) <= newer_than:
            raise ReleaseRefused("release_older", "older")
        person = Person(employee="1", name="Sri")
        return EncodingSet(
            office="demo", version=int(blob), engine_id="test", dimension=16, created_at=SEVEN, people=(person,)
        )

    def keep(self, blob: bytes) -> None:
        if self.full:
            raise HadirError("disk full")
        self.kept = blob

    def door(self) -> ReleaseDoor:
        return ReleaseDoor(check=self.check, keep=self.keep, kept=lambda: self.kept)


class Desk:
    """An uplink on a card with a fake link and a clock that stands still, turned by hand."""

    def __init__(self, folder: Path, *, door: FakeDoor | None = None, answering: bool = True, **mqtt: object) -> None:
        self.settings = config.replace(config.Config(), mqtt=mqtt)
        self.link = FakeLink(self.settings.mqtt, answering=answering)
        self.clock = 1000.0
        self.condition = Condition(gallery_version=3, camera="ok", clock=ClockQuality.SYNCED)
        self.door = door or FakeDoor()
        self.taken: list[EncodingSet] = []
        self.card = open_card(folder)
        self.outbox = Outbox(self.card, office="demo", terminal="lobby-1", signer=SIGNER)
        self.uplink = Uplink(
            self.settings,
            open_card=lambda: open_card(folder),
            signer=SIGNER,
            acks=ack_door,
            condition=lambda: self.condition,
            releases=self.door.door(),
            on_release=self.taken.append,
            pictures=folder / "evidence",
            link=self.link,
            monotonic=lambda: self.clock,
            now=lambda: SEVEN + timedelta(seconds=self.clock),
            rng=random.Random(4),
        )

    def punch(self, employee: str = "1987") -> AttendanceEvent:
        return self.outbox.record(
            punch(employee), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=1, recorded_at=SEVEN
        )

    def turn(self, *, after_s: float = 0.0) -> None:
        self.clock += after_s
        self.uplink.turn(0)

    def acknowledge(self, upto: int, *extra: int, **other: Any) -> None:
        self.link.deliver(ACKS, signed_ack(ack(self.outbox, upto, extra, **other)))
        self.turn()

    def statuses(self) -> list[TerminalStatus]:
        return [decode(TerminalStatus, payload) for payload in self.link.on(STATUS)]

    def sent(self) -> list[int]:
        return [chain.read_entry(entry)[0].seq for payload in self.link.on(EVENTS) for entry in chain.unpack(payload)]
