"""The main job: from the objects of a source to scores in the database."""

__all__ = [
    "backfill",
    "enlisting",
    "every_source",
    "explaining",
    "flow",
    "inbox_pass",
    "naming",
    "pipeline",
    "registration",
    "run",
    "saliency_maps",
    "single_files",
    "summary",
]
