"""Prefect: its environment, a server of our own, and what keeps its processes in bounds."""

__all__ = ["children", "environment", "naming", "server", "server_process", "supervision"]
