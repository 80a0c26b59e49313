"""Webhook and mail, at a real web server and a real mail server."""

import json
import traceback

import pytest

from flows.alerts.alert import Alert
from flows.alerts.channels import News, channels
from flows.errors import SendingError, UsageError
from flows.settings import Settings, read_settings
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.alert_servers import mail_server, web_server

NEWS = News((Alert("drift", "A chart.", "Look."),), ("obstacles",), "https://site/operations")


def mailing(server: str) -> Settings:
    return Settings(
        alert_mail_server=server,
        alert_mail_from="severity@site.example",
        alert_mail_to="a@site.example, b@site.example",
    )


def test_a_webhook_is_told_all_of_it_as_json() -> None:
    with web_server() as hook:
        channels(Settings(alert_webhook=hook.url))["webhook"](NEWS)

    content = json.loads(hook.posts[0])
    assert content["raised"] == [{"code": "drift", "text": "A chart.", "advice": "Look."}]
    assert content["over"] == ["obstacles"]
    for told in ("A chart. Look.", "Over: obstacles.", NEWS.link, RESEARCH_USE_ONLY):
        assert told in content["text"]


def test_a_mail_says_the_same_to_all_whom_the_site_names() -> None:
    with mail_server() as box:
        channels(mailing(box.url))["mail"](NEWS)

    (mail,) = box.mails
    assert mail["To"] == "a@site.example, b@site.example"
    assert "drift" in mail["Subject"]
    body = mail.get_payload(decode=True).decode()
    for told in ("A chart. Look.", "Over: obstacles.", NEWS.link, RESEARCH_USE_ONLY):
        assert told in body


def test_what_refuses_or_is_not_there_is_an_error_without_its_secret() -> None:
    with web_server() as hook:
        hook.status = 500
        with pytest.raises(SendingError, match="500") as refused:
            channels(Settings(alert_webhook=hook.url))["webhook"](NEWS)
    with pytest.raises(SendingError) as gone:
        channels(Settings(alert_webhook=hook.url))["webhook"](NEWS)
    settings = mailing("smtp://me:secret-token@127.0.0.1:9")
    with pytest.raises(SendingError) as closed:
        channels(settings)["mail"](NEWS)

    for error in (refused, gone, closed):
        assert "secret-token" not in "".join(traceback.format_exception(error.value))


def test_a_server_without_encryption_is_not_told_a_password_unless_the_site_says_so() -> None:
    with mail_server() as box:
        url = box.url.replace("smtp+plain://", "smtp://me:secret@")
        with pytest.raises(SendingError):
            channels(mailing(url))["mail"](NEWS)

    assert box.mails == []


@pytest.mark.parametrize("password", ["xq/zj", "25/zj", "xq?zj", "xq#zj", "xq@zj"])
def test_a_password_that_is_not_escaped_is_refused_and_not_quoted(password: str) -> None:
    with pytest.raises(UsageError, match="%2F") as refused:
        read_settings(
            alert_mail_server=f"smtp://me:{password}@mail.example:587",
            alert_mail_from="severity@site.example",
            alert_mail_to="a@site.example",
        )

    assert not any(piece in str(refused.value) for piece in ("xq", "zj", "25/"))
