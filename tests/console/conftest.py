"""A register that tests fill, and a console that looks at it."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import config
from console import app
from sync import chain, receipts
from sync.messages import (
    AttendanceEvent,
    Change,
    ClockQuality,
    Correction,
    Direction,
    DirectionBy,
    Method,
    Presence,
    Punch,
    TerminalStatus,
    encode,
)
from sync.register import Register
from sync.register.arrivals import Arrival, add_events, arrival
from sync.register.enrolment import upsert_employee
from sync.register.statuses import HeardStatus, put_in


@dataclass
class Centre:
    """A register and the words to fill it with; `at` is when it all happens."""

    register: Register
    at: datetime
    seq: int = field(default=0)
    last: dict[str, Arrival] = field(default_factory=dict)

    def employee(self, number: str, name: str, office: str = "demo") -> None:
        upsert_employee(self.register, number=number, name=name, office=office, at=self.at - timedelta(days=9))

    def punch(
        self,
        number: str,
        *,
        ago_s: float = 0,
        direction: Direction = Direction.IN,
        method: Method = Method.FACE,
        office: str = "demo",
        terminal: str = "lobby-1",
        repeat_of: int | None = None,
    ) -> AttendanceEvent:
        self.seq += 1
        at = self.at - timedelta(seconds=ago_s)
        before = self.last.get(terminal)
        follows = before is not None and before.entry.seq == self.seq - 1
        event = AttendanceEvent(
            terminal=terminal,
            epoch="a" * 32,
            seq=self.seq,
            office=office,
            prev_hash=before.digest.hex() if before and follows else chain.GENESIS,
            receipt=receipts.from_number(self.seq),
            punch=Punch(
                employee=number,
                method=method,
                direction=direction,
                direction_by=DirectionBy.SCHEDULE,
                occurred_at=at,
                first_seen_at=at - timedelta(seconds=1),
                gallery_version=1,
            ),
            clock=ClockQuality.SYNCED,
            recorded_at=at,
            boot_id="b" * 32,
            boottime_ns=self.seq,
            repeat_of=repeat_of,
        )
        came = arrival(chain.seal(encode(event), lambda _: bytes(64)), at + timedelta(seconds=0.25))
        self.last[terminal] = came
        add_events(self.register, [came])
        return event

    def correct(self, event: AttendanceEvent, direction: Direction | None = None) -> None:
        """Have the direction of `event` corrected where one is given, else the punch voided."""
        self.seq += 1
        same = ("terminal", "epoch", "office", "clock", "recorded_at", "boot_id", "boottime_ns", "receipt")
        correction = Correction(
            **{name: getattr(event, name) for name in same},
            seq=self.seq,
            prev_hash=self.last[event.terminal].digest.hex(),
            of=event.seq,
            employee=event.punch.employee,
            change=Change.DIRECTION if direction else Change.NOT_ME,
            direction=direction,
            made_at=event.recorded_at,
        )
        came = arrival(chain.seal(encode(correction), lambda _: bytes(64)), event.recorded_at)
        self.last[event.terminal] = came
        add_events(self.register, [came])

    def status(self, terminal: str = "lobby-1", office: str = "demo", **words: object) -> None:
        given = {"presence": Presence.ONLINE, "outbox_depth": 0, "camera": "ok", **words}
        status = TerminalStatus(office=office, terminal=terminal, at=self.at, **given)  # type: ignore[arg-type]
        heard = HeardStatus(status=status, payload=encode(status), retained=False, received_at=self.at)
        with self.register.write() as connection:
            put_in(connection, [heard])


@pytest.fixture
def settings(project: Path, tmp_path: Path) -> config.Config:
    """Settings with a register that is not there yet."""
    return config.replace(
        config.load(project / "config.yaml"),
        centre={"register": f"sqlite:///{tmp_path / 'centre' / 'register.sqlite'}"},
    )


@pytest.fixture
def fill() -> Callable[[Register], Centre]:
    """A function from an open register to the words that fill it."""
    return lambda register: Centre(register=register, at=datetime.now(UTC))


@pytest.fixture
def centre(settings: config.Config, fill: Callable[[Register], Centre]) -> Iterator[Centre]:
    """The register of `settings`, made and empty."""
    with Register.open(settings.centre.register) as register:
        yield fill(register)


class Consoles:
    """Called with settings: runs their console on a free port and returns a client of it."""

    def __init__(self) -> None:
        self._running: list[tuple[threading.Event, threading.Thread]] = []
        self._clients: list[httpx.Client] = []

    def __call__(self, settings: config.Config) -> httpx.Client:
        stop = threading.Event()
        settings = config.replace(settings, console={"port": _free_port()})
        thread = threading.Thread(target=app.run, args=(settings,), kwargs={"stop": stop})
        thread.start()
        self._running.append((stop, thread))
        client = httpx.Client(base_url=f"http://127.0.0.1:{settings.console.port}", timeout=10)
        self._clients.append(client)
        _until_it_answers(client)
        return client

    def stop(self) -> None:
        """Every console has ended."""
        while self._running:
            stop, thread = self._running.pop()
            stop.set()
            thread.join(5)
            assert not thread.is_alive(), "the console did not stop in time"

    def close(self) -> None:
        self.stop()
        for client in self._clients:
            client.close()


@pytest.fixture
def served() -> Iterator[Consoles]:
    """What runs consoles, and has ended them afterwards."""
    consoles = Consoles()
    yield consoles
    consoles.close()


def _until_it_answers(client: httpx.Client) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while datetime.now(UTC) < deadline:
        try:
            if client.get("/health").json()["register"] != "reading":
                return
        except httpx.TransportError:
            pass
        threading.Event().wait(0.02)
    raise AssertionError("the console does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
