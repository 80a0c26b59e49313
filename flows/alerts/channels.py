"""The ways in which alerts are told: by a webhook and by mail, without a patient or a file."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import httpx

from flows.alerts.alert import Alert
from flows.errors import SendingError
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY

_SECONDS = 20
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True)
class News:
    """What is told at once: alerts that were raised, and codes of those that are over."""

    raised: tuple[Alert, ...]
    over: tuple[str, ...]
    link: str = ""

    @property
    def title(self) -> str:
        """What it is about, in a line."""
        if not self.raised:
            return f"cxr-severity: over: {', '.join(self.over)}"
        return f"cxr-severity: {', '.join(alert.code for alert in self.raised)}"

    @property
    def text(self) -> str:
        """All of it, in lines."""
        lines = [f"{alert.text} {alert.advice}" for alert in self.raised]
        lines += [f"Over: {code}." for code in self.over]
        lines += [self.link] if self.link else []
        return "\n".join([*lines, RESEARCH_USE_ONLY])


def channels(settings: Settings) -> dict[str, Callable[[News], None]]:
    """Return the ways that a site set, by name: functions that send news.

    Each raises `SendingError`, whose message holds no secret.
    """
    senders: dict[str, Callable[[News], None]] = {}
    if settings.alert_webhook is not None:
        url = settings.alert_webhook.get_secret_value()
        senders["webhook"] = lambda news: _post(url, news)
    if settings.alert_mail_server is not None:
        senders["mail"] = lambda news: _mail(settings, news)
    return senders


def _post(url: str, news: News) -> None:
    """Post news as JSON; chats such as Slack and Mattermost show its ``text``."""
    content = {
        "text": f"{news.title}\n{news.text}",
        "raised": [vars(alert) for alert in news.raised],
        "over": list(news.over),
        "link": news.link,
    }
    try:
        httpx.post(url, json=content, timeout=_SECONDS).raise_for_status()
    # Not from these: their messages quote the URL, which is the secret.
    except httpx.HTTPStatusError as error:
        raise SendingError(f"the webhook answers {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SendingError(f"the webhook cannot be reached ({type(error).__name__})") from None


def _mail(settings: Settings, news: News) -> None:
    message = EmailMessage()
    message["Subject"] = news.title
    message["From"] = settings.alert_mail_from
    message["To"] = ", ".join(settings.alert_mail_to)
    message.set_content(news.text)
    assert settings.alert_mail_server is not None  # noqa: S101 - else there is no such channel
    try:
        with _connected(settings.alert_mail_server.get_secret_value()) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # Not from it: its message may quote the URL.
        raise SendingError(f"the mail server takes no mail ({type(error).__name__})") from None


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    """Connect to a mail server, with encryption unless its URL says otherwise, and log in."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
        if parts.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=_SECONDS)
    ) as server:
        if parts.scheme == "smtp":
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
