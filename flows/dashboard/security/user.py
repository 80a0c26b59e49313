"""The person who asks for a page."""

from dataclasses import dataclass

from fastapi import HTTPException
from starlette.requests import Request
from starlette.status import HTTP_403_FORBIDDEN


@dataclass(frozen=True)
class User:
    """A person as lookups and corrections name them; an operator may also release and dismiss."""

    name: str
    is_operator: bool = False


def user_of(request: Request) -> User:
    """Return the person who asks for a page, whom the guard has let in."""
    user: User = request.state.user
    return user


def operator_of(request: Request) -> User:
    """Return the operator who asks.

    Raises
    ------
    HTTPException
        The person may only look.
    """
    user = user_of(request)
    if not user.is_operator:
        raise HTTPException(HTTP_403_FORBIDDEN)
    return user
