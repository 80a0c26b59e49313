"""What a page reads: one short transaction as the reader's role, by one model version."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from db.engine import Transaction
from db.reading import model_versions, tables
from flows.dashboard.request import resources_of
from flows.errors import FlowsError


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


_Model = Annotated[
    str | None, Query(description="The model version; the newest of the site's model if absent")
]


def read(request: Request, model: _Model = None) -> Iterator[Reading]:
    """Open a page's transaction, until it is answered; see `open_reading`."""
    with open_reading(request, model) as reading:
        yield reading


@contextmanager
def open_reading(request: Request, model: str | None = None) -> Iterator[Reading]:
    """Open a transaction which sees pseudonyms and views alone.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    NoScores
        Nothing was scored yet.
    UnknownVersion
        No such model version has scores.
    """
    with _reading(request, model) as reading:
        if not reading.versions:
            raise NoScores
        request.state.reading = reading  # for the head of the page
        yield reading


def read_site(request: Request, model: _Model = None) -> Iterator[Reading]:
    """Open the transaction of a page that shows a site before its first score too.

    Its version is empty then.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    UnknownVersion
        No such model version has scores.
    """
    with _reading(request, model) as reading:
        if reading.versions:
            request.state.reading = reading
        yield reading


@contextmanager
def _reading(request: Request, model: str | None) -> Iterator[Reading]:
    resources = resources_of(request)
    with resources.read_database().transaction() as session:
        tables.read_as_reader(session)
        versions = model_versions.with_scores(session, excluding="")
        own = model_versions.of_model(session, resources.settings.model)
        yield Reading(session, _chosen(model, versions, own), tuple(versions))


def _chosen(model: str | None, versions: Sequence[str], own: Sequence[str]) -> str:
    """Return the model version that is asked for; else the newest of the site's own, or of all."""
    if model is None:
        newest = [*versions[-1:], *(version for version in own if version in versions)]
        return newest[-1] if newest else ""
    if model not in versions:
        raise UnknownVersion(model)
    return model


Read = Annotated[Reading, Depends(read)]
"""The type of a parameter by which a page asks for its transaction."""
ReadSite = Annotated[Reading, Depends(read_site)]
"""The same, of a page that has something to show before the first score."""


def bridges_asked_for(
    request: Request,
    bridged: Annotated[
        bool | None,
        Query(description="Go on across a change of the model version; as the site is set"),
    ] = None,
) -> bool:
    """Return whether a course shall go on by a bridge, by the request or the site's setting."""
    return resources_of(request).settings.bridged if bridged is None else bridged


Bridged = Annotated[bool, Depends(bridges_asked_for)]
"""The type of a parameter by which a page asks whether courses are bridged."""
