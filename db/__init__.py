"""The only place with SQL: schema, ledger, scores, corrections and trends, on PostgreSQL."""

__all__ = [
    "calibrations",
    "closing",
    "corrections",
    "courses",
    "embedded",
    "engine",
    "errors",
    "ledger",
    "reading",
    "schema",
]
