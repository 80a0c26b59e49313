"""What pages take from a request."""

from fastapi import Request
from pydantic import BeforeValidator

from flows.resources import Resources

OPTIONAL = BeforeValidator(lambda value: value or None)
"""Reads what a form sends for a choice that was not made: an empty text."""


def resources_of(request: Request) -> Resources:
    """Return the resources of the application that was asked."""
    resources: Resources = request.app.state.resources
    return resources
