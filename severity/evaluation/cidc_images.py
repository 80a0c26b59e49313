"""The images on which known heads were fitted, so that no one takes their fit for accuracy."""

import hashlib
from collections.abc import Iterable
from importlib import resources


def among_scored_cidc(names: Iterable[str]) -> int:
    """Count the images that are among the 94 which Cohen et al. 2020 scored, by name."""
    hashes = _scored_cidc()
    return sum(hashlib.sha256(name.encode()).hexdigest()[:8] in hashes for name in names)


def _scored_cidc() -> frozenset[str]:
    """Read the SHA-256 of the names of these images, shortened to 8 digits."""
    text = (resources.files(__package__) / "cidc_images.txt").read_text(encoding="ascii")
    return frozenset(text.split())
