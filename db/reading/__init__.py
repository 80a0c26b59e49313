"""Questions to the database that change nothing."""

__all__ = [
    "balances",
    "cohort",
    "courses",
    "described_views",
    "history",
    "image_files",
    "images",
    "model_versions",
    "patients",
    "rejections",
    "results",
    "tables",
    "trends",
    "worklist",
]
