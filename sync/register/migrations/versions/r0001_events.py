"""Events, heads, quarantine, rejected messages, statuses."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("terminal", sa.String(40), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("employee", sa.String(32), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("occurred_at", _INSTANT, nullable=False),
        sa.Column("first_seen_at", _INSTANT, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("clock", sa.String(16), nullable=False),
        sa.Column("repeat_of", sa.BigInteger),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("terminal", "epoch", "seq", name="events_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_of_office", "events", ["office", "first_seen_at"])
    op.create_index("events_of_employee", "events", ["employee", "first_seen_at"])
    op.create_table(
        "heads",
        sa.Column("terminal", sa.String(40), primary_key=True),
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("upto", sa.BigInteger, nullable=False),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("terminal", sa.String(40), nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("terminal", "epoch", "seq", "payload_sha256", name="quarantine_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rejected",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("payload_bytes", sa.BigInteger, nullable=False),
        sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("first_at", _INSTANT, nullable=False),
        sa.Column("last_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("topic", "payload_sha256", name="rejected_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "statuses",
        sa.Column("office", sa.String(40), primary_key=True),
        sa.Column("terminal", sa.String(40), primary_key=True),
        sa.Column("presence", sa.String(16), nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
