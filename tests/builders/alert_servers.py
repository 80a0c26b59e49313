"""A mail server that keeps what it is sent, and a web server that keeps what it is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as KeepingHandler

from tests.builders.http_servers import serving
from tests.builders.ports import free_ports


@dataclass
class Mailbox:
    """The mails that a server took, and its URL."""

    url: str
    mails: list[Message] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server without encryption on this machine."""
    (port,) = free_ports(1)
    box = Mailbox(f"smtp+plain://127.0.0.1:{port}")

    class Handler(KeepingHandler):
        def handle_message(self, message: Message) -> None:
            box.mails.append(message_from_bytes(message.as_bytes()))

    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Webhook:
    """What was posted to a URL, and how often it was called; ``status`` is what it answers."""

    url: str = ""
    status: int = 200
    posts: list[bytes] = field(default_factory=list)
    calls: int = 0


@contextmanager
def web_server() -> Iterator[Webhook]:
    """Run a web server on this machine."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer()

        def do_GET(self) -> None:
            hook.calls += 1
            self._answer()

        def _answer(self) -> None:
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with serving(Handler) as origin:
        hook.url = f"{origin}/secret-token"
        yield hook
