"""Several looks of one person: a template each for glasses, a jilbab, a mask; "" is how they usually look."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    with op.batch_alter_table("templates", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("look", sa.String(40), nullable=False, server_default=""))
        table.drop_constraint("templates_key", type_="unique")
        table.create_unique_constraint("templates_key", ["employee", "engine_id", "source", "look"])


def downgrade() -> None:
    raise NotImplementedError("a register is never taken back; restore its backup instead")
