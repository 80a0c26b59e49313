"""Where results are sent: a folder that another program empties, or a FHIR server."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import httpx

from flows.errors import SendingError, UsageError
from flows.exports.new_folder import new_file, sync_folder
from flows.web_address import parsed_address

_TRY_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}
_SECONDS = 60  # that a server may take for a transaction
_LONGEST_PAUSE = 60.0  # seconds
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


class Destination(Protocol):
    """Takes results, one by one; the same one twice does no harm."""

    @property
    def location(self) -> str:
        """What names it in the record of what was sent; no secret is in it."""

    def send(self, name: str, content: str) -> None:
        """Send a result under a name that only the same result with the same content has.

        Raises
        ------
        SendingError
            It is not known to be there.
        """


@dataclass(frozen=True)
class Folder:
    """A folder into which each result is written as a file, which appears as a whole.

    The folder's group may read the file. The names begin with the time of sending in UTC: a program
    that takes files by name takes a film's first result before what corrects or withdraws it.
    """

    path: Path

    @property
    def location(self) -> str:
        """The folder's absolute path."""
        return str(self.path.resolve())

    def send(self, name: str, content: str) -> None:
        """Write a file, whose name lasts like its content: it is recorded as sent at once."""
        draft = self.path / f".{name}.part"
        try:
            draft.unlink(missing_ok=True)  # of an export that was killed
            with new_file(draft) as file:
                file.write(content)
                file.flush()
                self._let_group_read(file.fileno())
                os.fsync(file.fileno())
            draft.rename(self.path / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{name}")
            sync_folder(self.path)
        except OSError as error:
            raise SendingError(f"the folder cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _let_group_read(self, descriptor: int) -> None:
        group = self.path.stat().st_gid
        try:
            if os.fstat(descriptor).st_gid != group:
                os.fchown(descriptor, -1, group)
        except PermissionError as error:
            raise SendingError(
                "the folder's group is none of this user's, and could not read the files: "
                "choose another by chgrp, or set the folder's bit by chmod g+s"
            ) from error
        os.fchmod(descriptor, 0o640)


@dataclass
class FhirServer:
    """A FHIR server, to whose base URL transactions are posted; tried again where that is safe.

    ``pause`` is how many seconds it waits before the second attempt, then twice that each time.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    attempts: int = 5
    pause: float = 1.0
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self._client = httpx.Client(headers=headers, timeout=_SECONDS, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def location(self) -> str:
        """The base URL."""
        return self.url

    def send(self, name: str, content: str) -> None:
        """Post a transaction until the server says what became of each resource."""
        del name  # each resource has its own identifier
        for attempt in range(self.attempts):
            problem, pause = self._posted(content)
            if not problem:
                return
            if pause is None:
                break
            if attempt + 1 < self.attempts:
                time.sleep(min(max(pause, self.pause * 2**attempt), _LONGEST_PAUSE))
        raise SendingError(f"the FHIR server {problem}; what was sent before is not sent again")

    def _posted(self, content: str) -> tuple[str, float | None]:
        """Post once; return the problem, if any, and the least pause, or None: it is no use."""
        try:
            response = self._client.post(self.url, content=content)
        except httpx.TransportError as error:
            return f"cannot be reached ({type(error).__name__})", 0.0
        if response.status_code in _TRY_AGAIN:
            asked = response.headers.get("Retry-After", "")
            return f"answers {response.status_code}", float(asked) if asked.isdigit() else 0.0
        if not response.is_success:
            return f"answers {response.status_code}", None
        if not _all_stored(response):
            return "does not say that it stored a transaction: is this its base URL?", None
        return "", None


def _all_stored(response: httpx.Response) -> bool:
    """Whether the answer is that of a transaction, and each of its entries succeeded."""
    try:
        answer: dict[str, Any] = response.json()
        return answer["type"] == "transaction-response" and all(
            entry["response"]["status"].startswith("2") for entry in answer["entry"]
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def checked_url(url: str, *, has_token: bool, is_identified: bool) -> str:
    """Return a server's base URL without a slash at its end.

    Raises
    ------
    UsageError
        It is none, names a user (it is stored, and would be shown), or would have the token or the
        hospital's identifiers sent over the network for all to read.
    """
    parsed = parsed_address(url)
    if parsed is None:
        raise UsageError("the destination is neither a folder nor http(s)://host/path")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise UsageError("the URL may name no user and no query: set SEVERITY_FHIR_TOKEN")
    if parsed.scheme == "http" and parsed.host not in _THIS_MACHINE:
        if has_token:
            raise UsageError("SEVERITY_FHIR_TOKEN is sent by https alone, except on this machine")
        if is_identified:
            raise UsageError("--identified is sent by https alone, except on this machine")
    return url.rstrip("/")
