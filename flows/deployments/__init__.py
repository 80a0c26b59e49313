"""How Prefect runs here, and the scheduled service."""
