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
    "rescoring",
    "schema",
    "sent",
    "stage_times",
]
