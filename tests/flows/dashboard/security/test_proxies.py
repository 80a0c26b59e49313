"""The reverse proxies of docs/dashboard-access.md, as they are written there."""

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from db import lookups
from db.lookups import LookupFilter
from flows.dashboard import server
from tests.builders.ports import free_ports
from tests.builders.stories import SAME

PAGE = (Path(__file__).parents[4] / "docs/dashboard-access.md").read_text(encoding="utf-8")
PASSWORD = "for the tests alone"  # noqa: S105
NGINX = """
daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {example}
}}
"""


def example(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def program(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} on this machine: apt-get install {name}")
    return path


@contextmanager
def started(command, address, **options):
    """Run a proxy until the test ends."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        for _ in range(100):
            try:
                httpx.get(address)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


def _as_root():
    """Let root's worker read the folder of the tests, as it stays the user that it is otherwise."""
    return "user root;" if os.geteuid() == 0 else ""


@contextmanager
def nginx(folder, upstream):
    openssl = ["openssl", "passwd", "-apr1", PASSWORD]
    hashed = subprocess.run(openssl, check=True, capture_output=True, text=True).stdout
    (folder / "passwords").write_text(f"dr.roe:{hashed}")
    (port,) = free_ports(1)
    server_block = re.sub(r" +ssl_certificate.*\n", "", example("nginx"))
    server_block = (
        server_block.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        .replace("/etc/nginx/severity.passwords", str(folder / "passwords"))
        .replace("http://127.0.0.1:4220", upstream)
    )
    (folder / "nginx.conf").write_text(
        NGINX.format(folder=folder, example=server_block, user=_as_root())
    )
    command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with started(command, f"http://127.0.0.1:{port}") as address:
        yield address


@contextmanager
def caddy(folder, upstream):
    command = [program("caddy"), "hash-password", "--plaintext", PASSWORD]
    hashed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    block = (
        example("caddy")
        .replace("severity.hospital.example", address)
        .replace("$2a$14$...", hashed)
        .replace("127.0.0.1:4220", urlsplit(upstream).netloc)
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + block)
    command = [program("caddy"), "run", "--config", str(folder / "Caddyfile")]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with started(command, address, env=home):
        yield address


@pytest.fixture
def upstream(dashboard):
    settings = dashboard.resources.settings.model_copy(
        update={"dashboard_user_header": "X-Remote-User"}
    )
    with server.serving(replace(dashboard.resources, settings=settings)) as address:
        yield address


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_a_proxy_names_the_person_whatever_a_visitor_states(proxy, upstream, dashboard, tmp_path):
    before = len(dashboard.archive.do(lookups.lookups, LookupFilter(who="dr.roe")))
    visitor = {"X-Remote-User": "dr.doe", "X-Forwarded-For": "10.0.0.9"}
    with (
        proxy(tmp_path, upstream) as address,
        httpx.Client(base_url=address, headers=visitor, timeout=60) as client,
    ):
        assert client.get("/").status_code == 401
        client.auth = ("dr.roe", PASSWORD)
        assert client.get(f"/patients/{SAME}").status_code == 200
        # The origin, with its port, is that of the name that the browser asked by.
        posted = client.post("/search", headers={"Origin": address}, data={"identifier": SAME})
        assert (posted.status_code, posted.headers["location"]) == (303, f"/patients/{SAME}")

    seen = dashboard.archive.do(lookups.lookups, LookupFilter(who="dr.roe"))
    assert [look.page for look in seen[: len(seen) - before]] == ["search", "patient"]
    assert dashboard.archive.do(lookups.lookups, LookupFilter(who="dr.doe")) == []
