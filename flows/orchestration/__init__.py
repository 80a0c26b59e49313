"""Prefect: its environment, a server of our own, and what keeps its processes in bounds."""

__all__ = [
    "children",
    "environment",
    "naming",
    "reaching",
    "server",
    "server_process",
    "supervision",
]
