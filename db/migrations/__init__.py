"""The migrations: forward only; each states why."""
