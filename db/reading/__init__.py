"""Questions to the database that change nothing."""

__all__ = [
    "arrivals",
    "balances",
    "bridges",
    "cohort",
    "courses",
    "described_views",
    "diagnosis",
    "exports",
    "history",
    "image_files",
    "images",
    "model_versions",
    "monitoring",
    "operations",
    "patients",
    "rejections",
    "results",
    "tables",
    "trends",
    "worklist",
]
