"""How far a score can be relied on: its errors, and whether the image is like known films."""
