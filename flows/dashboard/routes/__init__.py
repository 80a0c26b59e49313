"""The pages and answers of the dashboard, by what is asked for."""

__all__ = [
    "about",
    "api",
    "cohort",
    "films_shown",
    "monitoring",
    "operations",
    "patient",
    "rejected",
    "search",
    "worklist",
]
