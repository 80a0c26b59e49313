"""Scores, trends and balances as text and JSON; `trend_chart` draws pictures."""

from flows.reports.balance_text import (
    balance_line,
    fates_table,
    other_versions_text,
    rejections_table,
)
from flows.reports.csv_table import write_csv
from flows.reports.score_text import FileResult, scores_csv, scores_json, scores_table
from flows.reports.trend_text import trend_json, trend_table

__all__ = [
    "FileResult",
    "balance_line",
    "fates_table",
    "other_versions_text",
    "rejections_table",
    "scores_csv",
    "scores_json",
    "scores_table",
    "trend_chart",
    "trend_json",
    "trend_table",
    "write_csv",
]
