"""A14: 300 kiosks come back at once, each with what a week left on its card, while people go on punching.

Nothing here is a copy of the bench's figures: it is the bench's own run, held to the limits of the promise. That each
entry is there exactly once, and that every live punch was answered, the run counts in the register itself.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import collector as bench


def _drained(folder: Path, each: int) -> dict[str, float]:
    wanted = bench.Wanted(events=bench.KIOSKS * each)
    with bench.Fleet.started(each) as fleet:
        return bench.backlog(fleet, wanted, folder, print)


@pytest.mark.slow
def test_a14_a_day_of_300_kiosks_is_taken_while_people_punch(program: Callable[[str], str], tmp_path: Path) -> None:
    program("mosquitto")
    figures = _drained(tmp_path, 40)
    assert figures["backlog_events"] == 12_000
    assert figures["peak_rss_mb"] < 400
    assert figures["backlog_wal_mb"] <= 16


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a14_a_week_of_300_kiosks_is_taken_in_five_minutes(program: Callable[[str], str], tmp_path: Path) -> None:
    program("mosquitto")
    figures = _drained(tmp_path, 1400)
    print(figures)
    assert figures["backlog_events"] == 420_000
    assert figures["backlog_drain_s"] <= 300
    assert figures["ack_p99_ms_backlog"] <= 5000
    assert figures["peak_rss_mb"] < 400
    assert figures["backlog_wal_mb"] <= 16
