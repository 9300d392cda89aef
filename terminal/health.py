"""How this machine is: its disk, temperature and life. Unknown is None, and never a guess."""

import shutil
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from sync.messages import ClockQuality
from terminal.clock import boottime_ns

_ZONES = Path("/sys/class/thermal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """The machine at one moment."""

    clock: ClockQuality
    disk_free_mb: int | None
    temperature_c: float | None
    uptime_s: int


def vitals(folder: Path, clock: ClockQuality) -> Vitals:
    """Return how the machine is; disk_free_mb is that of the file system `folder` lies on."""
    return Vitals(
        clock=clock,
        disk_free_mb=disk_free_mb(folder),
        temperature_c=temperature_c(),
        uptime_s=boottime_ns() // 1_000_000_000,
    )


def disk_free_mb(folder: Path) -> int | None:
    """Return the free space a user may fill, in megabytes (10^6 bytes)."""
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return None


def temperature_c(zones: Path = _ZONES) -> float | None:
    """Return the hottest thermal zone in degrees Celsius, None on a machine without one."""
    found = []
    for path in zones.glob("thermal_zone*/temp"):
        try:
            value = int(path.read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):
            continue
        if -40 <= value <= 150:
            found.append(value)
    return max(found, default=None)


@cache
def software() -> str | None:
    """Return name and version of this program, None where it was not installed."""
    try:
        return f"hadir {metadata.version('hadir')}"
    except metadata.PackageNotFoundError:
        return None
