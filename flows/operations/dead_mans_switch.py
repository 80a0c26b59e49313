"""The dead man's switch: a call after each successful pass, whose absence is an alarm elsewhere."""

import logging
import urllib.request
from http.client import HTTPException
from threading import Thread

from flows.settings import Settings

_SECONDS = 10.0

_log = logging.getLogger(__name__)


def report_success(settings: Settings) -> None:
    """Call the URL that is set, once, for some seconds at most; whatever becomes of it, go on.

    The URL is a secret: whoever has it could report a success that was none. It is in no log.
    """
    if settings.success_url is None:
        return
    url = settings.success_url.get_secret_value()
    # Not waited for longer: a name server or a slow answer may take minutes.
    call = Thread(target=_call, args=(url,), name="dead man's switch", daemon=True)
    call.start()
    call.join(_SECONDS)
    if call.is_alive():
        _log.warning("the call of SEVERITY_SUCCESS_URL takes longer than %d s", _SECONDS)


def _call(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=_SECONDS).close()  # noqa: S310 - a setting, checked
    except (OSError, HTTPException, ValueError) as error:
        _log.warning("the call of SEVERITY_SUCCESS_URL failed: %s", type(error).__name__)
