"""How Prefect runs here, and the scheduled service."""

__all__ = ["environment", "serving"]
