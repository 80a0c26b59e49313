"""The only place with SQL: schema, ledger, scores, corrections and trends, on PostgreSQL."""

__all__ = [
    "calibrations",
    "corrections",
    "embedded",
    "engine",
    "enlisting",
    "errors",
    "ledger",
    "outcomes",
    "reading",
    "runs",
    "schema",
    "scores",
    "sources",
]
