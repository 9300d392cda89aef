"""How far the kiosk's clock can be trusted at the moment of a punch. It never decides whether a punch is taken.

- **synced**: known to a second. The kernel says so (adjtimex, which chronyd and systemd-timesyncd both tell), or,
  where a sandbox forbids even that question (systemd's ProtectClock), the service itself: chronyd over loopback,
  systemd-timesyncd by the file it touches at each answer.
- **holdover**: was synced less than a day ago in this boot and has not been set since: off by seconds at most.
- **estimated**: nobody vouches for it, but it is not before what the card has seen: a battery clock, or the time that
  was saved at the last shutdown. Right within seconds, or hours behind: nobody here can say.
- **unsynced**: it is before what the card has seen, so it is wrong.

A word given before the clock was set by hand says nothing of what it shows now. The wall clock and the boot clock count
the same ticks, so whenever they part, somebody has set it.
"""

import ctypes
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sync.messages import ClockQuality, Entry
from terminal.chrony import Heard

HOLDOVER_S = 24 * 3600.0
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No kiosk recorded anything before: a clock that shows less has lost its battery."""
_GOOD_ERROR_S = 1.0  # acceptance section 4: synced is a root dispersion under a second
_SYNC_EVERY_S = 2048.0  # timesyncd's longest pause between two answers
_SET_US = 2_000_000
_TIMESYNC = (Path("/run/systemd/timesync/synchronized"), Path("/var/lib/systemd/timesync/clock"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040
_BIRTH = datetime(1970, 1, 1, tzinfo=UTC)


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
class Reading:
    """Both clocks at one instant: the wall's, and CLOCK_BOOTTIME, which never jumps and counts sleep."""

    at: datetime
    boottime_ns: int

    @property
    def offset_us(self) -> int:
        """Wall clock minus boot clock: it changes when, and only when, the wall clock is set."""
        return (self.at - _BIRTH) // timedelta(microseconds=1) - self.boottime_ns // 1000

    def same_clock_as(self, offset_us: int) -> bool:
        """Whether nobody has set the wall clock since it had that offset."""
        return abs(self.offset_us - offset_us) <= _SET_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the card knows: no right clock shows less than `known_at`, and this boot's was `synced` then, if ever."""

    known_at: datetime = EARLIEST
    synced: Reading | None = None


def remembered(newest_first: Iterable[Entry], boot: str) -> Remembered:
    """Return what the card's entries tell about the time, in the boot called `boot`. *Pure.*"""
    known_at, synced = None, None
    for entry in newest_first:
        if known_at is None and entry.clock is not ClockQuality.UNSYNCED:
            known_at = entry.recorded_at
        if synced is None and entry.clock is ClockQuality.SYNCED and entry.boot_id == boot:
            synced = Reading(at=entry.recorded_at, boottime_ns=entry.boottime_ns)
        if known_at is not None and (synced is not None or entry.boot_id != boot):
            break
    return Remembered(known_at=max(known_at or EARLIEST, EARLIEST), synced=synced)


def judged(now: Reading, *, kernel: KernelClock | None, heard: Iterable[Heard], known: Remembered) -> ClockQuality:
    """Return the quality of a clock that shows `now`, given what the kernel, the services and the card say. *Pure.*"""
    if kernel is not None and not kernel.unsynced:
        return ClockQuality.SYNCED if kernel.max_error_us < _GOOD_ERROR_S * 1e6 else ClockQuality.HOLDOVER
    found = None
    for word in heard:
        ago_s = now.at.timestamp() - word.at_s
        if not -1 <= ago_s <= HOLDOVER_S:
            continue
        good = ago_s <= 1.5 * _SYNC_EVERY_S if word.error_s is None else word.error_s < _GOOD_ERROR_S
        # Where the kernel may be asked, it knows better than the service that once told it.
        if good and kernel is None:
            return ClockQuality.SYNCED
        found = ClockQuality.HOLDOVER
    synced = known.synced
    if synced is not None and now.same_clock_as(synced.offset_us):
        held_s = (now.boottime_ns - synced.boottime_ns) / 1e9
        if 0 <= held_s <= HOLDOVER_S:
            found = ClockQuality.HOLDOVER
    if found is not None:
        return found
    return ClockQuality.ESTIMATED if now.at >= known.known_at else ClockQuality.UNSYNCED


class Clock:
    """The kiosk's clock and what is known of it. Cheap enough to be asked at every punch. One thread asks."""

    def __init__(
        self,
        *,
        known: Remembered = Remembered(),
        chrony: Callable[[], Heard | None] = lambda: None,
        kernel: Callable[[], KernelClock | None] = lambda: kernel_clock(),
        timesync: Callable[[], Heard | None] = lambda: timesync_heard(_TIMESYNC),
        read: Callable[[], Reading] = lambda: read_clocks(),
    ) -> None:
        self._known, self._kernel, self._read = known, kernel, read
        self._sources = (chrony, timesync)
        # For each source the time it last heard, and the offset the clock had when that was first seen.
        self._seen: list[tuple[float, int] | None] = [None, None]

    def look(self) -> tuple[ClockQuality, Reading]:
        """Return how the clock is known now, and what it shows."""
        now = self._read()
        quality = judged(now, kernel=self._kernel(), heard=self._words(now), known=self._known)
        if quality is ClockQuality.SYNCED:
            self._known = Remembered(known_at=self._known.known_at, synced=now)
        return quality, now

    def recorded(self, quality: ClockQuality, at: datetime) -> None:
        """An entry of that time is on the card: what is before it, is wrong from now on."""
        if quality is not ClockQuality.UNSYNCED:
            self._known = Remembered(known_at=max(at, EARLIEST), synced=self._known.synced)

    def _words(self, now: Reading) -> list[Heard]:
        words = []
        for place, source in enumerate(self._sources):
            word = source()
            if word is None:
                continue
            seen = self._seen[place]
            if seen is None or seen[0] != word.at_s:
                self._seen[place] = seen = word.at_s, now.offset_us
            if now.same_clock_as(seen[1]):
                words.append(word)
        return words


def read_clocks() -> Reading:
    """Return both clocks, read as closely together as a program can."""
    before_ns = boottime_ns()
    at = datetime.now(UTC)
    return Reading(at=at, boottime_ns=(before_ns + boottime_ns()) // 2)


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


def timesync_heard(files: tuple[Path, ...]) -> Heard | None:
    """Return when systemd-timesyncd last heard the time in this boot, by the first of `files`; None if it never did.

    Its second file also exists before the first answer and then means nothing, so the first must exist.
    """
    times = [_changed_s(path) for path in files]
    if times[0] is None:
        return None
    return Heard(at_s=max(changed_s for changed_s in times if changed_s is not None))


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
