"""Numbers in tables that people write."""


def parse_number(text: str) -> float:
    """Parse a decimal number; infinite ones and NaN are the caller's to refuse.

    Raises
    ------
    ValueError
        The text is no number. Python alone would read ``0_5``, a slip for 0.5, as 5.
    """
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)
