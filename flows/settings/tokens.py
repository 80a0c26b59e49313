"""Settings that are bearer tokens."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

_TOKEN = re.compile(r"[!-~]+")


def _checked(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("a token has ASCII characters alone, and no blanks")
    return token


Token = Annotated[SecretStr, AfterValidator(_checked)]
"""A secret that the header of a request can hold."""
