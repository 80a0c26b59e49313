"""A patient's course as JSON, with all that the database knows of it."""

import json
from dataclasses import asdict
from datetime import datetime

from db.reading.courses import Course
from flows.reports.courses.words import course_notes


def course_json(course: Course) -> str:
    """Return a course as JSON: images with bands, probabilities and verdicts, and events."""
    document = {**asdict(course), "notes": course_notes(course), "waiting": len(course.waiting)}
    del document["content"]  # `courses parameters` shows it
    return json.dumps(document, default=_plain, indent=2, sort_keys=True)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
