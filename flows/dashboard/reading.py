"""What a page reads: one short transaction as the reader's role, by one model version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from db.engine import Transaction
from db.reading import model_versions, tables
from flows.errors import FlowsError
from flows.resources import Resources


class NoScores(FlowsError):
    """Nothing was scored yet: there is nothing to show."""


class UnknownVersion(FlowsError):
    """The request names a model version that scored nothing here."""


@dataclass(frozen=True)
class Reading:
    """A transaction that writes nothing, and the model version whose scores are shown."""

    session: Transaction
    version: str
    versions: tuple[str, ...]


def read(
    request: Request,
    model: Annotated[
        str | None, Query(description="The model version; the newest of the site's model if absent")
    ] = None,
) -> Iterator[Reading]:
    """Open a page's transaction, which sees pseudonyms and views alone.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    NoScores
        Nothing was scored yet.
    UnknownVersion
        No such model version has scores.
    """
    resources: Resources = request.app.state.resources
    with resources.read_database().transaction() as session:
        tables.read_as_reader(session)
        versions = model_versions.with_scores(session, excluding="")
        own = model_versions.of_model(session, resources.settings.model)
        reading = Reading(session, _chosen(model, versions, own), tuple(versions))
        request.state.reading = reading  # for the head of the page
        yield reading


def _chosen(model: str | None, versions: Sequence[str], own: Sequence[str]) -> str:
    """Return the model version that is asked for; else the newest of the site's own, or of all."""
    if not versions:
        raise NoScores
    if model is None:
        return next((version for version in reversed(own) if version in versions), versions[-1])
    if model not in versions:
        raise UnknownVersion(model)
    return model


Read = Annotated[Reading, Depends(read)]
"""The type of a parameter by which a page asks for its transaction."""
