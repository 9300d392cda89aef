"""`./hadir` on machines that lack something: one sentence that says what to do, and nothing half made."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REAL_TOOLS = ("sh", "cat", "cksum", "dirname", "flock", "grep", "mkdir", "readlink", "rm", "tail", "env")

FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *version_info*print*) echo 3.11 ;;
    *version_info*) exit 0 ;;
    --version) echo "Python 3.11.99" ;;
    *libcamera*) exit 1 ;;
    *"-m venv"*) echo "{said}"; exit 1 ;;
    *) exit 1 ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, project: Path) -> Path:
    """A folder with a copy of the bootstrap, and a `bin` that holds only what every system has."""
    shutil.copy2(project / "hadir", tmp_path / "hadir")
    shutil.copytree(project / "locks", tmp_path / "locks")
    (tmp_path / "hadir.py").write_text("print('started')\n")
    (tmp_path / "bin").mkdir()
    for tool in REAL_TOOLS:
        path = shutil.which(tool)
        assert path, tool
        (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def start(machine: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HADIR_"))}
    return subprocess.run(
        [str(machine / "hadir"), *words],
        env={**kept, "PATH": str(machine / "bin"), **environment},
        capture_output=True,
        text=True,
        timeout=110,
    )


def last_words(said: subprocess.CompletedProcess[str]) -> str:
    assert said.returncode == 1
    assert said.stdout == ""
    assert "Traceback" not in said.stderr
    return said.stderr.splitlines()[-1]


def fake_python(machine: Path, said: str) -> None:
    path = machine / "bin" / "python3"
    path.write_text(FAKE_PYTHON.format(said=said))
    path.chmod(0o755)


def real_python(machine: Path) -> str:
    return str(Path(sys.base_prefix) / "bin" / "python3")


def test_without_a_python_it_names_the_versions_that_work(machine: Path) -> None:
    assert "Python 3.11, 3.12 or 3.13 is needed" in last_words(start(machine))
    assert not (machine / ".venv").exists()


def test_without_python3_venv_it_says_what_to_install(machine: Path) -> None:
    fake_python(machine, "The virtual environment was not created successfully because ensurepip is not available.")
    assert last_words(start(machine)).endswith("run: sudo apt install python3-venv")
    assert not (machine / ".venv").exists()


def test_on_a_full_disk_it_says_how_much_to_free(machine: Path) -> None:
    fake_python(machine, "OSError: [Errno 28] No space left on device")
    assert "the disk is full; free about" in last_words(start(machine))


def test_a_folder_that_cannot_be_written_is_named(machine: Path) -> None:
    fake_python(machine, "Error: [Errno 13] Permission denied")
    assert f"the folder .venv could not be made in {machine}" in last_words(start(machine))


@pytest.mark.slow
def test_an_unreachable_registry_is_one_sentence_and_the_next_try_starts_clean(machine: Path) -> None:
    for _ in range(2):
        said = start(
            machine,
            HADIR_PYTHON=real_python(machine),
            PIP_INDEX_URL="http://127.0.0.1:9/simple",
            PIP_RETRIES="0",
            PIP_CONFIG_FILE="/dev/null",
        )
        assert "the package registry could not be reached" in last_words(said)


@pytest.mark.slow
def test_a_package_with_another_hash_is_refused_and_the_right_one_is_taken(machine: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    where = {
        "HADIR_PYTHON": real_python(machine),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": "/dev/null",
    }

    def lock(digest: str) -> None:
        for path in (machine / "locks").glob("python*.txt"):
            path.write_text(f"tiny==1.0 --hash=sha256:{digest}\n")

    lock("0" * 64)
    assert "did not have the hash written in locks/; nothing was installed" in last_words(start(machine, **where))
    lock(hashlib.sha256(wheel.read_bytes()).hexdigest())
    said = start(machine, **where)
    assert (said.returncode, said.stdout) == (0, "started\n"), said.stderr
    again = start(machine, **where)
    assert (again.stdout, again.stderr) == ("started\n", ""), "nothing is installed twice"


def test_the_lock_files_pin_everything_by_hash_and_name_no_host(project: Path) -> None:
    locks = sorted((project / "locks").glob("*.txt"))
    assert [path.name for path in locks] == [
        "python3.11-dev.txt",
        "python3.11-dlib.txt",
        "python3.11.txt",
        "python3.13-dev.txt",
        "python3.13-dlib.txt",
        "python3.13.txt",
        "rivals-3.11.txt",
        "rivals-3.13.txt",
    ]
    for path in locks:
        text = path.read_text()
        assert "://" not in text
        blocks = text.replace("\\\n", " ").splitlines()
        assert blocks
        assert all("==" in block and "--hash=sha256:" in block for block in blocks if block.strip()), path
