"""What the machine says of itself, and the honesty of its clock."""

import os
import re
import time
from pathlib import Path

import pytest

from sync.messages import ClockQuality
from terminal import health
from terminal.health import KernelClock

GOOD = KernelClock(unsynced=False, max_error_us=20_000)
DRIFTED = KernelClock(unsynced=False, max_error_us=3_000_000)
LOST = KernelClock(unsynced=True, max_error_us=16_000_000)


@pytest.mark.parametrize(
    ("kernel", "ago_s", "expected"),
    [
        (GOOD, None, ClockQuality.SYNCED),
        (GOOD, 90_000.0, ClockQuality.SYNCED),
        (DRIFTED, None, ClockQuality.HOLDOVER),
        (LOST, None, ClockQuality.UNSYNCED),
        (LOST, 60.0, ClockQuality.HOLDOVER),
        (LOST, 90_000.0, ClockQuality.UNSYNCED),
        (None, None, ClockQuality.UNSYNCED),
        (None, 600.0, ClockQuality.SYNCED),
        (None, 7200.0, ClockQuality.HOLDOVER),
        (None, 90_000.0, ClockQuality.UNSYNCED),
    ],
)
def test_a_clock_is_as_good_as_what_is_known_of_it(
    kernel: KernelClock | None, ago_s: float | None, expected: ClockQuality
) -> None:
    assert health.judged(kernel, ago_s) is expected


def test_timesyncds_file_says_when_it_heard_the_time(tmp_path: Path) -> None:
    synced, saved = tmp_path / "synchronized", tmp_path / "clock"
    assert health.synced_ago_s((synced, saved), time.time()) is None
    saved.touch()
    assert health.synced_ago_s((synced, saved), time.time()) is None, "it exists before the first answer, too"
    synced.touch()
    ago_s = health.synced_ago_s((synced, saved), time.time() + 100)
    assert ago_s == pytest.approx(100, abs=5)
    assert health.synced_ago_s((synced, saved), time.time() - 3600) is None, "the clock was set back since"


def test_the_kernel_may_be_asked_or_not_but_never_raises() -> None:
    assert health.clock_quality() in ClockQuality


def test_boot_and_its_clock_are_as_messages_want_them() -> None:
    assert re.fullmatch("[0-9a-f]{32}", health.boot_id())
    first = health.boottime_ns()
    assert 0 < first <= health.boottime_ns()


def test_the_hottest_zone_counts_and_nonsense_does_not(tmp_path: Path) -> None:
    assert health.temperature_c(tmp_path) is None
    for number, text in enumerate(["48312\n", "55100\n", "-273000\n", "hot\n", ""]):
        folder = tmp_path / f"thermal_zone{number}"
        folder.mkdir()
        (folder / "temp").write_text(text)
    assert health.temperature_c(tmp_path) == 55.1


def test_vitals_are_complete_where_the_folder_is_and_absent_where_not(tmp_path: Path) -> None:
    found = health.vitals(tmp_path)
    assert found.disk_free_mb is not None
    assert found.uptime_s > 0
    assert health.vitals(tmp_path / "nowhere").disk_free_mb is None


def test_a_time_file_that_may_not_be_asked_for_is_as_good_as_none(tmp_path: Path) -> None:
    told, kept = tmp_path / "synchronized", tmp_path / ("x" * 300)  # stat fails, but not with "not found"
    assert health.synced_ago_s((kept, told), 1000.0) is None
    told.touch()
    os.utime(told, (900, 900))
    assert health.synced_ago_s((told, kept), 1000.0) == 100.0
