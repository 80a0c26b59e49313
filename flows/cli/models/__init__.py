"""The commands about models: listing, importing, measuring and training them."""

__all__ = ["catalogue", "evaluate", "retiring", "train", "verify"]
