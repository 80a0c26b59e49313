"""Telling alerts: each when it is raised, again each day as long as it lasts, and when it ends."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from prefect import get_run_logger
from prefect.variables import Variable

from flows.alerts.alert import Alert
from flows.alerts.channels import News, channels
from flows.errors import SendingError
from flows.settings import Settings

_Told = dict[str, dict[str, str]]  # when each alert was told, by the way and the alert's code
_AGAIN = timedelta(days=1)
_VARIABLE = "cxr_severity_told_alerts"  # at Prefect's server: it is there when the database is not


async def tell(
    raised: Sequence[Alert], settings: Settings, *, unexamined: Collection[str] = ()
) -> None:
    """Send what is new since the last call, by each way that the site set.

    Parameters
    ----------
    unexamined
        Codes of alerts of which nothing is known now: none of them is over.

    What cannot be sent is sent by the next call. What was told is a variable of Prefect, so that
    all workers know it: codes of alerts, and when each was told.
    """
    senders = channels(settings)
    if not senders:
        return
    stored: _Told = cast("_Told", await Variable.aget(_VARIABLE)) or {}
    told = {name: stored.get(name, {}) for name in senders}
    now = datetime.now(UTC)
    for name, send in senders.items():
        codes = {alert.code for alert in raised}.union(unexamined)
        news = News(
            tuple(alert for alert in raised if _is_due(told[name].get(alert.code), now)),
            tuple(sorted(told[name].keys() - codes)),
            settings.operations_url,
        )
        if not news.raised and not news.over:
            continue
        try:
            await asyncio.to_thread(send, news)
        except SendingError as error:
            get_run_logger().warning("alerts were not told: %s", error)
            continue
        told[name] = _told(news, told[name], now)
        # At once: what ends this run later must not have it told again.
        await Variable.aset(_VARIABLE, told, overwrite=True)


def _is_due(told_at: str | None, now: datetime) -> bool:
    return told_at is None or now - datetime.fromisoformat(told_at) >= _AGAIN


def _told(news: News, told: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Return what is told now: without what is over, and with what was just raised."""
    kept = {code: at for code, at in told.items() if code not in news.over}
    return kept | {alert.code: now.isoformat() for alert in news.raised}
