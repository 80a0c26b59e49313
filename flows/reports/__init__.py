"""What people and programs read: scores, a trend, the balance. Pictures are in `trend_chart`."""

from flows.reports.balance_text import balance_line, fates_table, others_text, rejections_table
from flows.reports.score_text import FileResult, scores_csv, scores_json, scores_table
from flows.reports.trend_text import trend_json, trend_table

__all__ = [
    "FileResult",
    "balance_line",
    "fates_table",
    "others_text",
    "rejections_table",
    "scores_csv",
    "scores_json",
    "scores_table",
    "trend_chart",
    "trend_json",
    "trend_table",
]
