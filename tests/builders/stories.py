"""The patients of a site that tests of pages look at."""

from tests.builders.course_archive import CourseArchive, film


def tell(archive: CourseArchive) -> None:
    """Score the films of a few patients, each with another course, and one with treatments."""
    archive.follow(
        *(
            film(f"worse-{day}", day, extent, patient="p-worse")
            for day, extent in ((0, 2.0), (3, 3.0), (6, 5.5), (9, 6.5))
        ),
        *(
            film(f"better-{day}", day, extent, patient="p-better")
            for day, extent in ((0, 6.0), (4, 5.8), (8, 2.4), (12, 1.5))
        ),
        *(film(f"same-{day}", day, 3.0, patient="p-same") for day in range(0, 20, 2)),
        film("single", 2, 4.0, patient="p-single"),
        film("inverted", 5, 4.0, patient="p-single", flagged=True),
    )
    archive.treat("dexamethasone", 4.5, 10, patient="p-better")
