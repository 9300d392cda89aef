"""The command as a program: what it prints wherever it is printed."""

import os
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
