"""A private PostgreSQL server for the tests: with a folder, port and user of its own, killed and started at will.

Nothing of it is left afterwards. A cluster that the machine has already is left alone.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

# Not what a register would choose, so that one leaning on the server's own settings is found out.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "timezone": "Asia/Jakarta",
    "default_transaction_isolation": "serializable",
    "logging_collector": "off",
    "log_statement": "none",
}
ROLE = "hadir"
PASSWORD = "pa:s/w@rd-" + secrets.token_hex(8)
QUOTED_PASSWORD = PASSWORD.replace(":", "%3A").replace("/", "%2F").replace("@", "%40")
_PATIENCE_S = 30.0


class Server:
    """A running server, durable as the register asks for. Its register's user `hadir` owns each database it makes."""

    def __init__(self, *, programs: Path, folder: Path, user: int | None) -> None:
        self._programs, self.folder, self._user = programs, folder, user
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = 0

    def start(self) -> None:
        """Have the server up and answering, on the port it had before, if any."""
        for _ in range(5):
            self.port = self.port or _free_port()
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port)],
                    stdout=log,
                    stderr=log,
                    **self._as_user(),  # type: ignore[call-overload]
                )
            if self._answers():
                return
        raise AssertionError(self.log()[-2000:])

    def stop(self) -> None:
        """Have the server gone, as it would end by itself."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Have every process of the server dead by SIGKILL, in the middle of whatever it did."""
        assert self._process is not None
        processes = [self._process.pid, *self.children()]
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        self._process.wait(_PATIENCE_S)
        ends = time.monotonic() + _PATIENCE_S
        while any(_alive(pid) for pid in processes):
            assert time.monotonic() < ends, "the server does not die"
            time.sleep(0.01)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Every process of the server stands still meanwhile, while the kernel keeps its connections up."""
        assert self._process is not None
        processes = [self._process.pid, *self.children()]
        for pid in processes:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                _signal(pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """The processes the server has started: its workers and one for each connection."""
        assert self._process is not None
        parent = str(self._process.pid)
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[1] == parent:
                    found.append(int(entry.name))
        return found

    def url(self, database: str) -> str:
        """Where the register finds `database`, with its password."""
        return f"postgresql+psycopg://{ROLE}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, more: str = "") -> str:
        """Return the name of a database that nothing is in yet."""
        self._databases += 1
        name = f"register_{self._databases}"
        with self.admin() as admin:
            admin.execute(sql.SQL(f"CREATE DATABASE {{}} OWNER {{}} {more}").format(*map(sql.Identifier, (name, ROLE))))
        return name

    def drop_database(self, name: str) -> None:
        with self.admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """Return a connection, as the server's owner, on which each statement is a transaction."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=5
        )

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)  # in a folder for its owner only
        subprocess.run(
            [self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "--pwfile", password,
             "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
             "--locale-provider=icu", "--icu-locale=id-ID"],
            check=True, capture_output=True, timeout=120, **self._as_user(),
        )  # fmt: skip
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())

    def _as_user(self) -> dict[str, object]:
        where: dict[str, object] = {"cwd": self.folder, "stdin": subprocess.DEVNULL}
        if self._user is None:
            return where
        return {**where, "user": self._user, "group": pwd.getpwuid(self._user).pw_gid, "extra_groups": []}

    def _answers(self) -> bool:
        assert self._process is not None
        ends = time.monotonic() + _PATIENCE_S
        while self._process.poll() is None and time.monotonic() < ends:
            try:
                self.admin().close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False


@contextmanager
def private_server(programs: Path) -> Iterator[Server]:
    """Yield a running server made with the programs of that folder; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hadir-postgres-"))
    user = _unprivileged()
    if user is not None:
        os.chown(folder, user, -1)
    server = Server(programs=programs, folder=folder, user=user)
    try:
        server._initialise()
        server.start()
        with server.admin() as admin:
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(PASSWORD))
            )
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _unprivileged() -> int | None:
    """Return who runs the server where we are root, as whom it refuses to run."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("there is no user to run PostgreSQL as")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
