"""Sessions of people who signed in: in this process's memory, gone with it."""

from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock
from time import monotonic

from flows.dashboard.security.user import User

LONGEST = 10 * 3600.0
"""Seconds of a session: a day's work."""
IDLE = 30 * 60.0
"""Seconds without a request after which a session ends: the screen may be another's by then."""
_MOST = 1000


@dataclass
class _Session:
    user: User
    begun: float
    seen: float

    def is_over(self, now: float) -> bool:
        return now - self.begun > LONGEST or now - self.seen > IDLE


class Sessions:
    """The sessions of one dashboard, by the hash of the token that a browser keeps.

    Each sign-in makes a token, so that nobody can be made to use one that another knows.
    """

    def __init__(self) -> None:
        self._by_digest: dict[bytes, _Session] = {}
        self._lock = Lock()

    def begin(self, user: User, *, now: float | None = None) -> str:
        """Begin a person's session and return its token; the oldest of too many ends."""
        token, now = token_urlsafe(32), monotonic() if now is None else now
        with self._lock:
            for digest, session in list(self._by_digest.items()):
                if session.is_over(now) or len(self._by_digest) >= _MOST:
                    del self._by_digest[digest]
            self._by_digest[_digest(token)] = _Session(user, now, now)
        return token

    def user(self, token: str, *, now: float | None = None) -> User | None:
        """Return whose session a token names; None if it is over, or never was."""
        now = monotonic() if now is None else now
        with self._lock:
            session = self._by_digest.get(_digest(token))
            if session is None or session.is_over(now):
                return None
            session.seen = now
            return session.user

    def end(self, token: str) -> None:
        """End a session, if there is one."""
        with self._lock:
            self._by_digest.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    """Return what a token is looked up by: how long that takes says nothing of the token."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
