"""A bucket of S3, Google Cloud Storage or Azure as a store of objects."""

import os
import re
from collections.abc import AsyncGenerator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar, cast

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError
from obstore.store import AzureStore, GCSStore, S3Store

from flows.errors import InboxError
from flows.settings import resolved
from flows.sources.keys import is_offered, is_sidecar, to_key, to_name
from flows.sources.store import Entry, Listed
from severity.domain import Reason
from severity.errors import InaccessibleImage, UnreadableImage
from severity.images.limits import check_bytes

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

_ObjectStore = S3Store | GCSStore | AzureStore
_Result = TypeVar("_Result")
_CHUNK = 1000  # objects


@dataclass(frozen=True)
class Bucket:
    """A prefix in a bucket; credentials and endpoint come from the provider's usual variables."""

    store: _ObjectStore
    location: str

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        """List the objects below the prefix. All are listed twice: first for the sidecars."""
        async for chunk in self._chunks():
            yield _offered(meta for meta in chunk if is_sidecar(meta["path"]))
        async for files in self._files():
            yield _offered(meta for meta in files if not is_sidecar(meta["path"]))

    async def entries_after(self, key: str) -> AsyncGenerator[Sequence[Entry], None]:
        """List the objects behind a key in the order of keys, once: sidecars are among them."""
        async for files in self._files(after=to_name(key).decode()):
            yield _offered(files)

    async def has(self, key: str) -> bool:
        """Whether an object is there."""
        return await head(self.store, to_name(key).decode(), self.location) is not None

    async def _files(
        self, after: str | None = None
    ) -> AsyncGenerator[Sequence["ObjectMeta"], None]:
        """List all but the empty objects that only show a folder, in the order of keys.

        What begins with an empty object's key is held back until it is known whether some of it
        lies below that.
        """
        held: list[ObjectMeta] = []
        async for chunk in self._chunks(after):
            held += chunk
            known = _count_known(held)
            yield _without_folders(held[:known], held)
            held = held[known:]
        yield _without_folders(held, held)

    async def _chunks(
        self, after: str | None = None
    ) -> AsyncGenerator[Sequence["ObjectMeta"], None]:
        try:
            async for chunk in obstore.list(self.store, offset=after, chunk_size=_CHUNK):
                yield chunk
        except (BaseError, OSError) as error:
            reason = _brief(error, _provider(self.location))
            raise InboxError(f"{self.location} cannot be listed: {reason}") from None

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
            raise _no_answer(error, self.location) from None


async def answered(answer: Awaitable[_Result], location: str) -> _Result:
    """Wait for an answer of the store that a location is in.

    Raises
    ------
    FileNotFoundError
        There is no such object.
    InboxError
        The store does not answer, or refuses.
    """
    try:
        return await answer
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise _no_answer(error, location) from None


async def head(store: _ObjectStore, path: str, location: str) -> "ObjectMeta | None":
    """Return what a store says of an object; None if it is not there. Raises InboxError."""
    try:
        return await answered(obstore.head_async(store, path), location)
    except FileNotFoundError:
        return None


def _no_answer(error: Exception, location: str) -> InboxError:
    return InboxError(f"{location} does not answer: {_brief(error, _provider(location))}")


@dataclass(frozen=True)
class _Provider:
    """A provider of object stores, by the scheme of its locations."""

    opened: type[_ObjectStore]
    prefix: str  # of the variables of its client
    endpoints: tuple[str, ...]
    credentials: str  # what to set where there are none


