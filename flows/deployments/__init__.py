"""The scheduled service, alone or with all that a person looks at."""

__all__ = ["serving", "together"]
