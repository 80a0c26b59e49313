"""Drift of the site: its charts, drawn once a night after a pass and whenever somebody asks."""

from flows.drift.drawing import SiteDrift, draw
from flows.drift.text import drift_json, drift_table, reports_text

__all__ = ["SiteDrift", "draw", "drift_json", "drift_table", "reports_text", "text", "watching"]
