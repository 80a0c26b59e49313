"""Questions to the database that change nothing."""

__all__ = [
    "balances",
    "cohort",
    "courses",
    "described_views",
    "exports",
    "history",
    "image_files",
    "images",
    "model_versions",
    "operations",
    "patients",
    "rejections",
    "results",
    "tables",
    "trends",
    "worklist",
]
