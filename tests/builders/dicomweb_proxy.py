"""A proxy before a PACS, which misbehaves as a test asks it to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import httpx

from tests.builders.dicom_nodes import Orthanc
from tests.builders.http_servers import serving


@dataclass
class Answer:
    """An answer, as the PACS gives it or as the proxy changes it."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Change = Callable[[str, Answer], Answer]


@dataclass
class Proxy:
    """A DICOMweb service. ``change`` is given a path and the answer; it returns another."""

    url: str
    asked: list[str] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    change: Change = lambda _, answer: answer

    def films_asked(self) -> int:
        """How often a film was asked for."""
        return sum("/series/" in path for path in self.asked)


@contextmanager
def proxy_of(pacs: Orthanc) -> Iterator[Proxy]:
    """Let a proxy stand before a PACS."""
    with pacs.client() as client:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                proxy.authorizations.add(self.headers.get("Authorization", ""))
                answer = proxy.change(self.path, _answer(client, self.path, self.headers["Accept"]))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        with serving(Handler) as origin:
            proxy = Proxy(f"{origin}/dicom-web")
            yield proxy


def answer_of(pacs: Orthanc, path: str) -> Answer:
    """Return what a PACS answers."""
    with pacs.client() as client:
        return _answer(client, path, "application/dicom+json")


def _answer(client: httpx.Client, path: str, accepted: str) -> Answer:
    response = client.get(path, headers={"Accept": accepted})
    kind = response.headers.get("Content-Type", "")
    return Answer(response.status_code, response.content, {"Content-Type": kind})
