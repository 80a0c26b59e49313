"""The commands that keep a site in order: its database, its secret, and what watches it."""

__all__ = ["backups", "database", "doctor", "metrics", "secret"]
