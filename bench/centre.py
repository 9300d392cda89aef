"""A centre to measure: a real collector process on a register, a mosquitto, and what /proc says of them meanwhile."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import config
from demo import broker
from demo.children import Child
from errors import HadirError
from sync import keys
from sync.messages import Presence, TerminalStatus, encode
from sync.mqtt import Connected, Link
from sync.register import Register
from sync.register.devices import admit
from sync.register.statuses import all_statuses

PROJECT = Path(__file__).resolve().parent.parent
_START_S = 60.0
_STOP_S = 10.0
_SAMPLE_S = 1.0
_MB = 2**20

# The limits of sync/broker/mosquitto.conf, without its certificates.
_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
max_inflight_messages 1000
max_queued_messages 10000
persistence true
persistence_location {folder}/
autosave_interval 60
"""


class CentreFailed(HadirError):
    """The collector or its broker does not run; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The collector at one moment."""

    at: float
    rss_mb: float
    descriptors: int
    wal_mb: float


@dataclass(slots=True, kw_only=True)
class Centre:
    """A running centre, and what was seen of it so far; `samples` has one a second."""

    port: int
    collector_key: str
    register: Register
    child: Child
    samples: list[Sample] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=dict)

    @property
    def peak_rss_mb(self) -> float:
        """The largest resident set the collector ever had."""
        return _status_mb(self._pid, "VmHWM")

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds used so far by the collector, by mosquitto and by PostgreSQL."""
        used = {"collector": _cpu_s(self._pid)}
        for pid in _descendants(os.getpid()):
            name = _name(pid)
            if name in ("mosquitto", "postgres"):
                used[name] = used.get(name, 0.0) + _cpu_s(pid)
        return used

    def sample(self) -> None:
        """Have one more sample."""
        file = self.register.file
        wal = Path(f"{file}-wal") if file else None
        self.samples.append(
            Sample(
                at=time.monotonic(),
                rss_mb=_status_mb(self._pid, "VmRSS"),
                descriptors=len(os.listdir(f"/proc/{self._pid}/fd")),  # noqa: PTH208 - no path is needed
                wal_mb=wal.stat().st_size / _MB if wal and wal.exists() else 0.0,
            )
        )

    @property
    def _pid(self) -> int:
        if self.child.pid is None:
            raise CentreFailed(f"the collector died: {self.child.last_words()}")
        return self.child.pid


@contextmanager
def centre(folder: Path, kiosks: Mapping[str, str], *, url: str | None = None) -> Iterator[Centre]:
    """Yield a centre that listens, to which these kiosks (terminal to public key in hexadecimal) are known.

    Its register is the SQLite file in `folder`, or at `url`. Raises CentreFailed, BrokerFailed, RegisterError.
    """
    url = url or f"sqlite:///{folder}/register.sqlite"
    keys.new_centre_keys(folder / "keys")
    port = broker.free_port()
    own = _MOSQUITTO.format(port=port, folder=folder)
    with broker.mosquitto(port, own=own), Register.open(url) as register:
        now = datetime.now(UTC)
        for terminal, key in kiosks.items():
            office = terminal.rpartition("-")[0]
            admit(register, terminal=terminal, office=office, public_key=bytes.fromhex(key), at=now)
        settings = config.replace(
            config.Config(),
            mqtt={"port": port},
            centre={"register": url, "keys": str(folder / "keys"), "heads": str(folder / "heads")},
        )
        file = folder / "config.yaml"
        file.write_text(config.dump(settings), encoding="utf-8")
        program = [sys.executable, str(PROJECT / "hadir.py"), "--config", str(file), "collector", "run"]
        child = Child("collector", program, log=folder / "collector.log", say=lambda _: None)
        child.start()
        running = Centre(
            port=port,
            collector_key=keys.raw(keys.load_public(folder / "keys" / f"{keys.COLLECTOR}.pub")).hex(),
            register=register,
            child=child,
        )
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(running, ended), name="samples")
        try:
            _await_listening(running)
            watcher.start()
            yield running
        finally:
            ended.set()
            if watcher.ident is not None:
                watcher.join()
            child.ask_to_stop()
            child.end(time.monotonic() + _STOP_S)


def _watch(running: Centre, ended: threading.Event) -> None:
    while not ended.wait(_SAMPLE_S):
        try:
            running.sample()
        except (CentreFailed, OSError):
            return  # whoever waits for its acknowledgements finds out


def _await_listening(running: Centre) -> None:
    """Return when a status that lies at the broker has reached the register: the collector is subscribed then."""
    status = TerminalStatus(office="bench", terminal="probe-1", presence=Presence.ONLINE, at=datetime.now(UTC))
    link = Link(config.Mqtt(port=running.port), client_id="probe-1", session_expiry_s=0)
    link.start()
    try:
        deadline = time.monotonic() + _START_S
        while not isinstance(link.next(1), Connected):
            if time.monotonic() > deadline:
                raise CentreFailed("the broker takes nobody in")
        link.publish(status.topic, encode(status), retain=True)
        while not all_statuses(running.register):
            if running.child.pid is None or time.monotonic() > deadline:
                raise CentreFailed(f"the collector does not listen: {running.child.last_words()}")
            time.sleep(0.05)
    finally:
        link.stop()


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _descendants(pid: int) -> list[int]:
    """Return the processes that `pid` started, those they started, and so on."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]