_PROVIDERS = {
    "s3": _Provider(
        S3Store,
        "AWS",
        ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    "gs": _Provider(GCSStore, "GOOGLE", ("GOOGLE_BASE_URL",), "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": _Provider(
        AzureStore,
        "AZURE",
        ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    ),
}


def _provider(location: str) -> _Provider:
    return _PROVIDERS[location.partition("://")[0]]


def open_bucket(location: str, *, patience: timedelta = timedelta(seconds=10)) -> Bucket:
    """Open ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.

    Parameters
    ----------
    patience
        How long to wait for the next byte. A store that stays silent fails after three times
        as long: two attempts more.

    Raises
    ------
    InboxError
        The address or a variable of the provider is not valid.
    """
    scheme, _, place = location.partition("://")
    provider = _provider(location)
    _check_endpoint(provider)
    if "@" in place.partition("/")[0]:
        # The address is stored and shown, so it must not hold a secret.
        raise InboxError(
            f"{scheme}://bucket/prefix holds no credentials: they are in {provider.prefix}_* "
            "variables"
        )
    attempts: RetryConfig = {"max_retries": 2, "retry_timeout": 3 * patience}
    client = _client(patience, provider.prefix)
    try:
        store = provider.opened.from_url(location, client_options=client, retry_config=attempts)
    except (BaseError, ValueError) as error:
        raise InboxError(f"{location} cannot be opened: {_brief(error, provider)}") from error
    return Bucket(store, resolved(location))


_ADDRESS = re.compile(r"(https?://[\w.:\[\]-]+(/[\w./-]*)?)?", re.ASCII)


def _check_endpoint(provider: _Provider) -> None:
    """Refuse an endpoint that would make the client panic."""
    for name in provider.endpoints:
        if not _ADDRESS.fullmatch(os.environ.get(name, "")):
            raise InboxError(f"{name} is not an address like https://s3.example.org")


def _client(patience: timedelta, prefix: str) -> "ClientConfig":
    """Return the limits of the connection. A site's own options, as ``AWS_*``, come first."""
    options: dict[str, str | timedelta] = {
        "connect_timeout": patience / 2,
        "read_timeout": patience,
        "timeout": timedelta(minutes=10),  # of one object: the largest, over a slow line
    }
    # Options that are passed replace all those that the client would read there itself.
    for name in (*options, "allow_http", "allow_invalid_certificates", "proxy_url"):
        if value := os.environ.get(f"{prefix}_{name.upper()}"):
            options[name] = value
    return cast("ClientConfig", options)


def _offered(metas: Iterable["ObjectMeta"]) -> list[Entry]:
    listed = map(listed_object, metas)
    return [entry for entry in listed if is_offered(entry.key)]


def listed_object(meta: "ObjectMeta") -> Listed:
    """Return an object as a listing shows it."""
    return Listed(
        key=to_key(meta["path"].encode()),
        size=meta["size"],
        modified=meta["last_modified"].astimezone(UTC),
        fingerprint=f"{meta['e_tag'] or meta['last_modified'].isoformat()}-{meta['size']}",
    )


def _count_known(listed: Sequence["ObjectMeta"]) -> int:
    """Count the objects before the first of which it is not known yet whether it shows a folder.

    Once the listing is past all keys that begin with its own, nothing below it comes any more.
    """
    last = listed[-1]["path"]
    for index, meta in enumerate(listed):
        if _may_be_empty_image(meta) and last.startswith(meta["path"]):
            return index
    return len(listed)


def _without_folders(
    files: Sequence["ObjectMeta"], listed: Sequence["ObjectMeta"]
) -> list["ObjectMeta"]:
    """Leave out of files what only shows a folder: empty objects that listed ones lie below."""
    if all(meta["size"] for meta in files):
        return list(files)
    folders = {str(above) for meta in listed for above in PurePosixPath(meta["path"]).parents}
    return [
        meta
        for meta in files
        if meta["size"] or (_may_be_empty_image(meta) and meta["path"] not in folders)
    ]


def _may_be_empty_image(meta: "ObjectMeta") -> bool:
    """Whether an empty object may be an image that was cut off.

    Others are what consoles make to show a folder; they cannot be read. So is one that other
    objects lie below.
    """
    path = meta["path"]
    return meta["size"] == 0 and bool(PurePosixPath(path).suffix) and not is_sidecar(path)


_OF_ONE_OBJECT = {"", "AccessDenied", "InvalidObjectState"}  # the last: it lies in an archive
_STORE_ERROR = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
# Where the client looks for credentials if the environment holds none.
_METADATA_SERVICE = re.compile(
    r"/latest/(api/token|meta-data)|/computeMetadata/|/metadata/identity"
)


def _code(error: Exception) -> str:
    """Return the error code of the store; empty if there is none."""
    match = _STORE_ERROR.search(str(error))
    return match[1] if match else ""


def _brief(error: Exception, provider: _Provider) -> str:
    """Return the error in one line. The rest of its text may hold addresses and names."""
    if isinstance(error, InvalidPathError):
        return "a name in it holds a control character, or an empty part; rename that object"
    text = str(error).partition("Debug source:")[0]
    if match := _STORE_ERROR.search(text):
        message = ": ".join(filter(None, match.groups())).partition("RequestId:")[0]
        return " ".join(message.split())
    first = next(iter(text.strip().splitlines()), type(error).__name__)
    if _METADATA_SERVICE.search(first):
        return f"no credentials: set {provider.credentials}"
    if first.endswith("builder error"):
        return f"the endpoint is plain http: set {provider.prefix}_ALLOW_HTTP=true if that is meant"
    reason = first.rpartition(" - ")[2]
    return reason.replace("HTTP error:", "no connection to the endpoint:")
