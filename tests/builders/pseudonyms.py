"""Patients' pseudonyms as commands and pages take them: of the form that the product makes."""

from tests.builders.scores import digest


def pseudonym(name: str) -> str:
    return f"p-{digest(name)[:20]}"
