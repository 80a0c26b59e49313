"""The words of a value, whatever separates them and in whatever case they are written."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
_INITIALS = re.compile(r"\b(?:(A)\W{1,3}(P)|(P)\W{1,3}(A))\b")  # P.A., p.-a., A/P


@lru_cache(maxsize=1024)
def words(text: str) -> tuple[str, ...]:
    """Return the words in capitals and without accents; digits and signs only separate them.

    The letters of ``p.a.`` and ``A-P`` are one word.
    """
    plain = unicodedata.normalize("NFKD", text).upper()
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    whole = unicodedata.normalize("NFC", letters)  # Korean syllables were taken apart
    return tuple(_WORD.findall(_INITIALS.sub(r" \1\2\3\4 ", whole)))
