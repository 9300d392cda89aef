"""A15: punches come at an even rate for a long time, and the collector grows in nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import collector as bench


@pytest.mark.nightly
@pytest.mark.timeout(36_000)
def test_a15_half_an_hour_of_punches_leaves_memory_and_descriptors_as_they_were(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    """HADIR_SOAK_MIN makes it longer: 480 is the night of acceptance A15."""
    program("mosquitto")
    wanted = bench.Wanted(soak_min=float(os.environ.get("HADIR_SOAK_MIN", "30")))
    with bench.Fleet.started(0) as fleet:
        figures = bench.soak(fleet, wanted, tmp_path, print)
    print(figures)
    assert figures["ack_p99_ms_soak"] <= 1000
    assert figures["soak_rss_slope_mb_per_h"] < 1
    assert len(figures["soak_fds"]) == 1
    assert figures["soak_wal_mb"] <= 16
