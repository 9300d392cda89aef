"""What the machine says of itself."""

from pathlib import Path

from sync.messages import ClockQuality
from terminal import health


def test_the_hottest_zone_counts_and_nonsense_does_not(tmp_path: Path) -> None:
    assert health.temperature_c(tmp_path) is None
    for number, text in enumerate(["48312\n", "55100\n", "-273000\n", "hot\n", ""]):
        folder = tmp_path / f"thermal_zone{number}"
        folder.mkdir()
        (folder / "temp").write_text(text)
    assert health.temperature_c(tmp_path) == 55.1


def test_vitals_are_complete_where_the_folder_is_and_absent_where_not(tmp_path: Path) -> None:
    found = health.vitals(tmp_path, ClockQuality.SYNCED)
    assert found.disk_free_mb is not None
    assert found.uptime_s > 0
    assert health.vitals(tmp_path / "nowhere", ClockQuality.SYNCED).disk_free_mb is None
