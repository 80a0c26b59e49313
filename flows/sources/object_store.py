"""An S3 bucket as a store of objects."""

import os
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError
from obstore.store import S3Store

from flows.errors import InboxError
from flows.sources.keys import is_offered, is_sidecar, to_key, to_name
from flows.sources.store import Entry, Listed
from severity.domain import Reason
from severity.errors import InaccessibleImage, UnreadableImage
from severity.images.limits import check_bytes

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig


@dataclass(frozen=True)
class Bucket:
    """A prefix in an S3 bucket; credentials and endpoint come from the ``AWS_*`` variables."""

    store: S3Store
    location: str

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        """List the objects below the prefix. All are listed twice: first for the sidecars."""
        empty: dict[str, ObjectMeta] = {}
        async for chunk in self._chunks():
            yield _offered(meta for meta in chunk if is_sidecar(meta["path"]))
            empty |= {meta["path"]: meta for meta in chunk if _may_be_empty_image(meta)}
        async for chunk in self._chunks():
            for folder in {str(above) for meta in chunk if empty for above in _folders(meta)}:
                empty.pop(folder, None)
            yield _offered(meta for meta in chunk if meta["size"] and not is_sidecar(meta["path"]))
        yield _offered(empty.values())

    async def _chunks(self) -> AsyncGenerator[Sequence["ObjectMeta"], None]:
        try:
            async for chunk in obstore.list(self.store, chunk_size=1000):
                yield chunk
        except (BaseError, OSError) as error:
            raise InboxError(f"{self.location} cannot be listed: {_brief(error)}") from None

    async def read(
        self,
        key: str,
        *,
        most_bytes: int,
        fingerprint: str | None = None,  # noqa: ARG002 - an object is only ever replaced whole
    ) -> bytes:
        """Read one object."""
        try:
            response = await obstore.get_async(self.store, to_name(key).decode())
            check_bytes(response.meta["size"], most=most_bytes)
            return bytes(await response.bytes_async())
        # From None: the client's errors hold the object's address.
        except FileNotFoundError:
            raise UnreadableImage(Reason.VANISHED, "the object is no longer there") from None
        except (BaseError, OSError) as error:
            if isinstance(error, PermissionDeniedError) and _code(error) in _OF_ONE_OBJECT:
                raise InaccessibleImage(Reason.VANISHED, "the object must not be read") from None
            raise InboxError(f"{self.location} does not answer: {_brief(error)}") from None


def open_bucket(location: str, *, patience: timedelta = timedelta(seconds=10)) -> Bucket:
    """Open ``s3://bucket/prefix``.

    Parameters
    ----------
    patience
        How long to wait for the next byte. A store that stays silent fails after three times
        as long: two attempts more.

    Raises
    ------
    InboxError
        The address or an ``AWS_*`` variable is not valid.
    """
    _check_endpoint()
    if "@" in location.removeprefix("s3://").partition("/")[0]:
        # The address is stored and shown, so it must not hold a secret.
        raise InboxError("s3://bucket/prefix holds no credentials: they are in AWS_* variables")
    attempts: RetryConfig = {"max_retries": 2, "retry_timeout": 3 * patience}
    try:
        store = S3Store.from_url(location, client_options=_client(patience), retry_config=attempts)
    except (BaseError, ValueError) as error:
        raise InboxError(f"{location} cannot be opened: {_brief(error)}") from error
    return Bucket(store, location.rstrip("/"))


_ADDRESS = re.compile(r"(https?://[\w.:\[\]-]+(/[\w./-]*)?)?", re.ASCII)


def _check_endpoint() -> None:
    """Refuse an endpoint that would make the client panic."""
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        if not _ADDRESS.fullmatch(os.environ.get(name, "")):
            raise InboxError(f"{name} is not an address like https://s3.example.org")


def _client(patience: timedelta) -> "ClientConfig":
    """Return the limits of the connection. A site's own options, in ``AWS_*``, come first."""
    options: dict[str, str | timedelta] = {
        "connect_timeout": patience / 2,
        "read_timeout": patience,
        "timeout": timedelta(minutes=10),  # of one object: the largest, over a slow line
    }
    # Options that are passed replace all those that the client would read there itself.
    for name in (*options, "allow_http", "allow_invalid_certificates", "proxy_url"):
        if value := os.environ.get(f"AWS_{name.upper()}"):
            options[name] = value
    return cast("ClientConfig", options)


def _offered(metas: Iterable["ObjectMeta"]) -> list[Entry]:
    listed = map(_object_to_listed, metas)
    return [entry for entry in listed if is_offered(entry.key)]


def _object_to_listed(meta: "ObjectMeta") -> Listed:
    return Listed(
        key=to_key(meta["path"].encode()),
        size=meta["size"],
        modified=meta["last_modified"].astimezone(UTC),
        fingerprint=f"{meta['e_tag'] or meta['last_modified'].isoformat()}-{meta['size']}",
    )


def _folders(meta: "ObjectMeta") -> Sequence[PurePosixPath]:
    return PurePosixPath(meta["path"]).parents


def _may_be_empty_image(meta: "ObjectMeta") -> bool:
    """Whether an empty object may be an image that was cut off.

    Others are what consoles make to show a folder; they cannot be read. So is one that other
    objects lie below.
    """
    path = meta["path"]
    return meta["size"] == 0 and bool(PurePosixPath(path).suffix) and not is_sidecar(path)


_OF_ONE_OBJECT = {"", "AccessDenied", "InvalidObjectState"}  # the last: it lies in an archive
_S3_ERROR = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
# Where the client looks for credentials if the environment holds none.
_METADATA_SERVICE = re.compile(r"/latest/(api/token|meta-data)")


def _code(error: Exception) -> str:
    """Return the error code of S3; empty if there is none."""
    match = _S3_ERROR.search(str(error))
    return match[1] if match else ""


def _brief(error: Exception) -> str:
    """Return the error in one line. The rest of its text may hold addresses and names."""
    if isinstance(error, InvalidPathError):
        return "a name in it holds a control character, or an empty part; rename that object"
    text = str(error).partition("Debug source:")[0]
    if match := _S3_ERROR.search(text):
        return " ".join(": ".join(filter(None, match.groups())).split())
    first = next(iter(text.strip().splitlines()), type(error).__name__)
    if _METADATA_SERVICE.search(first):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if first.endswith("builder error"):
        return "the endpoint is plain http: set AWS_ALLOW_HTTP=true if that is meant"
    reason = first.rpartition(" - ")[2]
    return reason.replace("HTTP error:", "no connection to the endpoint:")
