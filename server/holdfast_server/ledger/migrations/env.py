"""Runs migrations on the connection that migrate.py hands over."""

from __future__ import annotations

from alembic import context

from holdfast_server.ledger import tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=tables.metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
