"""Alembic's way in: the connection, already in a transaction, comes from Register.open."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
