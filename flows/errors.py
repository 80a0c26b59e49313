"""The errors of the shell. Each class states what the caller must do.

FlowsError
├── UsageError         change the request: it, one of its files or a setting cannot be used
├── InboxError         stop, and try again once the inbox can be read
├── NotKept            have it sent again: what arrived is not on disk
├── PacsError          try again: the PACS does not answer, and nothing was lost
│   └── FilmNotGiven   go on with the others: the PACS answers, and does not give this film
├── SendingError       try again: what was sent is not sent twice
├── ServerError        stop: the Prefect server does not start on this machine, or does not answer
├── PartEnded          start anew: a part of what runs together has ended, and so did the others
├── UnexpectedError    stop, and report it: it is a fault of the program
└── TimeLimitExceeded  try again: the next pass goes on from here
"""

import functools
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from db.errors import DatabaseError
from severity.errors import SeverityError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class FlowsError(Exception):
    """Base of every error that `flows` raises on purpose."""


class UsageError(FlowsError):
    """The request, one of its files or a setting cannot be used: trying again does not help."""


class InboxError(FlowsError):
    """The inbox cannot be read. The message holds no secret and no object's name."""


class NotKept(FlowsError):
    """A file that arrived is not on disk. The message holds nothing of a patient."""


class PacsError(FlowsError):
    """The PACS does not answer as it should. The message holds nothing of a patient."""


class FilmNotGiven(PacsError):
    """The PACS answers, and does not give one film that it named. The message is a reason code."""


class SendingError(FlowsError):
    """A destination does not take a result. The message holds nothing of a patient."""


class ServerError(FlowsError):
    """The Prefect server does not start, or does not answer."""


class PartEnded(FlowsError):
    """A part of what `up` runs has ended by itself, and all others were ended for it."""


class UnexpectedError(FlowsError):
    """A fault of the program. The message names an error's class and place, and no value."""


def unexpected(error: BaseException) -> UnexpectedError:
    """Return the same failure with a message that quotes nothing, as a file's or a patient's name.

    The traceback stays, which holds code alone.
    """
    *_, place = traceback.extract_tb(error.__traceback__) or [None]
    where = f" in {place.name} ({Path(place.filename).name}, line {place.lineno})" if place else ""
    hidden = UnexpectedError(f"an unexpected error: {type(error).__name__}{where}")
    return hidden.with_traceback(error.__traceback__)


def quoting_nothing(
    function: Callable[_Arguments, Awaitable[_Result]],
) -> Callable[_Arguments, Awaitable[_Result]]:
    """Decorate what Prefect runs: it stores and shows the text of each error that it sees.

    The errors of this program quote no name; all others become `UnexpectedError`.
    """

    @functools.wraps(function)
    async def private(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return await function(*args, **kwargs)
        except (FlowsError, DatabaseError, SeverityError) as error:
            raise error from None  # what caused it may quote one
        except Exception as error:  # noqa: BLE001 - whatever it is, it may quote a file's name
            raise unexpected(error) from None

    return private


class TimeLimitExceeded(FlowsError):
    """A pass took longer than it may, and was ended."""
