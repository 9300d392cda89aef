"""The register's tables as code sees them; the migrations beside this file are what makes them."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData()

# SQLite numbers rows by itself only for a column declared INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def insert_for(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, which both databases have and plain SQLAlchemy has not."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


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


# One row a punch, exactly once. `id` rises in the order of commits; `payload` is the bytes the terminal sent.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("terminal", sa.String(40), nullable=False),
    sa.Column("epoch", sa.String(32), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("employee", sa.String(32), nullable=False),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("direction", sa.String(8), nullable=False),
    sa.Column("occurred_at", Instant, nullable=False),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("clock", sa.String(16), nullable=False),
    sa.Column("repeat_of", sa.BigInteger),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("terminal", "epoch", "seq", name="events_key"),
    sa.Index("events_of_office", "office", "first_seen_at"),
    sa.Index("events_of_employee", "employee", "first_seen_at"),
    sqlite_autoincrement=True,
)

# How far each life of each terminal's database is known without a gap.
heads = sa.Table(
    "heads",
    metadata,
    sa.Column("terminal", sa.String(40), primary_key=True),
    sa.Column("epoch", sa.String(32), primary_key=True),
    sa.Column("office", sa.String(40), nullable=False),
    sa.Column("upto", sa.BigInteger, nullable=False),
    sa.Column("highest", sa.BigInteger, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
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
