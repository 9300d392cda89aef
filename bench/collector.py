"""What one collector process takes: events a second, how long a punch waits for its word, a week's backlog, a long day.

Everything is real but the kiosks (bench/load.py): the collector is `hadir collector run`, the broker mosquitto, the
register a SQLite file in WAL with synchronous=FULL or a private PostgreSQL with synchronous_commit=on. Kiosks, broker,
server and collector share this machine's cores, and what each used is told. After every run the register is counted:
a figure of events that are not there, each exactly once, is no figure.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import postgres, stages
from bench.centre import Centre, Sample, centre
from bench.load import Order, Plan, Seen
from errors import HadirError
from sync.register.events import all_heads, count_events

PROJECT = Path(__file__).resolve().parent.parent
KIOSKS, EACH = 300, 1400  # acceptance A14: 300 kiosks that were cut off for 7 days
EVENTS = KIOSKS * EACH
SPEED_EVENTS = 90_000  # for the two figures a second: a fifth of a minute each
LIVE_HZ = 30
RATES_HZ = (30, 500)
RATE_S = 12.0
SOAK_MIN = 10.0
_PROCESSES = 2
_REST_S = 900.0


class BenchFailed(HadirError):
    """What came out is no figure; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How long to measure: so many events wait, that many of them for the figures a second, seconds at each rate."""

    events: int = EVENTS
    speed_events: int = SPEED_EVENTS
    rate_s: float = RATE_S
    soak_min: float = SOAK_MIN


QUICK = Wanted(events=60_000, speed_events=30_000, rate_s=6.0, soak_min=0.0)


def wanted(*, events: int | None = None, soak_min: float | None = None, quick: bool = False) -> Wanted:
    """Return what to measure: everything or quickly, with so many events that wait and minutes at the end if given."""
    base = QUICK if quick else Wanted()
    if events is not None:
        base = replace(base, events=events - events % KIOSKS, speed_events=min(base.speed_events, events))
    return base if soak_min is None else replace(base, soak_min=soak_min)


def run(wanted: Wanted, *, as_json: bool = False) -> None:
    """A table was printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    console = Console() if sys.stdout.isatty() else Console(width=140)
    figures = measure(wanted, say=lambda words: console.print(f"[dim]{words}"))
    console.print(_table(figures))
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")


