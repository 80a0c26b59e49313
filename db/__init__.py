"""The only place with SQL: schema, ledger, scores, corrections and courses, on PostgreSQL."""

__all__ = [
    "backups",
    "calibrations",
    "closing",
    "corrections",
    "courses",
    "drift",
    "embedded",
    "engine",
    "errors",
    "events",
    "ledger",
    "lookups",
    "pacs",
    "reading",
    "registration",
    "rekeying",
    "retention",
    "schema",
    "sent",
    "stage_times",
]
