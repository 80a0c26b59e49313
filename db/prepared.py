"""Statements that are planned once: those that are executed thousands of times a night."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_KNOWN = "prepared"  # where a connection keeps the names of those that it knows


class Prepared:
    """A statement with ``:named`` parameters that PostgreSQL plans once for each connection.

    Most of the time of a short statement is that of its planning, and of reading long lists: these
    are passed as the text of an array, which PostgreSQL reads faster than an expression of as many
    elements.
    """

    def __init__(self, sql: str) -> None:
        self._names = names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        self.name = f"cxr_{sha256(sql.encode()).hexdigest()[:16]}"
        body = _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", sql)
        self._prepare = f"PREPARE {self.name} AS {body}"
        values = ", ".join(f"%({name})s" for name in names)
        self._execute = f"EXECUTE {self.name}" + (f" ({values})" if values else "")

    def execute(self, session: Session, values: Mapping[str, object]) -> CursorResult[Any]:
        """Execute the statement; values that it does not name are ignored."""
        connection = session.connection()
        known: set[str] = connection.info.setdefault(_KNOWN, set())
        if self.name not in known:
            connection.exec_driver_sql(self._prepare, execution_options={"no_parameters": True})
            known.add(self.name)
        texts = {name: array_text(values[name]) for name in self._names}
        return connection.exec_driver_sql(self._execute, texts)


def array_text(value: object) -> object:
    """Return a list as PostgreSQL writes an array, and any other value as it is."""
    if not isinstance(value, list):
        return value
    if set(map(type, value)) <= {int, float}:
        return f"{{{repr(value)[1:-1]}}}"  # many numbers, at once
    return "{" + ",".join(map(_element_text, value)) + "}"


def _element_text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return float.__repr__(value)  # NumPy's own names its type
    if isinstance(value, int):
        return int.__repr__(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
