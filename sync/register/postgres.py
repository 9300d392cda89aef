"""A PostgreSQL server as the register needs it: nothing acknowledged that a power cut takes, and nobody waits for ever.

The driver, psycopg, is never imported here: SQLAlchemy loads it for the URL.
"""

import math
import os
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from sync.register.failures import RegisterError

# Any constant; the same in every process that writes to one register.
_WRITER_LOCK = 0x48414449

# The server ends what takes longer, and says why; where it does not even do that, the line is cut `PATIENCE_S` after
# the last thing that was asked of it.
_CONNECT_S = 5
_LOCK_S = 5
_STATEMENT_S = 30
PATIENCE_S = 40.0

_SESSION = {
    "lock_timeout": f"{_LOCK_S}s",
    "statement_timeout": f"{_STATEMENT_S}s",
    # A machine that vanished must not keep the writers' lock: its server would wait two hours for it by default.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # In a zone east of UTC the driver cannot read the last day of the year 9999.
    "TimeZone": "UTC",
}
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def engine(url: sa.URL) -> sa.Engine:
    """Return an engine for `url`; nothing is connected yet. Raises RegisterError for a URL that gives words away."""
    if "@" in (url.host or ""):
        # Half of the password would be taken for the host, and be told to everybody when that is not found.
        raise RegisterError("centre.register: write @ as %40 in the password, : as %3A and / as %2F")
    wanted = {"connect_timeout": _CONNECT_S, "tcp_user_timeout": 1000 * _STATEMENT_S, "application_name": "hadir"}
    made = sa.create_engine(
        url,
        connect_args={key: value for key, value in wanted.items() if key not in url.query},
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        hide_parameters=True,
    )
    sa.event.listen(made, "connect", _prepare)
    return made


def for_reading(connection: sa.Connection) -> sa.Connection:
    """Return `connection`, whose next transaction sees one unchanging state and can change nothing."""
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def begin_write(connection: sa.Connection) -> None:
    """Have the transaction be the register's only writer from now on, on a server that keeps what it commits.

    The lock is let go after the commit can be seen, so what the next writer does comes after it for every reader.
    """
    limit = sa.func.set_config("idle_in_transaction_session_timeout", f"{_STATEMENT_S}s", True)
    kept = connection.execute(
        sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK), limit, *(sa.func.current_setting(n) for n in _DURABLE))
    ).one()
    _refuse_lossy(dict(zip(_DURABLE, kept[2:], strict=True)))


@contextmanager
def unhurried(connection: sa.Connection) -> Iterator[None]:
    """Let the transaction's statements take as long as they take meanwhile: a migration may rewrite a large table."""
    connection.execute(
        sa.select(
            sa.func.set_config("statement_timeout", "0", True),
            sa.func.set_config("idle_in_transaction_session_timeout", "0", True),
        )
    )
    connection.info["patience_s"] = math.inf
    try:
        yield
    finally:
        connection.info.pop("patience_s", None)


def _prepare(connection: Any, record: Any) -> None:
    _bound(connection, record.info)
    names = ("server_encoding", *_DURABLE)
    settings = [f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items()]
    # Pinned for this session: whoever reloads the server's configuration later does not change it under us.
    settings.append("set_config('synchronous_commit', current_setting('synchronous_commit'), false)")
    asked = ", ".join([*(f"current_setting('{name}')" for name in names), *settings])
    found = connection.execute(f"SELECT {asked}").fetchone()
    connection.commit()
    encoding, *kept = found[: len(names)]
    if encoding != "UTF8":
        raise RegisterError(f"the register's database has the encoding {encoding}; create it with ENCODING 'UTF8'")
    _refuse_lossy(dict(zip(_DURABLE, kept, strict=True)))


def _refuse_lossy(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        if value == "off":
            raise RegisterError(
                f"the register's server has {name} = off and would lose punches in a power cut; set it to on"
            )


def _bound(connection: Any, info: dict[Any, Any]) -> None:
    """Have every wait for the server end: a line that says nothing for `PATIENCE_S` is cut.

    psycopg waits as long as the line is up, and the kernel of a machine that hangs keeps it up.
    """
    wait = connection.wait

    def bounded(asking: Generator[Any, Any, Any], *more: Any, **named: Any) -> Any:
        return wait(_impatient(asking, connection, info.get("patience_s", PATIENCE_S)), *more, **named)

    connection.wait = bounded


def _impatient(asking: Generator[Any, Any, Any], connection: Any, patience_s: float) -> Generator[Any, Any, Any]:
    ends = time.monotonic() + patience_s
    try:
        wanted = next(asking)
        while True:
            ready = yield wanted
            if time.monotonic() > ends:
                _hang_up(connection)
            wanted = asking.send(ready)
    except StopIteration as done:
        return done.value


def _hang_up(connection: Any) -> None:
    """Have the line dead, which the driver finds out at its next look at it."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
