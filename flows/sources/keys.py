"""Keys: the names of the objects of a source, and what a name says of its object."""

import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes, unquote_to_bytes

from severity.files.sidecar import SIDECAR_NAMES

_NUMBER = re.compile(r"\.[0-9]+(?=(\.[^./]*)?$)")
_HALF_WRITTEN = (".part", ".partial", ".tmp", ".crdownload", ".filepart")


def to_key(name: bytes) -> str:
    """Return an object's key: its name as text, with parts that are not plain percent-encoded.

    Part by part, so that all objects of a folder have its key in common.
    """
    return "/".join(map(part_to_key, name.split(b"/")))


def part_to_key(name: bytes) -> str:
    """Return the key of one part of a name: of a file or folder without those above it."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(name)
    return text if text.isprintable() and "%" not in text else quote_from_bytes(name)


def to_name(key: str) -> bytes:
    """Return an object's name from its key, as its store spells it."""
    return unquote_to_bytes(key)


def is_offered(key: str) -> bool:
    """Whether an object is meant to be scored: no part of its key is hidden or a draft's."""
    return all(map(is_offered_part, key.split("/")))


def is_offered_part(part: str) -> bool:
    """Whether a file or folder of this name is meant to be looked at."""
    return not (part.startswith(".") or part.lower().endswith(_HALF_WRITTEN))


def is_sidecar(key: str) -> bool:
    """Whether an object describes others, by its name."""
    return name_of(key) in SIDECAR_NAMES


def name_of(key: str) -> str:
    """Return the last part of a key."""
    return key.rpartition("/")[2]


def folder_of(key: str) -> str:
    """Return the key of the folder that an object lies in; ``.`` is the source itself."""
    return key.rpartition("/")[0] or "."


def numbered(key: str, number: int) -> str:
    """Return another key of the same folder and ending, which no object with another number has."""
    folder, slash, name = key.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}{stem or ending}.{number}{dot}{ending if stem else ''}"


def unnumbered(key: str) -> str:
    """Return the key that `numbered` made another one of."""
    return _NUMBER.sub("", key, count=1)


def places(key: str) -> Iterator[tuple[str, str]]:
    """List the folders that an object lies in, nearest first, each with the path from there."""
    parts = key.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[:depth]) or ".", "/".join(parts[depth:])
