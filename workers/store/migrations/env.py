"""Runs the revisions on the connection that `Database.migrate` hands over; its transaction is the caller's."""

from __future__ import annotations

from alembic import context

from workers.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite can take a CREATE TABLE back; Alembic only believes so when told.
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
