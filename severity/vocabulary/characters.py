"""Characters that no name, number or label has, whoever wrote it."""

import unicodedata

_CATEGORIES = {"Cc", "Cs"}  # control characters, halves of a pair
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def has_control_characters(text: str) -> bool:
    """Whether a text holds control characters, halves of a pair, or marks of direction.

    PostgreSQL stores neither NUL nor half of a surrogate pair. The marks turn around what a person
    sees of the text, and of what stands beside it.

    References
    ----------
    * Unicode Standard Annex 9, table 4: explicit directional embeddings, overrides and isolates.
    """
    return not text.isprintable() and any(map(_is_control, text))


def _is_control(character: str) -> bool:
    return (
        unicodedata.category(character) in _CATEGORIES
        or unicodedata.bidirectional(character) in _TURNING
    )
