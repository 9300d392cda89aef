"""Kiosks and a centre in one thread, under clocks and a broker of the test's own: real cards, real uplinks, a real
collector and a real register, and no way to them but the messages.
"""

import hashlib
import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import config
from sync import chain, keys
from sync.collector import Collector
from sync.messages import AttendanceEvent, Change, ClockQuality, Correction, encode
from sync.mqtt import Will
from sync.offers import Released
from sync.outbox import Outbox, OutboxFailed
from sync.own_status import Condition, OwnStatus
from sync.received_sets import ReleaseDoor
from sync.register import Register
from sync.register.devices import KeyState, admit, device_list
from sync.register.schema import events, quarantine
from sync.releases import EncodingSet, ReleaseRefused
from sync.uplink import Uplink
from tests.sync.samples import COLLECTOR, SEVEN, ack_door, open_card, punch
from tests.sync.tiny_broker import Crash, TinyBroker, TinyLink
from tests.sync.way import signer_of

CARD = "card.sqlite"
Files = dict[str, bytes]


@dataclass(slots=True)
class Clock:
    """Time as the whole world has it, and how far off some clock is from it."""

    monotonic_s: float = 1000.0
    off: timedelta = timedelta(0)

    def monotonic(self) -> float:
        return self.monotonic_s

    def true_now(self) -> datetime:
        return SEVEN + timedelta(seconds=self.monotonic_s)

    def now(self) -> datetime:
        return self.true_now() + self.off


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry on a card or in the register: of a punch its `receipt`, of a "not me" that of the punch it `voids`.

    Neither where it was moved into another epoch. `voided` is what the register has made of a punch.
    """

    epoch: str
    seq: int
    payload: bytes
    receipt: str | None
    voids: str | None = None
    waits: bool = False
    voided: bool = False


class WorldKiosk:
    """A kiosk: its card in `folder`, its uplink, and the receipts its screen has thanked for, and for being told that
    it had taken somebody for another."""

    def __init__(self, world: "World", terminal: str, folder: Path) -> None:
        self.world, self.terminal, self.signer = world, terminal, signer_of(terminal)
        self._folder, self._lives = folder, itertools.count(1)
        self.thanked: dict[str, str] = {}
        self.voided: set[str] = set()
        self.recorded: list[AttendanceEvent] = []
        self.sets: list[EncodingSet] = []
        self.off = timedelta(0)
        self._boot = 0
        self.start({})

    def now(self) -> datetime:
        return self.world.clock.true_now() + self.off

    def start(self, files: Files) -> None:
        """The kiosk runs, on a card that has `files`."""
        self.here = self._folder / f"life-{next(self._lives)}"
        self.here.mkdir(parents=True)
        for name, content in files.items():
            (self.here / name).write_bytes(content)
        self._boot += 1
        self.card = open_card(self.here)
        self.outbox = Outbox(self.card, office="demo", terminal=self.terminal, signer=self.signer, now=self.now)
        status = OwnStatus(
            office="demo", terminal=self.terminal, device_key=self.signer.public.hex(), every_s=10, now=self.now
        ).offline()
        self.link: TinyLink = self.world.broker.link(
            self.terminal, will=Will(topic=status.topic, payload=encode(status))
        )
        self.uplink = Uplink(
            config.replace(config.Config(), terminal={"id": self.terminal}),
            open_card=self._open_card,
            signer=self.signer,
            acks=ack_door,
            condition=lambda: Condition(camera="ok"),
            releases=ReleaseDoor(check=_check, keep=lambda _: None, kept=lambda: None),
            on_release=self.sets.append,
            link=self.link,
            monotonic=self.world.clock.monotonic,
            now=self.now,
            rng=self.world.rng,
        )
        self.uplink.open()

    def _open_card(self) -> sqlite3.Connection:
        self._second = open_card(self.here)
        return self._second

    def files(self) -> Files:
        """Return what is on the card now: every committed state outlives the power."""
        return {path.name: path.read_bytes() for path in self.here.iterdir() if path.name in (CARD, CARD + "-wal")}

    def die(self) -> Files:
        """The process is killed; return what is on the card."""
        files = self.files()
        self.world.broker.leave(self.link)
        self.card.close()
        self._second.close()
        return files

    def punch(self, *, thanked: bool = True, employee: str = "1987") -> AttendanceEvent:
        """A punch is on the card; without `thanked` the screen never came to say so."""
        entry = self.outbox.record(punch(employee, at=self.now()), **self._clocks())
        self.recorded.append(entry)
        if thanked:
            self.thanked[entry.receipt] = employee
        return entry

    def not_me(self, back: int) -> None:
        """Somebody says that the last punch but so many was not theirs, and is thanked if its card has it still."""
        if back < len(self.recorded):
            event = self.recorded[-1 - back]
            with suppress(OutboxFailed):
                self.outbox.correct(event, change=Change.NOT_ME, direction=None, made_at=self.now(), **self._clocks())
                self.voided.add(event.receipt)

    def note_desk(self) -> None:
        """An administrator was at the kiosk."""
        self.outbox.note_desk(employee="1001", action="opened", made_at=self.now(), **self._clocks())

    def _clocks(self) -> dict[str, Any]:
        return {
            "clock": ClockQuality.SYNCED,
            "boot_id": hashlib.sha256(f"{self.terminal} {self._boot}".encode()).hexdigest()[:32],
            "boottime_ns": int(self.world.clock.monotonic_s * 1e9),
            "recorded_at": self.now(),
        }

    def rows(self) -> list[Row]:
        """Return every row of the card that was not moved into another epoch, in order."""
        found = self.card.execute(
            "SELECT outbox_epochs.epoch, seq, payload, receipt, acknowledged_us IS NULL, moved FROM outbox "
            "JOIN outbox_epochs ON number = outbox.epoch ORDER BY number, seq"
        )
        return [
            Row(
                epoch=epoch,
                seq=seq,
                payload=payload,
                receipt=None if moved else receipt,
                voids=None if moved else _voids(payload),
                waits=bool(waits),
            )
            for epoch, seq, payload, receipt, waits, moved in found
        ]


class World:
    """Some kiosks, one broker, one centre, one thread."""

    def __init__(self, folder: Path, *, seed: int, terminals: tuple[str, ...] = ("lobby-1",)) -> None:
        self.rng = random.Random(seed)
        self.clock = Clock()
        self.broker = TinyBroker(self.rng)
        self._folder, self._lives = folder, itertools.count(1)
        self.sets: dict[str, bytes] = {}
        self.released: set[int] = set()
        self.release()
        self.start_centre(_empty_register())
        for terminal in terminals:
            self.approve(terminal)
        self.kiosks = {terminal: WorldKiosk(self, terminal, folder / terminal) for terminal in terminals}

    # --- the centre ---------------------------------------------------------------------------------------------------

    def start_centre(self, content: bytes | None = None) -> None:
        """The collector runs, on the register as it is, or on one that has `content`."""
        if content is not None:
            self._file = self._folder / f"register-{next(self._lives)}.sqlite"
            self._file.write_bytes(content)
        self.register = Register.open(f"sqlite:///{self._file}")
        self.centre_link = self.broker.link("hadir-collector", hold_receipts=True)
        folders = {"keys": str(self._folder / "keys"), "heads": str(self._folder / "heads")}
        self.collector = Collector(
            config.replace(config.Config(), centre=folders),
            register=self.register,
            link=self.centre_link,
            released=Released(
                digests=lambda: {office: hashlib.sha256(blob).hexdigest() for office, blob in self.sets.items()},
                current=lambda office: (hashlib.sha256(self.sets[office]).hexdigest(), self.sets[office]),
            ),
            sign=COLLECTOR.sign,
            monotonic=self.clock.monotonic,
            now=self.clock.true_now,
            rng=self.rng,
        )
        self.centre_link.start()

    def kill_centre(self) -> None:
        self.broker.leave(self.centre_link)
        self.collector.close()
        self.register.close()

    def backup(self) -> bytes:
        """Return the register as it is."""
        with closing(sqlite3.connect(self._file)) as connection:
            return connection.serialize()

    def put_back(self, content: bytes) -> None:
        """The register is what it was at that backup."""
        self.kill_centre()
        self.start_centre(content)

    def release(self) -> None:
        """A newer encoding set is released: one byte longer, which is what the kiosks here take for its version."""
        self.sets["demo"] = self.sets.get("demo", b"a set") + b"."
        self.released.add(len(self.sets["demo"]))

    def approve(self, terminal: str) -> None:
        if all(key.state is not KeyState.APPROVED for key in device_list(self.register, terminal)):
            admit(self.register, terminal=terminal, office="demo", public_key=signer_of(terminal).public, at=SEVEN)

    def registered(self, terminal: str) -> list[Row]:
        with self.register.read() as connection:
            found = connection.execute(
                sa.select(
                    events.c.epoch, events.c.seq, events.c.payload, events.c.receipt, events.c.method, events.c.voided
                )
                .where(events.c.terminal == terminal)
                .order_by(events.c.epoch, events.c.seq)
            )
            return [
                Row(
                    epoch=row.epoch,
                    seq=row.seq,
                    payload=row.payload,
                    receipt=row.receipt if row.method else None,
                    voids=_voids(row.payload),
                    voided=row.voided,
                )
                for row in found
            ]

    def quarantined(self, terminal: str) -> set[str]:
        """Return the receipts of what lies in quarantine."""
        with self.register.read() as connection:
            payloads = list(
                connection.scalars(sa.select(quarantine.c.payload).where(quarantine.c.terminal == terminal))
            )
        entries = [chain.read_entry(payload)[0] for payload in payloads]
        return {entry.receipt for entry in entries if isinstance(entry, AttendanceEvent)}

    # --- time ---------------------------------------------------------------------------------------------------------

    def turn_centre(self) -> bool:
        """One turn of the collector; return whether it died in it, and then it runs again."""
        try:
            self.collector.turn(0)
        except Crash:
            self.kill_centre()
            self.start_centre()
            return True
        return False

    def step(self, seconds: float) -> None:
        """So much time passes, in which everybody has a turn or two."""
        self.broker.carry()
        for kiosk in self.kiosks.values():
            kiosk.uplink.turn(0)
        self.broker.carry()
        self.turn_centre()
        self.clock.monotonic_s += seconds
        self.turn_centre()
        self.broker.carry()

    def settle(self, *, most: int = 400) -> None:
        """Everything works again, and goes on until nothing is left to do. Fails when that never is."""
        self.broker.network = True
        self.broker.denies.clear()
        self.centre_link.crash_at = ""
        for terminal in self.kiosks:
            self.approve(terminal)
        for _ in range(most):
            self.step(3)
            if all(kiosk.outbox.depth() == 0 and not self.missing(kiosk) for kiosk in self.kiosks.values()):
                return
        left = {name: (kiosk.outbox.depth(), sorted(self.missing(kiosk))) for name, kiosk in self.kiosks.items()}
        raise AssertionError(f"after {most} rounds (waiting, missing): {left}")

    # --- what must be true --------------------------------------------------------------------------------------------

    def missing(self, kiosk: WorldKiosk) -> set[str]:
        """Return the thanked punches that the register has not, and those whose "not me" has not come."""
        rows = self.registered(kiosk.terminal)
        lacking = set(kiosk.thanked) - {row.receipt for row in rows}
        return lacking | (kiosk.voided - {row.voids for row in rows})

    def forgive(self) -> None:
        """A disk was lost: what exists nowhere now cannot be asked of anybody.

        Nor what only lies in quarantine: the card that would have recorded it again is gone, and a human must look.
        """
        for kiosk in self.kiosks.values():
            there = self._anywhere(kiosk, quarantined=False)
            kiosk.thanked = {receipt: who for receipt, who in kiosk.thanked.items() if receipt in there}
            kiosk.voided &= {row.voids for row in (*self.registered(kiosk.terminal), *kiosk.rows()) if row.voids}

    def _anywhere(self, kiosk: WorldKiosk, *, quarantined: bool = True) -> set[str | None]:
        held = {row.receipt for row in self.registered(kiosk.terminal)} | {row.receipt for row in kiosk.rows()}
        return held | (self.quarantined(kiosk.terminal) if quarantined else set())

    def check(self) -> None:
        """Fail unless the invariants hold."""
        for kiosk in self.kiosks.values():
            assert set(kiosk.thanked) <= self._anywhere(kiosk), "a thanked punch is nowhere"
            registered = self.registered(kiosk.terminal)
            twice = [receipt for receipt, times in Counter(row.receipt for row in registered).items() if times > 1]
            assert not [receipt for receipt in twice if receipt is not None], f"counted twice: {twice}"
            voids = {row.voids for row in registered}
            wrong = [row.receipt for row in registered if row.receipt and row.voided != (row.receipt in voids)]
            assert not wrong, f"count otherwise than their corrections say: {wrong}"
            for run in _runs(registered):
                _verify(kiosk, run)
            by_epoch = {epoch: list(rows) for epoch, rows in itertools.groupby(kiosk.rows(), lambda row: row.epoch)}
            for rows in by_epoch.values():
                assert [row.seq for row in rows] == list(range(rows[0].seq, rows[-1].seq + 1)), "a gap on the card"
                _verify(kiosk, rows)
            assert all(found.version in self.released for found in kiosk.sets), "a set that nobody released"

    def close(self) -> None:
        for kiosk in self.kiosks.values():
            kiosk.die()
        self.kill_centre()


def _check(blob: bytes, newer_than: int) -> EncodingSet:
    if len(blob) <= newer_than:
        raise ReleaseRefused("release_old", "the set in use is newer")
    return EncodingSet(office="demo", version=len(blob), engine_id="t", dimension=16, created_at=SEVEN, people=())


@cache
def _empty_register() -> bytes:
    """Return a register with every table: migrating one takes longer than a whole example."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "register.sqlite"
        Register.open(f"sqlite:///{file}").close()
        with closing(sqlite3.connect(file)) as connection:
            return connection.serialize()


def _runs(rows: list[Row]) -> Iterator[list[Row]]:
    run: list[Row] = []
    for row in rows:
        if run and (row.epoch, row.seq) != (run[-1].epoch, run[-1].seq + 1):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


@cache
def _voids(payload: bytes) -> str | None:
    entry = chain.read_entry(payload)[0]
    return entry.receipt if isinstance(entry, Correction) and entry.change is Change.NOT_ME else None


@cache
def _signed(payload: bytes, public: bytes) -> bool:
    sealed = chain.unseal(payload)
    return keys.verifier([public])(sealed.signature, sealed.body)


def _verify(kiosk: WorldKiosk, rows: list[Row]) -> None:
    kept = (chain.Kept(terminal=kiosk.terminal, epoch=row.epoch, seq=row.seq, payload=row.payload) for row in rows)
    for found in chain.links(kept):
        assert not isinstance(found, chain.Bad), found
        assert _signed(found[0].payload, kiosk.signer.public), f"{found[0].seq} is not signed"
