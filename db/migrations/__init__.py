"""The migrations: forward only; each says why."""
