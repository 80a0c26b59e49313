"""The main job: from the objects of a source to scores in the database."""

__all__ = [
    "flow",
    "inbox_pass",
    "pipeline",
    "registration",
    "saliency_maps",
    "single_files",
    "summary",
]
