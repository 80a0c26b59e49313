"""Which films a head was fitted on, as its record keeps them: by content, not by name."""

from collections.abc import Iterable

FITTED_ON = "fitted_on"
"""Where a record has them."""

_SHORT = 16  # hexadecimal digits, enough to tell films apart


def short_hash(sha256: str) -> str:
    """Name a film by its content's SHA-256."""
    return sha256[:_SHORT]


def short_hashes(sha256s: Iterable[str]) -> list[str]:
    """Name films, each once, in a fixed order."""
    return sorted({short_hash(one) for one in sha256s})
