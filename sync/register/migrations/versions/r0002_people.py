"""Employees, templates, PINs, releases."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "employees",
        sa.Column("number", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("valid_from", _INSTANT, nullable=False),
        sa.Column("withdrawn_at", _INSTANT),
    )
    op.create_index("employees_of_office", "employees", ["office", "number"])
    op.create_table(
        "templates",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), nullable=False),
        sa.Column("engine_id", sa.String(200), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("made_from", sa.String(64)),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("employee", "engine_id", "source", name="templates_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pins",
        sa.Column("employee", sa.String(32), sa.ForeignKey("employees.number"), primary_key=True),
        sa.Column("hash", sa.String(300), nullable=False),
        sa.Column("set_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("office", sa.String(40), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("engine_id", sa.String(200), nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("blob", sa.LargeBinary),
        sa.Column("created_at", _INSTANT, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
