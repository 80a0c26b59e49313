"""Pseudonyms of patients and stations, and UIDs of images without: keyed with the site's secret."""

import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Self

from severity.domain import PatientId

SHORTEST_KEY = 32
_KEY_LENGTH = 20  # hex digits, 80 bits: no collision among any number of real patients
_PREFIX = "p-"
_STATION_LENGTH = 12


def keyed_digest(text: str, *, secret: bytes) -> str:
    """Return a keyed hash: without the secret nobody can find the text by trying all texts."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


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
    if len(secret) < SHORTEST_KEY:
        raise ValueError(f"the pseudonym secret has {len(secret)} bytes, fewer than {SHORTEST_KEY}")
    # JSON keeps issuer and identifier apart whatever characters they hold.
    message = json.dumps([patient.issuer.strip(), patient.value.strip()])
    return _PREFIX + hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()[:_KEY_LENGTH]


def station_key(station: str, *, secret: bytes) -> str:
    """Derive the pseudonym of a station, which may be named after a hospital or a ward.

    Returns
    -------
    ``s-`` and 12 hexadecimal digits, enough for the stations of one site; empty without a name.
    """
    if not station:
        return ""
    return f"s-{keyed_digest(json.dumps(['station', station]), secret=secret)[:_STATION_LENGTH]}"


def derived_uid(*parts: str, secret: bytes) -> str:
    """Derive a DICOM UID from what it names; the same parts always get the same UID.

    It comes from a UUID, and that from a keyed hash of the parts (DICOM PS3.5, B.2).
    """
    name = keyed_digest(json.dumps(parts), secret=secret)
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


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
        return cls(content_sha256, secrets.token_bytes(SHORTEST_KEY))

    @property
    def image_uid(self) -> str:
        """The UID of the image; another content is another image."""
        return derived_uid("image", self.content_sha256, secret=self.secret)

    def study_uid(self, patient: PatientId, visit: str) -> str:
        """Return the UID of a patient's visit, which all its images have in common."""
        key = patient_key(patient, secret=self.secret)
        return derived_uid("study", key, visit, secret=self.secret)
