"""How full the kiosk's card is, and what is given up so that a punch finds room: evidence pictures, then debug logs.

Nothing else is ever deleted: not the database and its log, not one set aside as damaged, no key, no encoding set. What
the card must lose first is decided here by age alone, and said in the log and, as an alarm, to the centre.
"""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

EVIDENCE, LOGS = "evidence", "logs"
"""The folders in the kiosk's that may be emptied. Whoever writes a log there opens it anew when it is gone."""
ALARMS = {50: "storage_50", 80: "storage_80", 90: "storage_90"}
_GIVE_UP_AT, _GIVE_UP_ALL_AT = 80, 90
_CALM_BELOW = 3
"""An alarm stands until it is so many points below its level: what was made room for fills again."""
_EVERY_S, _LOOK_EVERY_S = 60.0, 0.5
_BLOCK = 512  # st_blocks counts these, whatever the file system's own are (stat(2))

_log = logging.getLogger("hadir.terminal.storage")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLevel:
    """How much of what may be filled is filled, both in bytes."""

    used: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.used / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file that may be given up: `size` is what its deletion frees, in bytes."""

    path: Path
    size: int
    changed_ns: int


def level(folder: Path, *, quota_mb: int = 0) -> StorageLevel:
    """Return how full the disk is on which `folder` lies, as `df` counts; with a quota, how full that is.

    With a quota (megabytes, 10^6) what lies in `folder` counts, and what the disk has left is all there is. Raises
    OSError.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if quota_mb:
        own = sum(piece.size for piece in _pieces(folder.resolve()))
        return StorageLevel(used=own, total=min(quota_mb * 1_000_000, own + free))
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return StorageLevel(used=used, total=used + free)


def alarm_level(found: StorageLevel, before: int) -> int:
    """Return the highest level of ALARMS that is reached, 0 for none; the one from `before` only falls well below.

    *Pure.*
    """
    reached = max((at for at in ALARMS if found.percent >= at), default=0)
    held = max((at for at in ALARMS if at <= before and found.percent >= at - _CALM_BELOW), default=0)
    return max(reached, held)


def given_up(found: StorageLevel, *, evidence: Sequence[Piece], logs: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return what is to be deleted, in that order: the oldest until under 80 %, from 90 % on all of it. *Pure.*"""
    if found.percent < _GIVE_UP_AT:
        return ()
    order = (*sorted(evidence, key=_age), *sorted(logs, key=_age))
    if found.percent >= _GIVE_UP_ALL_AT:
        return order
    chosen, freed = 0, 0
    while chosen < len(order) and 100 * (found.used - freed) >= _GIVE_UP_AT * found.total:
        freed += order[chosen].size
        chosen += 1
    return order[:chosen]


def make_room(folder: Path, *, quota_mb: int = 0) -> tuple[StorageLevel, StorageLevel]:
    """What had to be given up is gone; return how full it was before and is now. Raises OSError."""
    before = level(folder, quota_mb=quota_mb)
    if before.percent < _GIVE_UP_AT:
        return before, before
    evidence, logs = list(_pieces(folder / EVIDENCE)), list(_pieces(folder / LOGS))
    chosen = given_up(before, evidence=evidence, logs=logs)
    gone = [piece for piece in chosen if _delete(piece)]
    if not chosen:
        return before, before
    pictures = sum(piece.path.is_relative_to(folder / EVIDENCE) for piece in gone)
    _log.warning(
        "%.0f %% full: %d evidence pictures and %d logs given up, %d bytes; %d files could not be",
        before.percent,
        pictures,
        len(gone) - pictures,
        sum(piece.size for piece in gone),
        len(chosen) - len(gone),
    )
    return before, level(folder, quota_mb=quota_mb)


class Storage:
    """The thread body that looks after the card's room, once a minute and when somebody wakes it."""

    def __init__(self, folder: Path, *, quota_mb: int = 0) -> None:
        self._folder, self._quota_mb = folder, quota_mb
        self._wanted = threading.Event()
        self._level = 0
        self._said = ""
        self._percent: float | None = None

    def percent(self) -> float | None:
        """Return how full it was when that was looked at last, None before. Any thread."""
        return self._percent

    def alarms(self) -> tuple[str, ...]:
        """Return the code of the level that is reached, if any. Any thread."""
        reached = self._level
        return (ALARMS[reached],) if reached else ()

    def wake(self) -> None:
        """It is looked at now: a punch was refused. Any thread."""
        self._wanted.set()

    def run(self, stop: threading.Event) -> None:
        """There is room as far as there can be, until `stop` is set."""
        while not stop.is_set():
            self._wanted.clear()
            self.look()
            waited_s = 0.0
            while waited_s < _EVERY_S and not self._wanted.is_set() and not stop.wait(_LOOK_EVERY_S):
                waited_s += _LOOK_EVERY_S

    def look(self) -> None:
        """There is room as far as there can be, and the alarm is that of now."""
        try:
            before, now = make_room(self._folder, quota_mb=self._quota_mb)
        except OSError as error:
            self._say(f"how full the card is cannot be told: {error}")
            return
        reached = alarm_level(now, alarm_level(before, self._level))
        if reached != self._level:
            _log.warning("%.0f %% of the card is full (alarm level %d, before %d)", now.percent, reached, self._level)
        self._level, self._percent = reached, now.percent

    def _say(self, what: str) -> None:
        if what != self._said:
            _log.error("%s", what)
        self._said = what


def _age(piece: Piece) -> tuple[int, str]:
    return piece.changed_ns, str(piece.path)


def _pieces(folder: Path) -> Iterator[Piece]:
    """Yield the files below `folder`, following no link: what a link leads to is not this kiosk's to delete."""
    if folder.is_symlink():
        return
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                found = path.lstat()
            except OSError:
                continue  # somebody else was quicker
            yield Piece(path=path, size=found.st_blocks * _BLOCK, changed_ns=found.st_mtime_ns)


def _delete(piece: Piece) -> bool:
    """Return whether the file is gone and its room free, even if a logger still has it open."""
    with suppress(OSError):
        if not piece.path.is_symlink():
            os.truncate(piece.path, 0)
        piece.path.unlink()
        return True
    return False
