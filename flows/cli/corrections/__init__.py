"""The commands that correct what was decided, and those that show it: one module a group."""

__all__ = ["correcting", "images", "merge_list", "patients", "rejected", "sources"]
