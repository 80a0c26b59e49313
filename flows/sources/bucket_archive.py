"""A prefix of a bucket as the archive of another one."""

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import obstore

from flows.sources.keys import to_name
from flows.sources.object_store import Bucket, answered, head, listed_object, open_bucket
from flows.sources.store import Addition

if TYPE_CHECKING:
    from obstore import ObjectMeta

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class BucketArchive:
    """Objects are copied inside the bucket, then deleted in the source."""

    bucket: Bucket
    source_prefix: str
    target_prefix: str
    location: str

    @classmethod
    def between(cls, source: Bucket, target: Bucket) -> "BucketArchive":
        """Return the archive of one prefix in another of the same bucket."""
        scheme, _, bucket, source_prefix = source.location.split("/", 3)
        target_prefix = target.location.split("/", 3)[3]
        whole = open_bucket(f"{scheme}//{bucket}")
        return cls(whole, source_prefix, target_prefix, target.location)

    async def add(self, addition: Addition) -> str | None:
        """Copy an object into the archive; return its key there, or None if it is gone.

        None too if both names that it could have there are other objects': it stays.
        """
        with suppress(FileNotFoundError):  # another worker archived it meanwhile
            return await self._add(addition)
        return None

    async def _add(self, addition: Addition) -> str | None:
        source = _path(self.source_prefix, addition.key)
        meta = await self._head(source)
        if meta is None or not addition.is_same(listed_object(meta).fingerprint):
            return None
        for key in (addition.key, addition.spare_key):
            target = _path(self.target_prefix, key)
            if not await self._is_taken(target, source, meta):
                await self._answered(obstore.copy_async(self.bucket.store, source, target))
                copied = await self._head(source)  # what was copied, unless just replaced
                is_same = copied is not None and addition.is_same(listed_object(copied).fingerprint)
                return key if is_same else None
        return None

    async def _is_taken(self, target: str, source: str, meta: "ObjectMeta") -> bool:
        """Whether another object than this one of the source lies there."""
        there = await self._head(target)
        if there is None or there["size"] != meta["size"]:
            return there is not None
        # A copy has a tag of its own where the store encrypts, or the original came in parts.
        return there["e_tag"] != meta["e_tag"] and (
            await self._content(target) != await self._content(source)
        )

    async def _content(self, path: str) -> bytes:
        response = await self._answered(obstore.get_async(self.bucket.store, path))
        return bytes(await self._answered(response.bytes_async()))

    async def remove(self, addition: Addition, archived_key: str) -> None:
        """Delete an object in the source unless it was replaced."""
        source = _path(self.source_prefix, addition.key)
        meta = await self._head(source)
        there = await self._head(_path(self.target_prefix, archived_key))
        if meta is None or there is None or meta["size"] != there["size"]:
            return
        if addition.is_same(listed_object(meta).fingerprint):
            with suppress(FileNotFoundError):
                await self._answered(obstore.delete_async(self.bucket.store, source))

    async def _head(self, path: str) -> "ObjectMeta | None":
        return await head(self.bucket.store, path, self.location)

    async def _answered(self, answer: Awaitable[_Result]) -> _Result:
        return await answered(answer, self.location)


def _path(prefix: str, key: str) -> str:
    return f"{prefix}/{to_name(key).decode()}"
