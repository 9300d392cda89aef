"""The two programs a storm kills: a kiosk that punches, and a collector.

Each is a fresh process, forked from multiprocessing's fork server, which has imported all of this and has no threads:
Python alone needs longer to start than such a life lasts.
"""

import functools
import hashlib
import logging
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path

import config
from sync import chain, collector, keys
from sync.collector_key import ack_door
from sync.messages import (
    ClockQuality,
    Direction,
    DirectionBy,
    Method,
    Presence,
    Punch,
    TerminalStatus,
    encode,
    terminal_topic,
)
from sync.mqtt import Event, Link, Sent, Will
from sync.outbox import Outbox
from sync.own_status import Condition
from sync.received_sets import ReleaseDoor
from sync.releases import EncodingSet, ReleaseRefused
from sync.uplink import Uplink
from terminal import store

_BOOT = "b" * 32
_PEOPLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What one life of the kiosk does: `punches` of them, one every `pace_s`, then nothing but sending.

    With `at_puback` a row leaves the card at the broker's PUBACK, as in a simpler design: the control.
    """

    settings: config.Config
    punches: int
    pace_s: float
    at_puback: bool


class Prompt(random.Random):
    """Waits as after a first failure, whatever came before: how the waits grow is measured elsewhere."""

    def uniform(self, a: float, b: float) -> float:
        return super().uniform(a, min(b, 1.0)) if a == 0 else super().uniform(a, b)


def kiosk(orders: Orders, told: Connection) -> None:
    """Punch as ordered; each is told as "epoch seq sha256 receipt" once record() has returned. Ends by being killed."""
    _begin()
    settings = orders.settings
    folder = settings.terminal.state
    with store.claim(folder), closing(store.open_card(folder)) as card:
        signer = keys.signer(keys.device_key(folder))
        outbox = Outbox(card, office=settings.office.id, terminal=settings.terminal.id, signer=signer)
        uplink = _uplink(orders, signer)
        threading.Thread(target=uplink.run, args=(threading.Event(),), daemon=True).start()
        due = time.monotonic()
        for number in range(orders.punches):
            event = outbox.record(
                _punch(number),
                clock=ClockQuality.SYNCED,
                boot_id=_BOOT,
                boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
                recorded_at=datetime.now(UTC),
            )
            # The same bytes again, not those on the card: Ed25519 signs the same body the same way every time.
            sha256 = hashlib.sha256(chain.seal(encode(event), signer.sign)).hexdigest()
            os.write(told.fileno(), f"{event.epoch} {event.seq} {sha256} {event.receipt}\n".encode())
            uplink.wake()
            due += orders.pace_s
            time.sleep(max(0.0, due - time.monotonic()))
        threading.Event().wait()


def centre(settings: config.Config) -> None:
    """Collect until killed."""
    _begin()
    prompt = functools.partial(Link, rng=Prompt())
    collector.Link = prompt  # type: ignore[assignment, attr-defined]
    collector.run(settings, stop=threading.Event())


def _uplink(orders: Orders, signer: keys.Signer) -> Uplink:
    settings = orders.settings
    folder, office, terminal = settings.terminal.state, settings.office.id, settings.terminal.id
    gone = TerminalStatus(office=office, terminal=terminal, presence=Presence.OFFLINE, at=datetime.now(UTC))
    will = Will(topic=gone.topic, payload=encode(gone))
    if orders.at_puback:
        link: Link = TrustingLink(settings, will=will)
    else:
        link = Link(settings.mqtt, client_id=terminal, will=will, rng=Prompt())
    return Uplink(
        settings,
        open_card=lambda: store.open_card(folder),
        signer=signer,
        acks=ack_door(settings.terminal.collector_key),
        condition=lambda: Condition(camera="ok"),
        releases=ReleaseDoor(check=_no_set, keep=lambda _: None, kept=lambda: None),
        on_release=lambda _: None,
        link=link,
    )


class TrustingLink(Link):
    """The control: it takes the broker's PUBACK for delivery, and the rows of that message leave the card."""

    def __init__(self, settings: config.Config, *, will: Will) -> None:
        super().__init__(settings.mqtt, client_id=settings.terminal.id, will=will, rng=Prompt())
        self._topic = terminal_topic(settings.office.id, settings.terminal.id, "event")
        self._folder: Path = settings.terminal.state
        self._under_way: dict[int, bytes] = {}
        self._card: sqlite3.Connection | None = None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> int:
        mid = super().publish(topic, payload, retain=retain, qos=qos)
        if topic == self._topic:
            self._under_way[mid] = payload
        return mid

    def next(self, timeout_s: float) -> Event | None:
        event = super().next(timeout_s)
        if isinstance(event, Sent) and event.ok and (payload := self._under_way.pop(event.mid, None)):
            self._card = self._card or store.open_card(self._folder)
            for each in chain.unpack(payload):
                entry, _ = chain.read_entry(each)
                self._card.execute(
                    "DELETE FROM outbox WHERE seq = ? AND epoch = (SELECT number FROM outbox_epochs WHERE epoch = ?)",
                    (entry.seq, entry.epoch),
                )
        return event


def _punch(number: int) -> Punch:
    at = datetime.now(UTC)
    return Punch(
        employee=str(1001 + number % _PEOPLE),
        method=Method.FACE,
        direction=Direction.IN,
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=at,
        first_seen_at=at,
        gallery_version=1,
        engine_id="bench",
        score=0.71,
        margin=0.2,
    )


def _no_set(_blob: bytes, _newer_than: int) -> EncodingSet:
    raise ReleaseRefused("release_refused", "nobody is recognised in a storm")


def _begin() -> None:
    """This process ends when the one that ordered it does, however that ends; of its troubles it says nothing."""
    logging.getLogger("hadir").setLevel(logging.CRITICAL)  # they are what a storm is made of, and the referee counts
    parent = parent_process()
    assert parent is not None  # noqa: S101 - the fork server started this process

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
