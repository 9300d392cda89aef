"""The command as a program: what it prints wherever it is printed, and how it ends when it is broken off."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_the_terminal_cannot_show_does_not_end_the_command(project: Path, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "config.yaml").write_text("office: {name: Kantor}\n")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "people.csv").write_text("number,name\n1001,Gülşen Şahin\n", encoding="utf-8")
    hadir = [sys.executable, str(project / "hadir.py"), "--config", str(tmp_path / "config.yaml")]
    for words in (["enroll", "import", str(tmp_path / "people")], ["enroll", "list"]):
        said = subprocess.run(
            [*hadir, *words],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            timeout=60,
        )
        assert said.returncode == 0, said.stderr.decode(errors="replace")
        assert "ahin" in said.stdout.decode(encoding, errors="replace")
        assert said.stderr == b""


@pytest.mark.slow
def test_ctrl_c_ends_a_command_without_a_traceback_however_early(project: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("office: {name: Kantor}\n")
    hadir = [
        sys.executable,
        "-v",
        str(project / "hadir.py"),
        "--config",
        str(tmp_path / "config.yaml"),
        "enroll",
        "list",
    ]
    for imported in ("import 'click'", "import 'yaml", "import 'config'", "import 'sqlalchemy"):
        # Python tells on standard error what it has imported: the moment is known, not guessed.
        with subprocess.Popen(hadir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith(imported):
                    break
            else:
                pytest.fail(f"{imported!r} was never said")
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
        assert process.returncode in (-signal.SIGINT, 130), imported
        assert "Traceback" not in rest, imported


def test_a_command_that_is_broken_off_says_so_and_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from hadir import main

    def break_off(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("config.load", break_off)
    said = CliRunner().invoke(main, ["config", "show"])
    assert (said.exit_code, said.output) == (130, "Stopped.\n")
