from severity.dicom.device import LONGEST
from severity.domain import Device
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import read


def device_of(**attributes: object) -> Device | None:
    return read(dicom_file(**attributes)).record.device


def test_a_device_is_known_by_its_manufacturer_model_and_station():
    device = device_of(Manufacturer="ACME", ManufacturerModelName="X-1000 ", StationName="WARD7")

    assert device == Device("ACME", "X-1000", "WARD7")


def test_a_file_without_these_names_has_no_device():
    assert device_of() is None
    assert device_of(Manufacturer="", ManufacturerModelName=" ") is None


def test_names_are_stored_without_control_characters_and_never_longer_than_dicom_allows():
    device = device_of(Manufacturer="AC\x1b[31m\x07ME  Inc", ManufacturerModelName="m" * 100)

    assert device == Device("AC[31mME Inc", "m" * LONGEST)


def test_the_name_of_a_station_is_in_no_representation_of_its_device():
    assert "WARD7" not in repr(device_of(StationName="WARD7"))
