"""The register's tables as code sees them; the migrations beside this file are what makes them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData()

# SQLite numbers rows by itself only for a column declared INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_ROWS_A_STATEMENT = 50
"""Python's sqlite3 lets go of its lock at every step; taking it back for each row cost a sixth of the rate."""


def insert_for(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, which both databases have and plain SQLAlchemy has not."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def listed(dialect: str, columns: Sequence[sa.Column[Any]]) -> sa.CTE:
    """Return a table to join with, its columns named and typed as these, whose rows are the parameter `listed`.

    For `(a, b) IN (...)` SQLite reads the whole table; what is joined it looks up in an index. As JSON the rows are one
    value, so that the statement is the same, and compiled once, however many there are.
    """
    given = sa.bindparam("listed", type_=sa.Text)
    if dialect == "sqlite":
        rows = sa.func.json_each(given).table_valued("value", name="given")
    else:
        rows = sa.func.json_array_elements(sa.cast(given, sa.JSON)).table_valued("value", name="given").render_derived()
    values = (rows.c.value.op("->>")(sa.literal_column(str(at))) for at in range(len(columns)))
    named = (sa.cast(value, each.type).label(each.name) for value, each in zip(values, columns, strict=True))
    return sa.select(*named).cte("listed")


def as_listed(keys: Iterable[tuple[Any, ...]]) -> dict[str, str]:
    """Return the parameter of a statement with `listed` in it."""
    return {"listed": msgspec.json.encode(list(keys)).decode()}


def insert_many(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Have `rows`, which all name the same columns, in `table`.

    The values go to the driver as they are, but for the moments, which SQLite keeps as text: SQLAlchemy's look at each
    value took half of the time of a whole batch.
    """
    dialect = connection.dialect
    statement, in_order = _insert(table, tuple(rows[0]), dialect)
    if dialect.name != "sqlite":
        connection.exec_driver_sql(statement, list(rows))
        return
    moments = [name for name in rows[0] if isinstance(table.c[name].type, Instant)]
    texts: dict[datetime | None, str | None] = {None: None}
    values = []
    for row in rows:
        for name in moments:
            moment = row[name]
            text = texts.get(moment)
            if text is None and moment is not None:
                text = texts[moment] = _text(moment)
            row[name] = text
        values.append(in_order(row))
    whole = len(values) - len(values) % _ROWS_A_STATEMENT
    for start in range(0, whole, _ROWS_A_STATEMENT):
        several = tuple(chain.from_iterable(values[start : start + _ROWS_A_STATEMENT]))
        connection.exec_driver_sql(_several(statement), several)
    if whole < len(values):
        connection.exec_driver_sql(statement, values[whole:])


@cache
def _several(statement: str) -> str:
    """Return the INSERT of one row as one of `_ROWS_A_STATEMENT`."""
    head, values, row = statement.rpartition("VALUES ")
    return head + values + ", ".join([row] * _ROWS_A_STATEMENT)


@cache
def _insert(table: sa.Table, names: tuple[str, ...], dialect: sa.Dialect) -> tuple[str, Callable[[Any], Any]]:
    """Return the driver's own INSERT, and what puts the values of a row into the order it wants them in."""
    compiled = sa.insert(table).values({name: sa.bindparam(name) for name in names}).compile(dialect=dialect)
    return str(compiled), itemgetter(*(getattr(compiled, "positiontup", None) or names))


def _text(moment: datetime) -> str:
    """Return `moment` as SQLAlchemy has SQLite keep it: UTC, to the microsecond, sortable."""
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError("a moment without zone")
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:26]


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment, always with zone in Python and always UTC in the database. SQLite keeps it as sortable text."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# One row an entry, exactly once. A punch has a method; a correction has none and the receipt of its punch, a note of
# the desk and an enrolment have an employee alone, a note of the clock nobody. `id` rises in the order of commits;
# `payload` is the bytes the terminal sent. `counted_at` is the arrival as well as it is known: first_seen_at, or what
# it was corrected to (`timed_by`: clock, boot, bounds), then not before `earliest_at` nor after `latest_at`.
# `voided`, `direction_now` and `corrected_at` are what corrections have made of a punch
# (sync/register/corrections.py).
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("employee", sa.String(32)),
    sa.Column("method", sa.String(16)),
    sa.Column("direction", sa.String(8)),
    sa.Column("occurred_at", Instant),
    sa.Column("first_seen_at", Instant),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("clock", sa.String(16), nullable=False),
    sa.Column("repeat_of", sa.BigInteger),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("receipt", sa.String(10)),
    sa.Column("boot_id", sa.String(32), nullable=False, server_default=""),
    sa.Column("boottime_ns", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("recorded_at", Instant),
    sa.Column("clock_jump_ms", sa.BigInteger),
    sa.Column("counted_at", Instant),
    sa.Column("timed_by", sa.String(8), nullable=False, server_default="clock"),
    sa.Column("earliest_at", Instant),
    sa.Column("latest_at", Instant),
    sa.Column("voided", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("direction_now", sa.String(8)),
    sa.Column("corrected_at", Instant),
    sa.UniqueConstraint("terminal", "epoch", "seq", name="events_key"),
    sa.Index("events_of_office", "office", "counted_at"),
    sa.Index("events_of_employee", "employee", "counted_at"),
    sa.Index("events_of_receipt", "receipt"),
    sa.Index(
        "events_untimed",
        "terminal",
        "boot_id",
        sqlite_where=sa.text("timed_by <> 'clock'"),
        postgresql_where=sa.text("timed_by <> 'clock'"),
    ),
    sa.Index(
        "events_corrected",
        "counted_at",
        sqlite_where=sa.text("corrected_at IS NOT NULL"),
        postgresql_where=sa.text("corrected_at IS NOT NULL"),
    ),
    sa.Index(
        "events_beside",
        "counted_at",
        sqlite_where=sa.text("method IS NULL AND employee IS NOT NULL"),
        postgresql_where=sa.text("method IS NULL AND employee IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# How far each life of each terminal's database is known without a gap, and the hash of the entry there. Once `forked`,
# other bytes came under a key of it, or an entry that does not follow the one before.
heads = sa.Table(
    "heads",
    metadata,
    sa.Column("terminal", sa.String(40), primary_key=True),
    sa.Column("epoch", sa.String(32), primary_key=True),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("upto", sa.BigInteger, nullable=False),
    sa.Column("upto_hash", sa.String(64), nullable=False, server_default=""),
    sa.Column("highest", sa.BigInteger, nullable=False),
    sa.Column("forked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("changed_at", Instant, nullable=False),
)

# What each boot's clock was worth: wall clock minus boot clock at an entry whose time was vouched for.
boots = sa.Table(
    "boots",
    metadata,
    sa.Column("terminal", sa.String(40), primary_key=True),
    sa.Column("boot_id", sa.String(32), primary_key=True),
    sa.Column("offset_us", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

# The public key each kiosk signs with: offered by its status, then approved by somebody who compared the two ids.
device_keys = sa.Table(
    "device_keys",
    metadata,
    sa.Column("office", sa.String(40), primary_key=True),
    sa.Column("terminal", sa.String(40), primary_key=True),
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("offered_at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
)

# Other bytes under a key that is already taken: evidence of a cloned or rolled-back card, kept for a human.
quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False, server_default=""),
    sa.UniqueConstraint("terminal", "epoch", "seq", "payload_sha256", name="quarantine_key"),
    sqlite_autoincrement=True,
)

# Messages that were none; `payload` is cut, `payload_bytes` is the whole length, `times` counts repeats.
rejected = sa.Table(
    "rejected",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String(200), nullable=False),
    sa.Column("reason", sa.String(300), nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("payload_bytes", sa.BigInteger, nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.UniqueConstraint("topic", "payload_sha256", name="rejected_key"),
    sqlite_autoincrement=True,
)

# The latest word of each terminal. `heard_at` is when it was said, as well as the centre can know.
statuses = sa.Table(
    "statuses",
    metadata,
    sa.Column("office", sa.String(40), primary_key=True),
    sa.Column("terminal", sa.String(40), primary_key=True),
    sa.Column("presence", sa.String(16), nullable=False),
    sa.Column("heard_at", Instant, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)
