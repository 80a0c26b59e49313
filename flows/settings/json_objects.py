"""Settings that are JSON objects: what each name in them stands for."""

import json
from collections.abc import Mapping


def json_object(value: object, *, example: str) -> Mapping[object, object]:
    """Return the entries of a setting, which is JSON or read from it.

    Parameters
    ----------
    example
        What it looks like, for the message.

    Raises
    ------
    ValueError
        It is no JSON object, or a name stands in one twice: the former would be lost.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=_each_once)
        except json.JSONDecodeError as error:
            raise ValueError(f"it is not JSON such as {example} ({error.msg})") from None
    if not isinstance(value, Mapping):
        # Not a TypeError, which pydantic does not take for a refusal.
        raise ValueError(f"it is not a JSON object such as {example}")  # noqa: TRY004
    return value


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} stands in it twice")
    return dict(pairs)
