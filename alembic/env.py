"""Runs the journal's migrations over the connection that the journal's writer already holds.

The writer opens SQLite with `isolation_level=None` and begins with `BEGIN IMMEDIATE`; together with
`transactional_ddl=True` the whole upgrade is one transaction: a kill at any instant leaves the old or the new schema.
"""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
