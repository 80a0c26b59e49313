"""Decoding compressed frames: checked before, in helper processes where needed."""
