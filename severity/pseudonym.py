"""Pseudonyms of patients."""

import hashlib
import hmac
import json

from severity.domain import PatientId

SHORTEST_KEY = 32
_KEY_LENGTH = 20  # hex digits, 80 bits: no collision among any number of real patients
_PREFIX = "p-"


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
