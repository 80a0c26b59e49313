"""DICOM nodes of the hospital's network: their titles and addresses."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from flows.errors import UsageError

OWN_TITLE = "CXRSEVERITY"
"""The application entity title by which a node knows this program."""

_A_TITLE = r"(?! *(@|$))[ -?A-\[\]-~]{1,16}"  # ASCII without @ and backslash, not blank alone
_TITLE = re.compile(_A_TITLE)
_NODE = re.compile(rf"(?P<title>{_A_TITLE})@(?P<host>[^\s@]+):(?P<port>[0-9]{{1,5}})")
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Node:
    """A DICOM node: its application entity title, and where it listens."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Node":
        """Read ``AET@HOST:PORT``; an IPv6 address stands in brackets.

        Raises
        ------
        UsageError
            It is not like that.
        """
        match = _NODE.fullmatch(text)
        if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
            raise UsageError("a DICOM node is named like PACS@192.0.2.7:11112")
        return cls(match["title"].strip(), match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title}@{host}:{self.port}"


def checked_title(title: str) -> str:
    """Return an application entity title without the blanks around it, which mean nothing.

    Raises
    ------
    UsageError
        No node may have it.

    References
    ----------
    * DICOM PS3.5, 6.2: value representation AE.
    """
    if not _TITLE.fullmatch(title):
        raise UsageError("an AE title has 1 to 16 characters, without @ and backslash")
    return title.strip()


def title_of_settings(title: str) -> str:
    """Return an application entity title as `checked_title` does, and raise ValueError instead."""
    try:
        return checked_title(title)
    except UsageError as error:
        raise ValueError(str(error)) from error


AeTitle = Annotated[str, AfterValidator(title_of_settings)]
"""An application entity title as a setting."""
