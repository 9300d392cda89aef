"""The systemd units: systemd itself has nothing to say against them, and they start what this project has."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNITS = ("hadir-terminal.service", "hadir-collector.service", "hadir-console.service")


def here(text: str, project: Path) -> str:
    """The unit as it would read if the project were installed where it lies now."""
    return text.replace("/opt/hadir/", f"{project}/")


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_systemd_verifies_the_unit_without_a_line_of_complaint(
    name: str, project: Path, tmp_path: Path, program: Callable[[str], str]
) -> None:
    unit = tmp_path / name
    unit.write_text(here((project / "systemd" / name).read_text(), project))
    said = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    # An unknown key or a bad value only warns and exits 0, so every line counts.
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_c6_the_sandbox_scores_2_or_better(
    name: str, project: Path, tmp_path: Path, program: Callable[[str], str]
) -> None:
    unit = tmp_path / name
    unit.write_text(here((project / "systemd" / name).read_text(), project))
    command = [program("systemd-analyze"), "security", "--no-pager", "--offline=true", "--threshold=20", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout[-400:]


@pytest.mark.slow
def test_a_unit_with_an_unknown_key_is_complained_about(tmp_path: Path, program: Callable[[str], str]) -> None:
    """The control: the check above can fail."""
    unit = tmp_path / "hadir-broken.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nRestartEvery=1\n")
    said = subprocess.run([program("systemd-analyze"), "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert "RestartEvery" in said.stderr


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_starts_a_command_that_exists(name: str, project: Path) -> None:
    import click

    from hadir import main

    lines = (project / "systemd" / name).read_text().splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    words = start.split("hadir.py --config /var/lib/hadir/config.yaml ")[1].split()
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    assert not isinstance(command, click.Group)


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_watched_restarted_and_not_root(name: str, project: Path) -> None:
    lines = (project / "systemd" / name).read_text().splitlines()
    assert {"Type=notify", "Restart=always", "WatchdogSec=30", "User=hadir", "NoNewPrivileges=yes"} <= set(lines)


@pytest.mark.parametrize("name", UNITS)
def test_c7_what_is_unsealed_in_memory_is_never_written_out(name: str, project: Path) -> None:
    lines = (project / "systemd" / name).read_text().splitlines()
    assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(lines)
