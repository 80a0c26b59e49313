"""A patient's course as a table, as JSON and, by `chart`, as a picture."""

from flows.reports.courses.axis import TimeAxis
from flows.reports.courses.document import course_json
from flows.reports.courses.text import course_table
from flows.reports.courses.words import missing_course

__all__ = [
    "TimeAxis",
    "axis",
    "chart",
    "course_json",
    "course_table",
    "curve",
    "missing_course",
    "text",
    "words",
]
