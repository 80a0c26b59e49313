"""Addresses of web services: of a PACS, and of a server that results are sent to."""

import httpx

_HIGHEST_PORT = 65535


def parsed_address(url: str) -> httpx.URL | None:
    """Return the parts of an ``http://`` or ``https://`` address; None if it is none.

    Also where its host or its port can be none: that would raise once it is connected to.
    """
    try:
        parsed = httpx.URL(url)
        is_address = bool(parsed.host) and (parsed.port or 1) <= _HIGHEST_PORT
    except (httpx.InvalidURL, UnicodeError):  # the latter of a host's name
        return None
    return parsed if parsed.scheme in {"http", "https"} and is_address else None
