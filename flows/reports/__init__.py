"""Scores, pairs of images and balances as text and JSON; `courses` has the courses of patients."""

from flows.reports.balance_text import (
    Status,
    balance_text,
    discrepancies_text,
    fates_table,
    other_versions_text,
    rejections_table,
    source_text,
    status_json,
)
from flows.reports.bridges_text import bridge_table, bridges_table
from flows.reports.corrections_text import (
    history_table,
    image_text,
    images_table,
    lookups_table,
    object_text,
    plain_json,
    rejected_table,
    unread_table,
)
from flows.reports.csv_table import FORMULA_STARTS, is_formula, write_csv
from flows.reports.explanation_text import Explanation, explanation_json, explanation_table
from flows.reports.parameters_text import courses_text, parameters_table
from flows.reports.rescoring_text import rescorings_table
from flows.reports.score_text import FileResult, scores_csv, scores_json, scores_table
from flows.reports.trend_text import trend_json, trend_table

__all__ = [
    "FORMULA_STARTS",
    "Explanation",
    "FileResult",
    "Status",
    "balance_text",
    "bridge_table",
    "bridges_table",
    "courses_text",
    "discrepancies_text",
    "events_text",
    "explanation_json",
    "explanation_table",
    "fates_table",
    "history_table",
    "image_text",
    "images_table",
    "is_formula",
    "lookups_table",
    "object_text",
    "other_versions_text",
    "parameters_table",
    "plain_json",
    "rejected_table",
    "rejections_table",
    "rescorings_table",
    "scores_csv",
    "scores_json",
    "scores_table",
    "source_text",
    "status_json",
    "trend_json",
    "trend_table",
    "unread_table",
    "write_csv",
]
