"""The commands that score, score again, and show how a file is read."""

__all__ = ["backfill", "device", "explain", "rescoring", "run", "score"]
