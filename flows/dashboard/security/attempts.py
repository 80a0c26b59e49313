"""Wrong passwords are slowed down, by the address that they come from."""

from dataclasses import dataclass
from threading import Lock
from time import monotonic

_FREE = 3  # a person mistypes
_LONGEST = 300.0  # seconds
_KEPT = 3600.0  # seconds without a wrong one, after which an address begins anew
_MOST = 10_000  # addresses that are remembered


class TooManyAttempts(Exception):
    """Too many wrong passwords came from an address; ``seconds`` until the next is looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many wrong passwords")
        self.seconds = max(1, round(seconds))


@dataclass
class _Failures:
    count: int
    blocked_until: float


class Attempts:
    """How many wrong passwords came from each address.

    After three, each costs twice as long as the one before, up to five minutes. They are forgotten
    an hour after the last.
    """

    def __init__(self) -> None:
        self._by_address: dict[str, _Failures] = {}
        self._lock = Lock()

    def check(self, address: str, *, now: float | None = None) -> None:
        """Let a password be looked at.

        Raises
        ------
        TooManyAttempts
            The address has to wait.
        """
        now = monotonic() if now is None else now
        with self._lock:
            failures = self._by_address.get(address)
            if failures is not None and failures.blocked_until > now:
                raise TooManyAttempts(failures.blocked_until - now)

    def fail(self, address: str, *, now: float | None = None) -> None:
        """Count a wrong password; of too many addresses the oldest is forgotten."""
        now = monotonic() if now is None else now
        with self._lock:
            failures = self._by_address.pop(address, _Failures(0, 0))
            if now - failures.blocked_until > _KEPT:
                failures = _Failures(0, 0)
            count = failures.count + 1
            wait = min(2.0 ** min(count - _FREE, 20), _LONGEST) if count >= _FREE else 0
            if len(self._by_address) >= _MOST:
                del self._by_address[next(iter(self._by_address))]
            self._by_address[address] = _Failures(count, now + wait)

    def succeed(self, address: str) -> None:
        """Forget the wrong passwords of an address."""
        with self._lock:
            self._by_address.pop(address, None)
