"""The fields of a form, read without a further library: browsers send short ones URL-encoded."""

from urllib.parse import parse_qsl

from fastapi import HTTPException
from starlette.requests import Request
from starlette.status import HTTP_400_BAD_REQUEST

LARGEST_FORM = 64 * 1024
"""Bytes; the guard lets no larger one through."""
_MOST_FIELDS = 300  # a page of the list of rejected files has 50


async def form_fields(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form with their values, in order.

    Raises
    ------
    HTTPException
        The body is no form.
    """
    body = await request.body()
    if b"%00" in body or b"\0" in body:  # which no text of the database holds
        raise HTTPException(HTTP_400_BAD_REQUEST)
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # which a wrong encoding is too
        raise HTTPException(HTTP_400_BAD_REQUEST) from None


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form, the last of each name; see `form_fields`."""
    return dict(await form_fields(request))
