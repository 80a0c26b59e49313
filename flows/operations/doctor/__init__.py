"""The doctor: examines a site, and names the one thing to do first."""

from flows.operations.doctor.examination import Examination, examine
from flows.operations.doctor.finding import Finding, Level
from flows.operations.doctor.report import examination_json, examination_text

__all__ = ["Examination", "Finding", "Level", "examination_json", "examination_text", "examine"]
