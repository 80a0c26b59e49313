"""Charts as plain values, which templates and scripts draw."""

__all__ = ["course_chart", "drift_charts", "line_chart", "sparkline"]
