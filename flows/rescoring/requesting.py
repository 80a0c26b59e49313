"""A request of rescoring as a person makes it: a model, and days or a list of images."""

import re
from collections.abc import Sequence
from pathlib import Path

from db.rescoring import requests
from db.rescoring.requests import Requested, Selection
from flows.errors import UsageError
from flows.login import login
from flows.resources import Resources
from flows.scoring.registration import register_model_version

_MOST_BYTES = 256 * 2**20
_ENTRY = re.compile(r"[0-9]{1,18}|[0-9.]{1,64}")


def request(resources: Resources, selection: Selection) -> Requested:
    """Enter a request for the model of the settings; nothing is scored yet.

    Raises
    ------
    ModelUnavailable
        There is no such model, or its weights are not known.
    """
    registered = register_model_version(resources)
    with resources.open_database().transaction() as session:
        return requests.request(session, registered.row_id, selection, who=login())


def listed_images(file: Path) -> Sequence[str]:
    """Read a list of images: one number of ours or UID a line; empty lines do not count.

    Raises
    ------
    UsageError
        The file cannot be read, holds nothing, or a line is neither; the message quotes none.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"the list is larger than {_MOST_BYTES} bytes")
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the list cannot be read as text") from error
    wrong = [str(n) for n, line in enumerate(lines, 1) if line and not _ENTRY.fullmatch(line)]
    if wrong:
        raise UsageError(f"neither a number nor a UID: line {', '.join(wrong[:10])} of the list")
    images = [line for line in lines if line]
    if not images:
        raise UsageError("the list names no image")
    return images
