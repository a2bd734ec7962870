"""Alembic's entry: runs revisions over the connection that `migrations` opened."""

from alembic import context

connection = context.config.attributes["connection"]
version_table = context.config.attributes["version_table"]
context.configure(
    connection=connection, version_table=version_table, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
