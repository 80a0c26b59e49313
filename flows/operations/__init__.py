"""Keeps a site going: what is watched, checked, deleted when it is old, and told to others."""

__all__ = [
    "backup_check",
    "dead_mans_switch",
    "doctor",
    "event_log",
    "metrics",
    "retention",
    "secret_renewal",
    "stopwatch",
]
