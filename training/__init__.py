"""Reproducible training of the bundled models. Not needed to score an image."""
