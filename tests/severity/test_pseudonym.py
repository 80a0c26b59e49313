import json
import uuid
from collections.abc import Iterator

import pytest

from severity.domain import PatientId
from severity.pseudonym import (
    DerivedUids,
    is_patient_key,
    linked,
    patient_key,
    renewed_patient_key,
    renewed_uid,
    secret_fingerprint,
    station_key,
)

SECRET = bytes(range(32))


def key(value: str, issuer: str = "", secret: bytes = SECRET) -> str:
    return patient_key(PatientId(value, issuer), secret=secret)


def test_a_patient_always_gets_the_same_key() -> None:
    assert key("ROE-1", "City") == key("ROE-1", "City")


def test_padding_does_not_make_another_patient() -> None:
    assert key(" ROE-1  ", "City ") == key("ROE-1", "City")


@pytest.mark.parametrize("identifier", ["ROE-1", "p-1", "\N{RADIOACTIVE SIGN}", ""])
def test_a_key_is_told_from_an_identifier_by_its_form(identifier: str) -> None:
    assert is_patient_key(key(identifier))
    assert not is_patient_key(identifier)
    assert not is_patient_key(f"{key(identifier)}0")


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


def study(number: str = "4711", issuer: str = "", visit: str = "2020-04-01") -> str:
    return DerivedUids("a" * 64, SECRET).study_uid(PatientId(number, issuer), visit)


def test_a_study_is_a_patient_s_visit_whatever_the_file() -> None:
    other_file = DerivedUids("b" * 64, SECRET)

    assert other_file.study_uid(PatientId(" 4711"), "2020-04-01") == study()
    assert len({study(), study("4712"), study(issuer="City"), study(visit="2020-04-02")}) == 4


def test_an_image_is_its_content() -> None:
    uids = [DerivedUids(sha256, SECRET).image_uid for sha256 in ("a", "b", "a")]

    assert uids[0] == uids[2] != uids[1]


def test_another_secret_derives_other_uids() -> None:
    other = DerivedUids("a" * 64, bytes(32))

    assert other.study_uid(PatientId("4711"), "2020-04-01") != study()
    assert other.image_uid != DerivedUids("a" * 64, SECRET).image_uid


def test_uids_of_what_is_not_stored_are_linked_to_nothing() -> None:
    assert DerivedUids.unlinked("a").image_uid != DerivedUids.unlinked("a").image_uid


def as_uid(name: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def unkeyed(number: str) -> Iterator[str]:
    """Derive a study's UID in all ways that need no secret."""
    for parts in (["study", "", number, "2020-04-01"], ["study", number, "2020-04-01"]):
        yield as_uid("\x1f".join(parts))
        yield as_uid(json.dumps(parts))


def test_nobody_finds_the_patient_by_trying_all_numbers() -> None:
    """An 8-digit number was computed back in 73 s when the UID was a plain hash of it."""
    published = study("4711")

    assert not any(published in unkeyed(str(number)) for number in range(10_000))


def test_a_derived_uid_is_a_valid_one_that_holds_a_uuid() -> None:
    """DICOM PS3.5, 9.1 and B.2."""
    for uid in (study(), DerivedUids("a" * 64, SECRET).image_uid):
        root, arc, number = uid.split(".")
        assert (root, arc) == ("2", "25")
        assert str(int(number)) == number
        assert uuid.UUID(int=int(number)).variant == uuid.RFC_4122
        assert len(uid) <= 64


def test_uids_do_not_show_their_secret() -> None:
    assert repr(SECRET) not in repr(DerivedUids("a", SECRET))


def test_a_station_always_gets_the_same_key_which_shows_nothing_of_its_name() -> None:
    first = station_key("WARD7", secret=SECRET)

    assert first == station_key("WARD7", secret=SECRET)
    assert first.startswith("s-")
    assert len(first) == 14
    assert first != station_key("WARD8", secret=SECRET)
    assert first != station_key("WARD7", secret=SECRET[::-1])


def test_a_device_without_a_station_has_no_key() -> None:
    assert station_key("", secret=SECRET) == ""


SECOND, THIRD = b"2" * 32, b"3" * 32


def test_a_stored_key_is_renewed_without_the_identifier_that_it_was_made_from() -> None:
    """So an identifier is found under the whole secret, and not under any part of it."""
    renewed = renewed_patient_key(renewed_patient_key(key("ROE-1"), SECOND), THIRD)

    assert renewed == key("ROE-1", secret=linked(SECRET, SECOND, THIRD))
    others = {key("ROE-1", secret=secret) for secret in (SECRET, SECOND, linked(SECRET, SECOND))}
    assert renewed not in others


def test_a_derived_study_is_renewed_and_the_uid_of_its_image_stays() -> None:
    content, patient = "ab" * 32, PatientId("ROE-1")
    first, second = (DerivedUids(content, secret) for secret in (SECRET, linked(SECRET, SECOND)))

    assert second.image_uid == first.image_uid
    assert second.study_uid(patient, "1") == renewed_uid(first.study_uid(patient, "1"), SECOND)
    assert second.study_uid(patient, "1") != first.study_uid(patient, "1")


def test_a_renewed_secret_has_another_fingerprint() -> None:
    assert secret_fingerprint(linked(SECRET, SECOND)) != secret_fingerprint(SECRET)


def test_no_link_of_a_secret_may_be_short() -> None:
    with pytest.raises(ValueError, match="fewer than 32"):
        key("ROE-1", secret=linked(SECRET, b"short"))
