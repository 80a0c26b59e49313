"""Runs as they begin: what they record of their source."""

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from flows.resources import Resources
from flows.scoring.run import under_way
from flows.settings import SourceSettings


async def begin(location: str, resources: Resources) -> None:
    async with under_way(location, resources):
        pass


def names(resources: Resources) -> list[str]:
    with resources.open_database().transaction() as session:
        return list(session.scalars(text("SELECT name FROM source ORDER BY id")))


def test_a_source_that_is_set_no_more_keeps_its_name(resources: Resources, tmp_path: Path) -> None:
    ward = SourceSettings(name="ward", location=f"{tmp_path}/")
    settings = resources.settings.model_copy(update={"sources": {"ward": ward}})
    asyncio.run(begin(str(tmp_path), replace(resources, settings=settings)))
    assert names(resources) == ["ward"]

    asyncio.run(begin(str(tmp_path), resources))  # as a rescoring reads it

    assert names(resources) == ["ward"]


def test_a_source_that_was_never_set_is_an_inbox(resources: Resources, tmp_path: Path) -> None:
    asyncio.run(begin(str(tmp_path), resources))

    assert names(resources) == ["inbox"]
