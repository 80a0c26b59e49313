"""The main job: from what lies in a source to scores in the database."""

__all__ = [
    "flow",
    "inbox_pass",
    "pipeline",
    "registration",
    "saliency_maps",
    "single_files",
    "summary",
]
