"""Helper processes for the decoders that hold Python's interpreter lock.

Such a decoder would stop every other thread for as long as it takes. And where a hostile frame
crashes a decoder written in C, it ends the helper process and not the worker.

Not pebble (5.2) or `concurrent.futures`: their processes import the program's main module again.
Under Prefect's engine one started in 2.9 s with 85 MB, where one of these takes 0.3 s and 20 MB.
"""

import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from severity.domain import Reason
from severity.errors import HelperUnavailable, UnreadableImage

_ATTEMPTS = 2  # one more, since a process may also end for the machine's lack of memory
_SLOWEST_DECODING_SECONDS = 60.0
_SLOWEST_START_SECONDS = 60.0
_READY = b"ready"
_P = ParamSpec("_P")
_R = TypeVar("_R")


class DecodingHelpers:
    """A number of processes, each of which runs one function at a time.

    Share one between all threads that read: `run` may be called by any of them, and waits
    while all processes are busy. A process that ends, or takes longer than a minute, is
    replaced, and the others do not notice. Close it at the end, or use it as a context.

    Processes start when they are first needed and end with this one, even if it is killed.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"{count} helpers")
        self._idle: queue.SimpleQueue[_Helper | None] = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            self._idle.put(None)  # not started

    def run(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Return what the function returns, or raise what it raises.

        Parameters
        ----------
        function
            Looked up by its name, in a module that imports little.

        Raises
        ------
        UnreadableImage
            The process ended without an answer, twice: the image crashes the decoder.
        HelperUnavailable
            No process can be started; the image is not to blame.
        """
        request = pickle.dumps((function, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        for _ in range(_ATTEMPTS):
            answer = self._ask(request)
            if answer is not None:
                failed, value = pickle.loads(answer)  # noqa: S301 - from a process of ours
                if failed:
                    raise value
                result: _R = value
                return result
        raise UnreadableImage(Reason.CORRUPT, "decoding the image ends or stalls the decoder")

    def _ask(self, request: bytes) -> bytes | None:
        """Return the answer of an idle process; None if it ended or took too long."""
        helper = self._idle.get()
        answer = None
        try:
            helper = helper or _Helper()
            answer = helper.answer(request)
        finally:
            if answer is None and helper is not None:
                helper.end()
                helper = None
            self._idle.put(helper)
        return answer

    def close(self) -> None:
        """End all processes, once they are idle; afterwards `run` would start new ones."""
        for helper in [self._idle.get() for _ in range(self._count)]:
            if helper is not None:
                helper.end()
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Helper:
    """One process, and the connection to it."""

    def __init__(self) -> None:
        self._connection, far_end = Pipe()
        code = f"from {__name__} import _serve; _serve({far_end.fileno()})"
        with far_end:
            self._process = subprocess.Popen(  # noqa: S603 - this program's own code
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders comment on broken images
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[far_end.fileno()],
                start_new_session=True,  # Ctrl-C is the parent's to answer
            )
        if self._receive(_SLOWEST_START_SECONDS) != _READY:
            self.end()
            raise HelperUnavailable("a process that decodes images cannot be started")

    def answer(self, request: bytes) -> bytes | None:
        try:
            self._connection.send_bytes(request)
        except OSError:  # it has ended
            return None
        return self._receive(_SLOWEST_DECODING_SECONDS)

    def _receive(self, seconds: float) -> bytes | None:
        try:
            return self._connection.recv_bytes() if self._connection.poll(seconds) else None
        except (OSError, EOFError):
            return None

    def end(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _serve(descriptor: int) -> None:
    """Answer requests until the other side is gone."""
    with Connection(descriptor) as connection:
        try:
            connection.send_bytes(_READY)
            while True:
                connection.send_bytes(_answer(connection.recv_bytes()))
        except (OSError, EOFError):
            return


def _answer(request: bytes) -> bytes:
    try:
        function, args, kwargs = pickle.loads(request)  # noqa: S301 - from our own parent
        answer = (False, function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        answer = (True, error)
    return pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)
