"""The settings of the sources: what each is called, where it is, and how it is listed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    model_validator,
)
from pydantic_settings import NoDecode

from flows.lost_mounts import within
from flows.settings.durations import Days
from flows.settings.json_objects import json_object

INBOX = "inbox"
"""The name of the source that SEVERITY_INBOX locates."""

_OBJECT_STORES = ("s3://", "gs://", "az://")


class SourceSettings(BaseModel):
    """One source: a drop folder or a prefix in an object store.

    Attributes
    ----------
    arrives_in_order
        Keys that come later sort later: passes list from the last one on, and the whole only
        every ``whole_listing_days``. Of object stores alone.
    archive
        Where files are moved once all model versions scored them; None leaves them where they are.
    files_may_vanish
        Something else empties it: an empty one is no fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = INBOX
    location: Annotated[str, StringConstraints(min_length=1)]
    arrives_in_order: bool = False
    whole_listing_days: Days = 7
    archive: str | None = None
    files_may_vanish: bool = False

    def is_at(self, location: str) -> bool:
        """Return whether a location, in whichever spelling, is that of this source."""
        try:
            return resolved(self.location) == resolved(location)
        except (OSError, RuntimeError):  # a circle of links, or no such user after "~"
            return False

    @property
    def folder(self) -> Path | None:
        """Its folder by its own path; None of an object store, or where there can be none."""
        return local_folder(self.location)

    @model_validator(mode="after")
    def _order_is_of_keys(self) -> Self:
        if self.arrives_in_order and not is_bucket(self.location):
            raise ValueError("arrives_in_order is for object stores: a folder is listed whole")
        return self


def is_bucket(location: str) -> bool:
    """Whether a location is in an object store."""
    return location.startswith(_OBJECT_STORES)


def resolved(location: str) -> str:
    """Return a location as the ledger knows it: a folder by its own path, a prefix without a "/".

    Raises
    ------
    OSError, RuntimeError
        A folder's links lead in a circle, or it is below the home of no user. A `TimeoutError`: it
        does not answer.
    """
    if "://" in location and not location.startswith("file://"):
        return location.rstrip("/")
    path = Path(location.removeprefix("file://")).expanduser()
    return str(within(path, path.resolve))


def local_folder(location: str) -> Path | None:
    """Return a folder of this machine by its own path; None of another kind of location."""
    try:
        path = resolved(location)
    except (OSError, RuntimeError):
        return None
    return None if "://" in path else Path(path)


def _named(value: object) -> object:
    """Return the settings by name, of locations or options by name, as JSON or read from it."""
    entries = json_object(value, example='{"ward": "/srv/ward"}')
    return {name: _options(name, entry) for name, entry in entries.items()}


def _options(name: object, entry: object) -> object:
    if isinstance(entry, str):
        return {"name": name, "location": entry}
    return {**entry, "name": name} if isinstance(entry, Mapping) else entry


# Letters, digits and dashes: a name is part of metrics, of Prefect's keys and of commands.
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

Sources = Annotated[dict[_Name, SourceSettings], NoDecode, BeforeValidator(_named)]
