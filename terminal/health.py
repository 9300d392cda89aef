"""How this machine is: its clock, disk, temperature and life. Unknown is None, and never a guess.

The clock is asked of the kernel first (adjtimex, what chrony and systemd-timesyncd both tell it). Where a sandbox
forbids even that question (systemd's ProtectClock), the time of systemd-timesyncd's last success is a file.
"""

import ctypes
import shutil
import time
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from sync.messages import ClockQuality

_HOLDOVER_S = 24 * 3600.0
_GOOD_ERROR_US = 1_000_000  # acceptance section 4: synced is a root dispersion under a second
_SYNC_EVERY_S = 2048.0  # timesyncd's longest pause between two answers
_TIMESYNC = (Path("/run/systemd/timesync/synchronized"), Path("/var/lib/systemd/timesync/clock"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_ZONES = Path("/sys/class/thermal")
_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """struct timex as far as it is read here (adjtimex(2)), with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelClock:
    """What the kernel thinks of its clock. `max_error_us` grows by 500 microseconds a second without news."""

    unsynced: bool
    max_error_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """The machine at one moment."""

    clock: ClockQuality
    disk_free_mb: int | None
    temperature_c: float | None
    uptime_s: int


def vitals(folder: Path) -> Vitals:
    """Return how the machine is; disk_free_mb is that of the file system `folder` lies on."""
    return Vitals(
        clock=clock_quality(),
        disk_free_mb=disk_free_mb(folder),
        temperature_c=temperature_c(),
        uptime_s=boottime_ns() // 1_000_000_000,
    )


def clock_quality() -> ClockQuality:
    """Return how the clock is known now."""
    return judged(kernel_clock(), synced_ago_s(_TIMESYNC, time.time()))


def judged(kernel: KernelClock | None, ago_s: float | None) -> ClockQuality:
    """Return the quality of a clock of which the kernel says `kernel` and that was last set `ago_s` seconds ago.

    *Pure.* Synced: known to a second. Holdover: was synced within a day, and drifts by seconds at most. Without either
    it is unsynced, however right it may look.
    """
    if kernel is not None and not kernel.unsynced:
        return ClockQuality.SYNCED if kernel.max_error_us < _GOOD_ERROR_US else ClockQuality.HOLDOVER
    if ago_s is None:
        return ClockQuality.UNSYNCED
    if kernel is None and ago_s <= 1.5 * _SYNC_EVERY_S:
        return ClockQuality.SYNCED
    return ClockQuality.HOLDOVER if ago_s <= _HOLDOVER_S else ClockQuality.UNSYNCED


def kernel_clock() -> KernelClock | None:
    """Return the kernel's word, None where it may not be asked."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        asked = _Timex(modes=0)
        answer = library.adjtimex(ctypes.byref(asked))
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    return KernelClock(unsynced=bool(asked.status & _STA_UNSYNC), max_error_us=int(asked.maxerror))


def synced_ago_s(files: tuple[Path, ...], now_s: float) -> float | None:
    """Return how long ago systemd-timesyncd last heard the time by the first of `files`; None if it never did here.

    Its second file also exists before the first answer and then means nothing, so the first must exist.
    """
    times = [_changed_s(path) for path in files]
    if times[0] is None:
        return None
    ago_s = now_s - max(changed_s for changed_s in times if changed_s is not None)
    return ago_s if ago_s >= -1 else None  # set back since: what the files say is of another time


def _changed_s(path: Path) -> float | None:
    """Return when `path` was last changed; None where it is not, or is nobody's business of this user."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


@cache
def boot_id() -> str:
    """Return this boot's id, 32 hexadecimal digits; zeros on a system that has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")
    except OSError:
        return "0" * 32


def boottime_ns() -> int:
    """Return CLOCK_BOOTTIME in nanoseconds: it never jumps and counts sleep."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


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
