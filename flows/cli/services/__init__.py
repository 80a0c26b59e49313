"""The commands that go on until they are ended, and the one that registers their jobs elsewhere."""

__all__ = ["dashboard", "deploy", "serve", "up"]
