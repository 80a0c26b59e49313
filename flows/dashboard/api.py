"""The same as JSON, for other dashboards and records systems: below ``/api/v1``."""

from fastapi import APIRouter

VERSION = "1"
PREFIX = f"/api/v{VERSION}"

router = APIRouter(prefix=PREFIX)
