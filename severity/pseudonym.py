"""Pseudonyms of patients and stations, and UIDs of images without: keyed with the site's secret.

A secret that was renewed is a chain: its links, the oldest first, joined by ``=>``. What is stored
is keyed with the first link, and the result with the next, so that stored keys can be renewed
although nothing stored says what they were made from. Without all links nobody can find a patient.
"""

import hashlib
import hmac
import json
import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Self

from severity.domain import PatientId

SHORTEST_KEY = 32
_DIGEST_LENGTH = 64  # hex digits, all of SHA-256
_KEY_LENGTH = 20  # hex digits, 80 bits: no collision among any number of real patients
_PREFIX = "p-"
_PATIENT_KEY = re.compile(rf"{_PREFIX}[0-9a-f]{{{_KEY_LENGTH}}}")
_STATION_LENGTH = 12
_LINKED = b"=>"


def links(secret: bytes) -> list[bytes]:
    """Return the links of a secret, the oldest first; one alone if it was never renewed."""
    return secret.split(_LINKED)


def linked(*secrets_in_order: bytes) -> bytes:
    """Return the secret that consists of these links, the oldest first."""
    return _LINKED.join(secrets_in_order)


def keyed_digest(text: str, *, secret: bytes) -> str:
    """Return a keyed hash: without the secret nobody can find the text by trying all texts.

    Each further link hashes the hash.
    """
    return shortened_digest(text, secret=secret, form="", length=_DIGEST_LENGTH)


def shortened_digest(text: str, *, secret: bytes, form: str, length: int) -> str:
    """Return a keyed hash as it is stored: the form's prefix, and so many hexadecimal digits.

    Each further link hashes what is stored, not what it was made from: that alone is there when the
    secret is renewed.
    """
    stored = text
    for link in links(secret):
        stored = form + hmac.new(link, stored.encode(), hashlib.sha256).hexdigest()[:length]
    return stored


def secret_fingerprint(secret: bytes) -> str:
    """Return a digest that differs between secrets without revealing them."""
    return keyed_digest("fingerprint", secret=secret)


def patient_key(patient: PatientId, *, secret: bytes) -> str:
    """Derive the pseudonym under which a patient is stored.

    The same patient always gets the same key, and without ``secret`` nobody can find out
    whose it is by trying all identifiers (a plain hash would allow that).

    Parameters
    ----------
    patient
        As the hospital knows them; leading and trailing blanks do not count (DICOM pads).
    secret
        At least 32 bytes, kept by the site.

    Returns
    -------
    ``p-`` and 20 hexadecimal digits.
    """
    if (shortest := min(map(len, links(secret)))) < SHORTEST_KEY:
        raise ValueError(f"the pseudonym secret has {shortest} bytes, fewer than {SHORTEST_KEY}")
    # JSON keeps issuer and identifier apart whatever characters they hold.
    message = json.dumps([patient.issuer.strip(), patient.value.strip()])
    return shortened_digest(message, secret=secret, form=_PREFIX, length=_KEY_LENGTH)


def is_patient_key(text: str) -> bool:
    """Return whether a text is a patient's pseudonym by its form; ``p-0001`` is an identifier."""
    return _PATIENT_KEY.fullmatch(text) is not None


def renewed_patient_key(key: str, link: bytes) -> str:
    """Return what became of a patient's key when the secret got this link."""
    return shortened_digest(key, secret=link, form=_PREFIX, length=_KEY_LENGTH)


def station_key(station: str, *, secret: bytes) -> str:
    """Derive the pseudonym of a station, which may be named after a hospital or a ward.

    Returns
    -------
    ``s-`` and 12 hexadecimal digits, enough for the stations of one site; empty without a name.
    """
    if not station:
        return ""
    message = json.dumps(["station", station])
    return shortened_digest(message, secret=secret, form="s-", length=_STATION_LENGTH)


def derived_uid(*parts: str, secret: bytes) -> str:
    """Derive a DICOM UID from what it names; the same parts always get the same UID.

    It comes from a UUID, and that from a keyed hash of the parts (DICOM PS3.5, B.2). By the first
    link of the secret: other systems know results by such UIDs, and would take a new one for
    another result.
    """
    name = keyed_digest(json.dumps(parts), secret=links(secret)[0])
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def renewed_uid(uid: str, link: bytes) -> str:
    """Return what became of a derived UID of a study when the secret got this link."""
    return derived_uid("renewed", uid, secret=link)


@dataclass(frozen=True)
class DerivedUids:
    """The UIDs of a file that carries none, derived from its content and its patient's visit.

    They are keyed as a pseudonym is: without the secret nobody can find the patient of a study
    by trying all identifiers, nor whether an image that they own is stored.
    """

    content_sha256: str
    secret: bytes = field(repr=False)

    @classmethod
    def unlinked(cls, content_sha256: str = "") -> Self:
        """Return UIDs that nobody can derive again, for what is not stored."""
        # In hexadecimal, which contains no sign that would divide it.
        return cls(content_sha256, secrets.token_hex(SHORTEST_KEY).encode())

    @property
    def image_uid(self) -> str:
        """The UID of the image; another content is another image."""
        return derived_uid("image", self.content_sha256, secret=self.secret)

    def study_uid(self, patient: PatientId, visit: str) -> str:
        """Return the UID of a patient's visit, which all its images have in common."""
        first, *later = links(self.secret)
        uid = derived_uid("study", patient_key(patient, secret=first), visit, secret=first)
        for link in later:
            uid = renewed_uid(uid, link)
        return uid
