"""Questions to the database that change nothing."""

__all__ = ["balances", "model_versions", "trends"]
