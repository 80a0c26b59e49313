"""Simulated hosts: network namespaces with a link each to a PostgreSQL in one of its own.

It takes root's rights and iproute2. Nothing of it can be reached from this machine's network.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.jobs import BenchmarkError
from db.embedded import client_program
from db.engine import Database
from db.errors import DatabaseError

_START_SECONDS = 60
# Whom the embedded server's package makes, since PostgreSQL is never root.
_SYSTEM_USER = "pgserver"
# A lost host is noticed within seconds, by either side. By default it takes the server hours, and
# the product a minute; the rest is the same.
_SERVER_NOTICES = {
    "tcp_keepalives_idle": "1",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "2000",
}
_CLIENT_NOTICES = (
    "connect_timeout=2&keepalives_idle=1&keepalives_interval=1&keepalives_count=2"
    "&tcp_user_timeout=2000"
)


def why_not() -> str:
    """Return why there can be no simulated hosts here; empty if there can be."""
    if os.geteuid() != 0:
        return "namespaces take root's rights"
    for program in ("ip", "setpriv"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    probe = f"severity-{uuid4().hex[:8]}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:  # noqa: S607
        return "this machine lets nobody make network namespaces"
    _ip("netns", "delete", probe)
    return ""


@dataclass(frozen=True)
class Host:
    """A simulated host: its namespace, its link, and the database as it is reached from there."""

    namespace: str
    link: str
    url: str

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """Start a program on this host, in a process group of its own."""
        with log.open("ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],  # noqa: S607
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def cut(self) -> None:
        """Take the link down: nothing arrives, and nobody is told."""
        _ip("-n", self.namespace, "link", "set", self.link, "down")

    def mend(self) -> None:
        """Bring the link up again."""
        _ip("-n", self.namespace, "link", "set", self.link, "up")


@dataclass(frozen=True)
class Hosts:
    """Simulated hosts, and the database that they share as this machine reaches it."""

    hosts: Sequence[Host]
    database: Database


@contextmanager
def simulated_hosts(count: int, folder: Path) -> Iterator[Hosts]:
    """Make hosts and a PostgreSQL that they reach over TCP, and remove all of it at the end.

    Parameters
    ----------
    folder
        Where the database lies; its path must be short, and all users must get there.
    """
    name = f"severity-{uuid4().hex[:4]}"
    server = f"{name}-db"
    namespaces = [server]
    _ip("netns", "add", server)
    try:
        hosts = []
        for number in range(1, count + 1):
            namespaces.append(f"{name}-{number}")
            hosts.append(_connected(server, namespaces[-1], number))
        with _postgres(server, folder) as database:
            yield Hosts(hosts, database)
    finally:
        for namespace in namespaces:
            with suppress(BenchmarkError):  # one was never made; the others are removed
                _ip("netns", "delete", namespace)


def _connected(server: str, namespace: str, number: int) -> Host:
    """Make a host's namespace, with a cable to that of the server."""
    link, other, net = f"host{number}", f"to-host{number}", f"10.77.{number}"
    _ip("netns", "add", namespace)
    _ip("-n", namespace, "link", "set", "lo", "up")
    _ip("-n", namespace, "link", "add", link, "type", "veth", "peer", other, "netns", server)
    for where, name, address in ((namespace, link, f"{net}.2/24"), (server, other, f"{net}.1/24")):
        _ip("-n", where, "address", "add", address, "dev", name)
        _ip("-n", where, "link", "set", name, "up")
    url = f"postgresql://postgres@{net}.1/postgres?{_CLIENT_NOTICES}"
    return Host(namespace, link, url)


@contextmanager
def _postgres(namespace: str, folder: Path) -> Iterator[Database]:
    """Run a PostgreSQL in a namespace, which also listens on a socket in its folder."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    user = pwd.getpwnam(_SYSTEM_USER)
    os.chown(data, user.pw_uid, user.pw_gid)
    as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    initdb = [str(client_program("initdb")), "-D", str(data), "-U", "postgres", "--auth=trust"]
    subprocess.run([*as_user, *initdb, "--no-sync"], cwd="/", capture_output=True, check=True)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.77.0.0/16 trust\n")  # nobody else is in that network
    settings = {
        "listen_addresses": "*",
        "unix_socket_directories": str(data),
        "fsync": "off",
        **_SERVER_NOTICES,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = [str(client_program("postgres")), "-D", str(data), *options]
    with (folder / "postgres.log").open("ab") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *as_user, *server],  # noqa: S607
            cwd="/",
            stdout=log,
            stderr=log,
        )
    database = Database(f"postgresql://postgres:@/postgres?host={data}")
    try:
        _await_upgrade(database)
        yield database
    finally:
        database.dispose()
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def _await_upgrade(database: Database) -> None:
    """Make the tables as soon as the server answers."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            database.upgrade()
        except DatabaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)  # noqa: S607
    except subprocess.CalledProcessError as error:
        raise BenchmarkError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error
