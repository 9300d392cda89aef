"""A private PostgreSQL server to measure on, as durable as a register asks for, and gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.broker import HOST, free_port
from errors import HadirError

_START_S = 30.0
_SETTINGS = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "logging_collector=off")


class PostgresFailed(HadirError):
    """The server does not run; the text says why."""


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL of this machine, None without one."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda each: int(each.parent.name), default=None)


@contextmanager
def private_server(folder_of_programs: Path) -> Iterator[str]:
    """Yield the URL of an empty database of a server that runs meanwhile. Raises PostgresFailed."""
    with tempfile.TemporaryDirectory(prefix="hadir-postgres-", ignore_cleanup_errors=True) as name:
        folder, port, more = Path(name), free_port(), _as_somebody_else(Path(name))
        made = subprocess.run(
            [folder_of_programs / "initdb", "-D", folder / "data", "-U", "hadir", "--auth=trust", "--encoding=UTF8",
             "--locale=C.UTF-8"],
            capture_output=True, check=False, timeout=120, **more,
        )  # fmt: skip
        if made.returncode:
            raise PostgresFailed(f"initdb failed: {made.stderr.decode(errors='replace').strip()[-200:]}")
        options = [word for each in (*_SETTINGS, f"listen_addresses={HOST}") for word in ("-c", each)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [folder_of_programs / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), *options],
                stdout=log, stderr=log, **more,
            )  # fmt: skip
        try:
            _await(server, folder_of_programs, port, folder / "log")
            yield f"postgresql+psycopg://hadir@{HOST}:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(_START_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _as_somebody_else(folder: Path) -> dict[str, Any]:
    """Return how to start its programs where we are root, as whom it refuses to run; the folder is theirs then."""
    where: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL}
    if os.geteuid() != 0:
        return where
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {**where, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise PostgresFailed("there is no user to run PostgreSQL as")


def _await(server: "subprocess.Popen[bytes]", folder_of_programs: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        asked = subprocess.run(
            [folder_of_programs / "pg_isready", "-q", "-h", HOST, "-p", str(port)], check=False, timeout=_START_S
        )
        if asked.returncode == 0:
            return
        time.sleep(0.05)
    raise PostgresFailed(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()[-200:]}")
