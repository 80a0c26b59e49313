"""Alembic's entry point: migrates on the connection that `db.engine.Database.upgrade` opened."""

from alembic import context
from sqlalchemy import Connection


def run_migrations() -> None:
    """Migrate the database in one transaction."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    context.run_migrations()


run_migrations()
