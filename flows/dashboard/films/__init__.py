"""Films as pages show them: in words, and as pictures that are made one at a time."""

__all__ = ["film", "images", "turns"]
