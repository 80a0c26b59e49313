"""Texts of people in pictures: matplotlib takes what stands between two dollars for a formula."""


def literal(text: str) -> str:
    """Return a text that matplotlib draws as it is."""
    return text.replace("$", r"\$")
