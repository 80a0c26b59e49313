"""Who asks for a page: nobody known, or a person by a session, a password or a proxy's header."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from pydantic import SecretStr
from starlette.requests import Request

from db.lookups import LONGEST_NAME
from flows.dashboard.log import log
from flows.dashboard.security.attempts import Attempts
from flows.dashboard.security.sessions import Sessions
from flows.dashboard.security.user import User
from flows.errors import UsageError
from flows.login import login
from flows.settings import Settings

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST = re.compile(r"(?P<name>\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
COOKIE = "cxr_severity_session"
"""The cookie that names a session; no other page of a browser can read it."""


@dataclass(frozen=True)
class Access:
    """How people are known to one dashboard, and by which names it is asked for.

    With a ``user_header`` by what a proxy says, with a ``password`` by that; else everybody is
    ``local_user``, since only this machine can ask.
    """

    names: frozenset[str]
    local_user: str
    password: SecretStr | None = None
    operator_password: SecretStr | None = None
    metrics_token: SecretStr | None = None
    user_header: str | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    operators: frozenset[str] = frozenset()
    sessions: Sessions = field(default_factory=Sessions, repr=False)
    attempts: Attempts = field(default_factory=Attempts, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        """Return the access that the settings allow.

        Raises
        ------
        UsageError
            Others than this machine could ask, and nobody would know who does.
        """
        host = settings.dashboard_host
        is_known = settings.dashboard_password or settings.dashboard_user_header
        if not is_known and not _is_local(host):
            raise UsageError(
                f"SEVERITY_DASHBOARD_HOST={host} lets other machines ask: set "
                "SEVERITY_DASHBOARD_PASSWORD or SEVERITY_DASHBOARD_USER_HEADER first"
            )
        return cls(
            names=_LOCAL_NAMES | {*settings.dashboard_names, _as_name(host)},
            local_user=login(),
            password=settings.dashboard_password,
            operator_password=settings.dashboard_operator_password,
            metrics_token=settings.dashboard_metrics_token,
            user_header=settings.dashboard_user_header,
            proxies=tuple(map(ip_network, settings.dashboard_proxies)),
            operators=frozenset(settings.dashboard_operators),
        )

    def is_asked_by_name(self, request: Request) -> bool:
        """Whether a request is for a name of ours.

        Against DNS rebinding: a page of a stranger whose name leads to this machine, and which a
        browser therefore lets read what we answer.
        """
        hosts = request.headers.getlist("host")
        parts = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        return parts is not None and parts["name"] in self.names

    def is_monitor(self, request: Request) -> bool:
        """Whether a monitoring system asks, which states the token that is set for it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _is_equal(self.metrics_token, token)

    def user(self, request: Request) -> User | None:
        """Return who asks; None if that is not known."""
        if self.user_header is not None:
            return self._told_by_proxy(request, self.user_header)
        if self.password is None:
            return User(self.local_user)
        session = self.sessions.user(request.cookies.get(COOKIE, ""))
        return session or self._by_authorization(request)

    def signed_in(self, address: str, name: str, password: str) -> User | None:
        """Return the person who states a name and a password; None if the password is wrong.

        The name is as it is told: the password proves only that somebody was let in.

        Raises
        ------
        TooManyAttempts
            From this address came too many wrong ones; this one is not even looked at.
        """
        self.attempts.check(address)
        is_reader = _is_equal(self.password, password)
        is_operator = _is_equal(self.operator_password, password)
        told = _proper_name(name)
        if told is None or not (is_reader or is_operator):
            self.attempts.fail(address)
            # Not the name: some type their password there.
            log.warning("a wrong password from %s", address)
            return None
        if is_operator or self.operator_password is None:
            # Else whoever knows the readers' password would guess the operators' without a wait.
            self.attempts.succeed(address)
        return User(told, is_operator=is_operator)

    def _told_by_proxy(self, request: Request, header: str) -> User | None:
        """Return whom a trusted proxy names, once: what came in beside its own would count too."""
        names = request.headers.getlist(header)
        if len(names) != 1 or not self._is_proxy(address_of(request)):
            return None
        try:
            name = _proper_name(names[0].encode("latin-1").decode())
        except UnicodeDecodeError:
            return None
        return None if name is None else User(name, is_operator=name in self.operators)

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.proxies)

    def _by_authorization(self, request: Request) -> User | None:
        """Return who states name and password in the request itself, as programs do."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = b64decode(value, validate=True).decode().partition(":")
        except (NotBase64, ValueError):
            return None
        return self.signed_in(address_of(request), name, password)


def address_of(request: Request) -> str:
    """Return the address that a request came from: that of the proxy, if there is one."""
    return request.client.host if request.client else ""


def _proper_name(name: str) -> str | None:
    """Return a person's name as it is recorded; None if it is none."""
    name = name.strip()
    return name if name and name.isprintable() and len(name) <= LONGEST_NAME else None


def _is_equal(password: SecretStr | None, stated: str) -> bool:
    """Whether a password is stated, in a time that says nothing of it, not even its length."""
    if password is None:
        return False
    known = sha256(password.get_secret_value().encode()).digest()
    return compare_digest(known, sha256(stated.encode("utf-8", "surrogatepass")).digest())


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _as_name(host: str) -> str:
    """Return an address as a browser asks for it."""
    return f"[{host}]" if ":" in host else host.lower()