def measure(wanted: Wanted, *, say: Any = lambda _: None) -> dict[str, Any]:
    """Return the figures; what was not measured is None. Raises BenchFailed, CentreFailed, BrokerFailed."""
    figures: dict[str, Any] = dict.fromkeys(
        ("sqlite_events_per_s", "postgresql_events_per_s", "ack_p50_ms", "ack_p99_ms", "backlog_drain_s", "peak_rss_mb")
    )
    figures["cores"] = os.cpu_count()
    figures["stage_us"] = stages.measure()
    say(f"{wanted.events} punches of {KIOSKS} kiosks are signed")
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name, Fleet.started(wanted.events // KIOSKS) as fleet:
        folder = Path(name)
        for title, url in _databases():
            figures |= _speed(title, url, fleet, wanted, folder, say)
        figures |= _rates(fleet, wanted, folder, say)
        figures |= backlog(fleet, wanted, folder, say)
        if wanted.soak_min:
            figures |= soak(fleet, wanted, folder, say)
    return figures


class Fleet:
    """The processes with the simulated kiosks."""

    def __init__(self, processes: "Sequence[subprocess.Popen[str]]") -> None:
        self._processes = processes
        self.kiosks: dict[str, str] = {}
        for process in processes:
            self.kiosks |= _heard(process)

    @classmethod
    @contextmanager
    def started(cls, entries: int) -> "Iterator[Fleet]":
        """Yield KIOSKS kiosks, each with so many entries that wait; they are gone afterwards."""
        with ExitStack() as stack:
            processes = []
            for number in range(_PROCESSES):
                process = stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-m", "bench.load"],
                        cwd=PROJECT,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
                stack.callback(process.kill)
                _tell(process, asdict(Plan(name=f"bench-{number}", kiosks=KIOSKS // _PROCESSES, entries=entries)))
                processes.append(process)
            yield cls(processes)

    def run(self, place: Centre, *, entries: int = 0, rate_hz: float = 0, seconds: float = 0) -> Seen:
        """Return what all of them saw together. Raises BenchFailed."""
        before = place.cpu_s()
        for process in self._processes:
            order = Order(
                port=place.port,
                collector_key=place.collector_key,
                entries=entries,
                rate_hz=rate_hz / _PROCESSES,
                seconds=seconds,
            )
            _tell(process, asdict(order))
        every = [Seen(**_heard(process)) for process in self._processes]
        after = place.cpu_s()
        seen = Seen(
            began_at=min(each.began_at for each in every),
            drained_at=max(each.drained_at for each in every),
            ended_at=max(each.ended_at for each in every),
            latency_ms=sorted(took for each in every for took in each.latency_ms),
            **{
                name: sum(getattr(each, name) for each in every)
                for name in ("acknowledged", "punched", "acks", "checked", "parcels", "sent_again", "cpu_s")
            },
        )
        place.used = {name: after[name] - before.get(name, 0.0) for name in after} | {"kiosks": seen.cpu_s}
        _count(place, seen)
        return seen


def _count(place: Centre, seen: Seen) -> None:
    """Return when the register has exactly what was acknowledged. Raises BenchFailed."""
    there = count_events(place.register)
    whole = sum(head.upto for head in all_heads(place.register))
    if not there == whole == seen.acknowledged:
        raise BenchFailed(f"{seen.acknowledged} were acknowledged, {there} are there, {whole} of them without a gap")
    if seen.checked == 0 or len(seen.latency_ms) != seen.punched:
        raise BenchFailed("a punch was never acknowledged, or no acknowledgement was checked")


def _speed(title: str, url: str | None, fleet: Fleet, wanted: Wanted, folder: Path, say: Any) -> dict[str, Any]:
    say(f"{wanted.speed_events} events into {title}")
    with _place(folder, title, fleet, url) as place:
        seen = fleet.run(place, entries=wanted.speed_events // KIOSKS)
        return {
            f"{title}_events_per_s": round(seen.acknowledged / (seen.drained_at - seen.began_at)),
            f"{title}_cpu": _shares(place, seen),
            f"{title}_acks": seen.acks,
        }


def _rates(fleet: Fleet, wanted: Wanted, folder: Path, say: Any) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for rate_hz in RATES_HZ:
        say(f"{rate_hz} punches a second for {wanted.rate_s:g} s")
        with _place(folder, f"rate-{rate_hz}", fleet) as place:
            seen = fleet.run(place, rate_hz=rate_hz, seconds=wanted.rate_s)
            figures |= _latency(seen, f"_{rate_hz}") | {f"cpu_{rate_hz}": _shares(place, seen)}
    return figures | {name: figures[f"{name}_{RATES_HZ[-1]}"] for name in ("ack_p50_ms", "ack_p99_ms")}


def backlog(fleet: Fleet, wanted: Wanted, folder: Path, say: Any) -> dict[str, Any]:
    """Return what came of `wanted.events` that waited while people punched. Raises BenchFailed, CentreFailed."""
    say(f"{wanted.events} events that waited, and {LIVE_HZ} punches a second meanwhile")
    with _place(folder, "backlog", fleet) as place:
        seen = fleet.run(place, entries=wanted.events // KIOSKS, rate_hz=LIVE_HZ)
        drain_s = seen.drained_at - seen.began_at
        return {
            "backlog_events": wanted.events,
            "backlog_drain_s": round(drain_s, 1),
            "backlog_events_per_s": round(wanted.events / drain_s),
            "backlog_sent_again": seen.sent_again,
            "backlog_cpu": _shares(place, seen),
            "backlog_wal_mb": round(max((each.wal_mb for each in place.samples), default=0.0), 1),
            "peak_rss_mb": round(place.peak_rss_mb, 1),
        } | _latency(seen, "_backlog")


def soak(fleet: Fleet, wanted: Wanted, folder: Path, say: Any) -> dict[str, Any]:
    """Return what `wanted.soak_min` minutes did to the collector's memory, descriptors and WAL. Raises BenchFailed."""
    say(f"{LIVE_HZ} punches a second for {wanted.soak_min:g} minutes")
    with _place(folder, "soak", fleet) as place:
        seen = fleet.run(place, rate_hz=LIVE_HZ, seconds=60 * wanted.soak_min)
        settled = place.samples[len(place.samples) // 2 :]  # before that caches fill
        return {
            "soak_min": wanted.soak_min,
            "soak_rss_mb": round(settled[-1].rss_mb, 1),
            "soak_rss_slope_mb_per_h": round(slope_mb_per_h(settled), 2),
            "soak_fds": sorted({each.descriptors for each in settled}),
            "soak_wal_mb": round(max(each.wal_mb for each in place.samples), 1),
            "soak_cpu": _shares(place, seen),
        } | _latency(seen, "_soak")


@contextmanager
def _place(folder: Path, name: str, fleet: Fleet, url: str | None = None) -> Iterator[Centre]:
    (folder / name).mkdir()
    with centre(folder / name, fleet.kiosks, url=url) as place:
        yield place


def _databases() -> Iterator[tuple[str, str | None]]:
    """Yield the name of each kind of database of this machine, and where to measure one other than the file."""
    yield "sqlite", None
    programs = postgres.programs()
    if programs is not None:
        with postgres.private_server(programs) as url:
            yield "postgresql", url


def slope_mb_per_h(samples: Sequence[Sample]) -> float:
    """Return how fast the resident set grows: the line of least squares through `samples`."""
    mean_at = sum(each.at for each in samples) / len(samples)
    mean_mb = sum(each.rss_mb for each in samples) / len(samples)
    spread = sum((each.at - mean_at) ** 2 for each in samples)
    return 3600 * sum((each.at - mean_at) * (each.rss_mb - mean_mb) for each in samples) / spread if spread else 0.0


def _latency(seen: Seen, suffix: str) -> dict[str, float]:
    cuts = quantiles(seen.latency_ms, n=100, method="inclusive")
    return {f"ack_p50_ms{suffix}": round(cuts[49], 1), f"ack_p99_ms{suffix}": round(cuts[98], 1)}


def _shares(place: Centre, seen: Seen) -> dict[str, float]:
    """Return how many cores each kind of process kept busy."""
    return {name: round(used / (seen.ended_at - seen.began_at), 2) for name, used in place.used.items()}


def _tell(process: "subprocess.Popen[str]", value: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()


def _heard(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    line = process.stdout.readline()
    found: dict[str, Any] = json.loads(line) if line else {"failed": "the process with the kiosks died"}
    if "failed" in found:
        raise BenchFailed(found["failed"])
    return found


def _table(figures: Mapping[str, Any]) -> Table:
    table = Table(title=f"one collector process; everything on {figures['cores']} cores")
    for column in ("what", "figure", "collector", "broker", "database", "kiosks"):
        table.add_column(column, justify="left" if column == "what" else "right")

    def row(what: str, figure: str, cpu: Mapping[str, float] | None = None) -> None:
        names = ("collector", "mosquitto", "postgres", "kiosks")
        table.add_row(what, figure, *(f"{cpu[name]:.2f}" if cpu and name in cpu else "" for name in names))

    for title in ("sqlite", "postgresql"):
        speed = figures[f"{title}_events_per_s"]
        shown = "not installed" if speed is None else f"{speed:,} events/s"
        row(f"{title}: accepted, checked, committed", shown, figures.get(f"{title}_cpu"))
    for rate_hz in RATES_HZ:
        shown = f"p50 {figures[f'ack_p50_ms_{rate_hz}']:g} ms, p99 {figures[f'ack_p99_ms_{rate_hz}']:g} ms"
        row(f"punch to signed word at {rate_hz}/s", shown, figures[f"cpu_{rate_hz}"])
    row(
        f"{figures['backlog_events']:,} events that waited",
        f"{figures['backlog_drain_s']:g} s ({figures['backlog_events_per_s']:,}/s)",
        figures["backlog_cpu"],
    )
    shown = f"p50 {figures['ack_p50_ms_backlog']:g} ms, p99 {figures['ack_p99_ms_backlog']:g} ms"
    row(f"  punch to signed word at {LIVE_HZ}/s meanwhile", shown)
    row("  most memory, largest WAL", f"{figures['peak_rss_mb']:g} MB, {figures['backlog_wal_mb']:g} MB")
    if "soak_min" in figures:
        shown = f"p50 {figures['ack_p50_ms_soak']:g} ms, p99 {figures['ack_p99_ms_soak']:g} ms"
        row(f"{figures['soak_min']:g} minutes at {LIVE_HZ}/s", shown, figures["soak_cpu"])
        grows = f"{figures['soak_rss_mb']:g} MB, {figures['soak_rss_slope_mb_per_h']:+g} MB/h"
        row("  memory, file descriptors", f"{grows}, {', '.join(map(str, figures['soak_fds']))}")
        row("  largest WAL", f"{figures['soak_wal_mb']:g} MB")
    for name, took_us in figures["stage_us"].items():
        row(f"one entry: {name}", f"{took_us:g} us")
    return table
