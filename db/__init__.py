"""The only place with SQL: tables, migrations, the ledger and the trends, on PostgreSQL."""

__all__ = ["embedded", "engine", "errors", "ledger", "outcomes", "reading", "runs", "scores"]
