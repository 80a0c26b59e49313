import pytest

from severity.domain import PatientId
from severity.pseudonym import patient_key, secret_fingerprint

SECRET = bytes(range(32))


def key(value: str, issuer: str = "", secret: bytes = SECRET) -> str:
    return patient_key(PatientId(value, issuer), secret=secret)


def test_a_patient_always_gets_the_same_key() -> None:
    assert key("ROE-1", "City") == key("ROE-1", "City")


def test_padding_does_not_make_another_patient() -> None:
    assert key(" ROE-1  ", "City ") == key("ROE-1", "City")


def test_a_key_shows_nothing_of_the_identifier() -> None:
    assert key("ROE-1").startswith("p-")
    assert len(key("ROE-1")) == 22
    assert "ROE" not in key("ROE-1")


@pytest.mark.parametrize("other", [("ROE-2", "City"), ("ROE-1", "Town"), ("ROE-1", "")])
def test_another_identifier_or_issuer_is_another_patient(other: tuple[str, str]) -> None:
    assert key(*other) != key("ROE-1", "City")


@pytest.mark.parametrize("mark", ["\x1f", "\x00", "|", '", "', "\\"])
def test_no_character_can_move_the_border_between_issuer_and_identifier(mark: str) -> None:
    assert key(f"b{mark}c", "a") != key("c", f"a{mark}b")


def test_the_same_patient_has_another_key_under_another_secret() -> None:
    assert key("ROE-1") != key("ROE-1", secret=bytes(32))


def test_any_text_has_a_key() -> None:
    assert key("Müller 王 \ud800") != key("Müller 王 \ud801")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        key("ROE-1", secret=bytes(31))


def test_a_fingerprint_tells_secrets_apart_and_does_not_contain_them() -> None:
    assert secret_fingerprint(SECRET) != secret_fingerprint(bytes(32))
    assert SECRET.hex() not in secret_fingerprint(SECRET)
