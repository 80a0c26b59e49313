"""Where tests lie: beside nothing but the module whose name they carry."""

from pathlib import Path

TESTS = Path(__file__).parent
# What no module alone answers for.
OF_SEVERAL_MODULES = {
    "db/reading/test_directions.py",  # the views behind trends
    "db/test_large_sources.py",  # enlisting and claiming, of a source that is new and large
    "db/test_constraints.py",  # what the schema refuses
    "db/test_promises.py",  # the whole ledger, by any sequence of steps
    "db/test_superseding.py",  # from enlisting to closing
    "flows/courses/test_views.py",  # the views of courses, on what the update writes
    "flows/dashboard/routes/test_times_shown.py",  # one time, in lists, pages, charts and terminal
    "flows/dashboard/security/test_proxies.py",  # docs/dashboard-access.md
    "flows/cli/test_private_names.py",  # whole commands, and all that they leave behind
    "flows/events/test_treatments_page.py",  # docs/treatments.md
    "flows/cli/test_without_torch.py",  # the commands, where torch cannot be imported
    "flows/scoring/test_survival.py",  # whole workers, killed
    "flows/sources/test_cloud_stores.py",  # object_store.py, against other providers' emulators
    "severity/dicom/test_descriptions.py",  # what headers say of pixels, wherever it is read
    "severity/dicom/test_pixel_decisions.py",  # what each step that reads pixels says of itself
    "severity/dicom/test_same_film.py",  # all that is read of pixels, in any combination
    "severity/files/test_fuzz_reading.py",  # all readers, on damaged files
    "severity/files/test_public_files.py",  # all readers, on every public DICOM file
    "severity/models/test_stored_scores.py",  # each bundled model, to the last bit
    "severity/test_simulated_course.py",  # from painted opacities to their scores
}
PACKAGES = ("severity", "db", "flows", "training", "benchmarks", "documentation")


def test_each_file_of_tests_has_its_module_or_folder_in_the_same_place() -> None:
    """A module that moves or is renamed takes its tests along, so that they are found."""
    misplaced = {
        str(file.relative_to(TESTS))
        for package in PACKAGES
        for file in (TESTS / package).rglob("test_*.py")
        if not module_of(file).exists() and not module_of(file).with_suffix("").is_dir()
    }

    assert misplaced == OF_SEVERAL_MODULES


def module_of(file: Path) -> Path:
    """Return the module that a file of tests is named after."""
    return TESTS.parent / file.relative_to(TESTS).with_name(file.name.removeprefix("test_"))
