"""Alerts: what is wrong at a site, on the page Operations and told by webhook and mail."""

__all__ = ["alert", "channels", "failed_jobs", "telling"]
