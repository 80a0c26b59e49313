"""Addresses of pages. No identifier of the hospital is ever in one: only pseudonyms are."""

from urllib.parse import urlencode


def address(path: str, /, **parameters: object) -> str:
    """Return a path with its query, without parameters that are None."""
    stated = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(stated)}" if stated else path
