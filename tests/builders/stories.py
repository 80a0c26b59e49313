"""The patients of a site that tests of pages look at."""

from db.corrections import Author, merge
from db.events import PatientGroup, store_groups
from severity.domain import Lungs, LungScore, Zone
from tests.builders.course_archive import CourseArchive, film
from tests.builders.pseudonyms import pseudonym

SAME, OF_TWO, MERGED, ELSEWHERE = map(pseudonym, ("same", "two", "merged", "elsewhere"))

AT_FIRST = Lungs(
    LungScore(4.0, 1.2),
    LungScore(2.0, 0.8),
    dict(zip(Zone, (0.0, 0.5, 1.0, 0.1, 0.25, 0.9), strict=True)),
)
AT_LAST = Lungs(LungScore(1.0, 1.2), LungScore(0.5, 0.8), dict.fromkeys(Zone, 0.1))
"""What the lungs of one patient have in the first and the last film."""

PENDING = 3
"""Films of the site that wait for a score: two that nobody has read, one of the other version."""


def tell(archive: CourseArchive, searched: str) -> None:
    """Score the films of a few patients, each with another course, and one with treatments.

    One is merged from two, one was scored by another model version alone, one has ten films, and
    one has the key ``searched``.
    """
    archive.follow(
        *(
            film(f"worse-{day}", day, extent, patient="p-worse")
            for day, extent in ((0, 2.0), (3, 3.0), (6, 5.5), (9, 6.5))
        ),
        *(
            film(f"better-{day}", day, extent, patient="p-better", lungs=lungs)
            for day, extent, lungs in (
                (0, 6.0, AT_FIRST),
                (4, 5.8, None),
                (8, 2.4, None),
                (12, 1.5, AT_LAST),
            )
        ),
        *(film(f"same-{day}", day, 3.0, patient=SAME) for day in range(0, 20, 2)),
        film("searched", 1, 5.0, patient=searched),
        film("single", 2, 4.0, patient="p-single"),
        film("inverted", 5, 4.0, patient="p-single", flagged=True, enhanced=True),
        film("of-two-1", 1, 3.0, patient=OF_TWO),
        film("of-two-2", 3, 3.5, patient=MERGED),
    )
    archive.add(film("elsewhere", 0, patient=ELSEWHERE), by="v2")
    author = Author("dr.roe", "one person")
    archive.do(merge, author, MERGED, OF_TWO)
    archive.do(store_groups, "import", [PatientGroup("p-better", "arm", "treated")])
    archive.treat("dexamethasone", 4.5, 10, patient="p-better")
    archive.enlist(*(film(f"pending-{number}", 30) for number in range(2)))
