"""Questions to the database that change nothing."""

__all__ = [
    "bridges",
    "cohort",
    "courses",
    "described_views",
    "exports",
    "history",
    "image_files",
    "images",
    "model_versions",
    "patients",
    "results",
    "tables",
    "trends",
    "worklist",
]
