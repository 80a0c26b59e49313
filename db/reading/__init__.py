"""Questions to the database that change nothing."""

__all__ = ["balances", "history", "images", "model_versions", "rejections", "trends"]
