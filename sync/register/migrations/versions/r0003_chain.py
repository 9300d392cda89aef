"""Signed chains: device keys, the hash of each head, and for every entry its boot, its receipt and the time counted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as table:
        # A note of the clock is an entry without a person.
        for name, kind in (
            ("employee", sa.String(32)),
            ("method", sa.String(16)),
            ("direction", sa.String(8)),
            ("occurred_at", _INSTANT),
            ("first_seen_at", _INSTANT),
        ):
            table.alter_column(name, existing_type=kind, nullable=True)
        table.add_column(sa.Column("receipt", sa.String(10)))
        table.add_column(sa.Column("boot_id", sa.String(32), nullable=False, server_default=""))
        table.add_column(sa.Column("boottime_ns", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("recorded_at", _INSTANT))
        table.add_column(sa.Column("clock_jump_ms", sa.BigInteger))
        table.add_column(sa.Column("counted_at", _INSTANT))
        table.add_column(sa.Column("timed_by", sa.String(8), nullable=False, server_default="clock"))
        table.add_column(sa.Column("earliest_at", _INSTANT))
        table.add_column(sa.Column("latest_at", _INSTANT))
    op.execute("UPDATE events SET counted_at = first_seen_at")
    op.drop_index("events_of_office", "events")
    op.drop_index("events_of_employee", "events")
    op.create_index("events_of_office", "events", ["office", "counted_at"])
    op.create_index("events_of_employee", "events", ["employee", "counted_at"])
    op.create_index("events_of_receipt", "events", ["receipt"])
    untimed = sa.text("timed_by <> 'clock'")
    op.create_index("events_untimed", "events", ["terminal", "boot_id"], sqlite_where=untimed, postgresql_where=untimed)
    op.add_column("heads", sa.Column("upto_hash", sa.String(64), nullable=False, server_default=""))
    op.add_column("heads", sa.Column("forked", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("quarantine", sa.Column("reason", sa.String(200), nullable=False, server_default=""))
    op.create_table(
        "boots",
        sa.Column("terminal", sa.String(40), primary_key=True),
        sa.Column("boot_id", sa.String(32), primary_key=True),
        sa.Column("offset_us", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "device_keys",
        sa.Column("office", sa.String(40), primary_key=True),
        sa.Column("terminal", sa.String(40), primary_key=True),
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("offered_at", _INSTANT, nullable=False),
        sa.Column("decided_at", _INSTANT),
    )


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
