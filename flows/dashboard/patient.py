"""The page of one patient, by pseudonym."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
