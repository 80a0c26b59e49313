"""Lanes: several batches in flight at once, so that reading, the network and writing overlap."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from threadpoolctl import threadpool_limits

from flows.at_once import at_once
from flows.resources import Resources
from severity.decoding_helpers import DecodingHelpers
from severity.domain import ImageRecord, Reason, Score
from severity.errors import RejectedImage
from severity.radiograph import Radiograph
from severity.reading import read_radiograph
from severity.runtime import ModelInput
from severity.sidecar import SidecarRecord

_BESIDE = 2  # batches in flight besides those in the network: one is read, one is written
_CLERKS = 4  # threads for transactions; closings take turns anyway

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class ReadyImage:
    """An image that passed every check, reduced to what the network sees of it."""

    record: ImageRecord
    model_input: ModelInput


@dataclass(frozen=True)
class Rejection:
    """Why there is nothing to score. Not the error itself: its traceback holds the image."""

    reason: Reason
    detail: str


Ready = TypeVar("Ready", bound=ReadyImage)


class Turns:
    """Lets batches be closed in the order in which they were claimed.

    Which of two files brings an image, and which repeats or contradicts it, is then what it
    would be if one batch followed another, and not a matter of how long each takes.
    """

    def __init__(self) -> None:
        self.claiming = asyncio.Lock()
        self._last = asyncio.Event()
        self._last.set()

    def take(self) -> AbstractAsyncContextManager[None]:
        """Take the next turn, while ``claiming`` is held; the context begins when it has come."""
        before, self._last = self._last, asyncio.Event()
        return _turn(before, self._last)


@asynccontextmanager
async def _turn(before: asyncio.Event, over: asyncio.Event) -> AsyncIterator[None]:
    await before.wait()
    yield
    over.set()  # not after an error: it ends the run, and those that wait with it


class Lanes:
    """What all batches in flight share, and so what bounds them together.

    At most ``decoders`` full-size images are in memory, and at most ``model.lanes`` forward
    passes run; all else that a batch holds is model inputs. Leaving the context waits for what
    the threads still do, so that nothing is claimed or written behind a run that ended.
    """

    def __init__(self, have: Resources) -> None:
        self.model = have.model
        self.count = self.model.lanes + _BESIDE
        self.turns = Turns()
        self._zone = have.settings.zone
        self._helpers = DecodingHelpers(have.settings.decoders)
        self._full_size = asyncio.Semaphore(have.settings.decoders)
        self._decoders = ThreadPoolExecutor(have.settings.decoders, "decoder")
        self._scorers = ThreadPoolExecutor(self.model.lanes, "scorer")
        self._clerks = ThreadPoolExecutor(_CLERKS, "clerk")

    def __enter__(self) -> Self:
        # Decoders work side by side: a BLAS with threads of its own would only be in their way.
        self._one_blas_thread = threadpool_limits(limits=1, user_api="blas")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pool in (self._decoders, self._scorers, self._clerks):
            pool.shutdown(cancel_futures=True)
        self._helpers.close()
        self._one_blas_thread.restore_original_limits()

    async def score(
        self, items: Sequence[Item], ready: Callable[[Item], Awaitable[Ready]]
    ) -> list[tuple[Ready, Score] | Rejection]:
        """Score one batch: read, decode, prepare, push through the network.

        Parameters
        ----------
        ready
            Reads an item and prepares it, the costly part through `decode`. Asked for no more
            items at once, over all lanes, than there may be full-size images in memory.

        Returns
        -------
        One answer an item, in their order.
        """

        async def one(item: Item) -> Ready | Rejection:
            async with self._full_size:
                try:
                    return await ready(item)
                except RejectedImage as rejected:
                    return Rejection(rejected.reason, str(rejected))

        # All ask at once, and are answered in the order in which they asked: a batch is whole,
        # and in the network, before the next one is begun.
        prepared = await at_once(len(items), one, items)
        inputs = [one.model_input for one in prepared if isinstance(one, ReadyImage)]
        scores = iter(await self._scores(inputs))
        return [one if isinstance(one, Rejection) else (one, next(scores)) for one in prepared]

    async def _scores(self, inputs: Sequence[ModelInput]) -> list[Score]:
        """Score a batch, split so that even a single one keeps every lane of the model busy."""
        size = math.ceil(len(inputs) / self.model.lanes) or 1
        portions = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        scored = await asyncio.gather(*(self.infer(self.model.score, one) for one in portions))
        return [score for portion in scored for score in portion]

    def read(
        self, content: bytes, sidecar: SidecarRecord | None, *, content_sha256: str
    ) -> Radiograph:
        """Read a file's content; every radiograph that is scored comes from here.

        Raises
        ------
        RejectedImage
            With the reason, when the image must not be scored.
        """
        return read_radiograph(
            content,
            sidecar,
            content_sha256=content_sha256,
            zone=self._zone,
            helpers=self._helpers,
        )

    async def decode(
        self, do: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Run what decodes or prepares an image."""
        return await _in(self._decoders, partial(do, *args, **kwargs))

    async def infer(
        self, do: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Run what the network does."""
        return await _in(self._scorers, partial(do, *args, **kwargs))

    async def transact(
        self, do: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Run what waits for the database or a disk."""
        return await _in(self._clerks, partial(do, *args, **kwargs))


async def _in(pool: Executor, do: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(pool, do)
