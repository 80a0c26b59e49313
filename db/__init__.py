"""The only place with SQL: tables, migrations, the ledger and the trends, on PostgreSQL."""
