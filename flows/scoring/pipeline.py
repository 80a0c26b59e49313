"""The stages between a file and its score, and the threads that they run in.

A file is read, prepared and inferred. Several batches are in these stages at once, so that
reading, the network and writing overlap; `Pipeline` is what they share.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from threadpoolctl import threadpool_limits

from flows.concurrency import at_once
from flows.operations.stopwatch import Stopwatch
from flows.settings import Settings
from severity.codecs.helper_processes import DecodingHelpers
from severity.domain import ImageRecord, Reason
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtimes.runtime import ModelInput
from severity.pseudonym import DerivedUids

_BATCHES_OUTSIDE_THE_NETWORK = 2  # one is read, one is written

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


@dataclass(frozen=True)
class FileContent:
    """The content of a file, its sidecar record, and the UIDs that it gets if it has none."""

    content: bytes
    sidecar: SidecarRecord | None
    uids: DerivedUids = field(default_factory=DerivedUids.unlinked)


@dataclass(frozen=True)
class PreparedImage:
    """An image that passed every check, reduced to the network's input."""

    record: ImageRecord
    model_input: ModelInput


@dataclass(frozen=True)
class Rejection:
    """Why an image must not be scored. Not the error itself: its traceback holds the image."""

    reason: Reason
    detail: str


_Prepared = TypeVar("_Prepared")
_Image = TypeVar("_Image", bound=PreparedImage)


class InferenceNetwork(Protocol):
    """A model or feature extractor, which images are prepared for and pushed through."""

    @property
    def streams(self) -> int:
        """How many batches may usefully be in it at the same time."""

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Return the network's input for a decoded image."""


def prepared_image(radiograph: Radiograph, network: InferenceNetwork) -> PreparedImage:
    """Reduce a radiograph to the network's input."""
    return PreparedImage(radiograph.record, network.prepare(radiograph.grey))


class Pipeline:
    """The threads and bounds that all batches in flight share.

    At most ``decoders`` full-size images are in memory, and at most ``network.streams`` forward
    passes run; all else that a batch holds is model inputs. Leaving the context waits until the
    threads are idle, so that nothing happens behind a run that ended.
    """

    def __init__(
        self,
        settings: Settings,
        network: InferenceNetwork,
        *,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self._stopwatch = stopwatch or Stopwatch()
        self.batches = network.streams + _BATCHES_OUTSIDE_THE_NETWORK
        self._network = network
        self._zone = settings.zone
        self._helpers = DecodingHelpers(settings.decoders)
        self._full_size = asyncio.Semaphore(settings.decoders)
        self._decoders = ThreadPoolExecutor(settings.decoders, "decoder")
        self._streams = ThreadPoolExecutor(network.streams, "stream")

    def __enter__(self) -> Self:
        # Decoders work side by side: a BLAS with threads of its own would only be in their way.
        self._blas_limit = threadpool_limits(limits=1, user_api="blas")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pool in (self._decoders, self._streams):
            pool.shutdown(cancel_futures=True)
        self._helpers.close()
        self._blas_limit.restore_original_limits()

    async def prepare(
        self, items: Sequence[_Item], prepare: Callable[[_Item], Awaitable[_Prepared]]
    ) -> list[_Prepared | Rejection]:
        """Prepare the items of a batch; items that must not be scored become rejections.

        Parameters
        ----------
        prepare
            Reads an item and reduces it, the costly part by `decode`. Called for no more items
            at once, over all batches, than there may be full-size images in memory.

        Returns
        -------
        One result for each item, in their order.
        """

        async def bounded(item: _Item) -> _Prepared | Rejection:
            async with self._full_size:
                try:
                    return await prepare(item)
                except RejectedImage as rejected:
                    return Rejection(rejected.reason, str(rejected))

        # All wait for the semaphore at once, which serves them in their order: a batch is whole,
        # and in the network, before the next one is begun.
        return await at_once(len(items), bounded, items)

    async def decode(
        self, file: FileContent, reduce: Callable[[Radiograph, InferenceNetwork], _Prepared]
    ) -> _Prepared:
        """Decode a file and reduce it; every radiograph that is scored comes from here.

        Parameters
        ----------
        reduce
            Such as `prepared_image`. It runs in a decoder's thread and must not keep a
            reference to the radiograph.

        Raises
        ------
        RejectedImage
            The image must not be scored.
        """
        return await _in(self._decoders, partial(self._decode, file, reduce))

    def _decode(
        self, file: FileContent, reduce: Callable[[Radiograph, InferenceNetwork], _Prepared]
    ) -> _Prepared:
        with self._stopwatch.timed("decode"):
            radiograph = read_radiograph(
                file.content,
                file.sidecar,
                uids=file.uids,
                zone=self._zone,
                helpers=self._helpers,
            )
            return reduce(radiograph, self._network)

    async def infer(
        self,
        images: Sequence[_Image | Rejection],
        forward: Callable[[Sequence[ModelInput]], Sequence[_Result]],
    ) -> list[tuple[_Image, _Result] | Rejection]:
        """Push a batch through the network; rejections are returned as they are.

        Parameters
        ----------
        forward
            Runs the network, such as a model's ``score``: one result an input, in their order.

        Returns
        -------
        Each image with its result, or its rejection, in their order.
        """
        inputs = [image.model_input for image in images if isinstance(image, PreparedImage)]
        results = iter(await self._results(inputs, forward))
        return [
            image if isinstance(image, Rejection) else (image, next(results)) for image in images
        ]

    async def _results(
        self,
        inputs: Sequence[ModelInput],
        forward: Callable[[Sequence[ModelInput]], Sequence[_Result]],
    ) -> list[_Result]:
        """Run the network on parts of a batch, so that a single batch keeps every stream busy."""
        size = math.ceil(len(inputs) / self._network.streams) or 1
        parts = [inputs[start : start + size] for start in range(0, len(inputs), size)]

        def timed(part: Sequence[ModelInput]) -> Sequence[_Result]:
            with self._stopwatch.timed("network", len(part)):
                return forward(part)

        results = await asyncio.gather(*(self.in_stream(timed, part) for part in parts))
        return [result for part in results for result in part]

    async def in_stream(
        self,
        function: Callable[_Arguments, _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Call a function that uses the network, in one of the threads for its streams."""
        return await _in(self._streams, partial(function, *args, **kwargs))


async def _in(pool: Executor, function: Callable[[], _Result]) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(pool, function)
