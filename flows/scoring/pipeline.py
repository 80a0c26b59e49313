"""Lanes: several batches in flight at once, so that reading, the network and writing overlap."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from threadpoolctl import threadpool_limits

from flows.concurrency import at_once
from flows.settings import Settings
from severity.codecs.helper_processes import DecodingHelpers
from severity.domain import ImageRecord, Reason
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtime import ModelInput

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


class Network(Protocol):
    """What images are prepared for and pushed through: a model, or a backbone alone."""

    @property
    def streams(self) -> int:
        """How many batches may usefully be in it at the same time."""

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Bring a decoded image to the network's input."""


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

    At most ``decoders`` full-size images are in memory, and at most ``network.streams`` forward
    passes run; all else that a batch holds is model inputs. Leaving the context waits for what
    the threads still do, so that nothing is claimed or written behind a run that ended.
    """

    def __init__(self, settings: Settings, network: Network) -> None:
        self.network = network
        self.count = network.streams + _BESIDE
        self.turns = Turns()
        self._zone = settings.zone
        self._helpers = DecodingHelpers(settings.decoders)
        self._full_size = asyncio.Semaphore(settings.decoders)
        self._decoders = ThreadPoolExecutor(settings.decoders, "decoder")
        self._scorers = ThreadPoolExecutor(network.streams, "scorer")
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

    async def push(
        self,
        items: Sequence[Item],
        ready: Callable[[Item], Awaitable[Ready]],
        through: Callable[[Sequence[ModelInput]], Sequence[Answer]],
    ) -> list[tuple[Ready, Answer] | Rejection]:
        """Take one batch the whole way: read, decode, prepare, push through the network.

        Parameters
        ----------
        ready
            Reads an item and prepares it, the costly part through `decode`. Asked for no more
            items at once, over all lanes, than there may be full-size images in memory.
        through
            Asks the network, such as a model's ``score``: one answer an input, in their order.

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
        answers = iter(await self._answers(inputs, through))
        return [one if isinstance(one, Rejection) else (one, next(answers)) for one in prepared]

    async def _answers(
        self,
        inputs: Sequence[ModelInput],
        through: Callable[[Sequence[ModelInput]], Sequence[Answer]],
    ) -> list[Answer]:
        """Push a batch through, split so that a single one keeps every lane of the network busy."""
        size = math.ceil(len(inputs) / self.network.streams) or 1
        portions = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        answered = await asyncio.gather(*(self.infer(through, one) for one in portions))
        return [answer for portion in answered for answer in portion]

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
