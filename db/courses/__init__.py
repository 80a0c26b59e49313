"""Courses as the database keeps them: what is due, films as arrays, rows, parameters, choices.

Only here does the database's package know arrays: courses are computed for a million patients.
"""

__all__ = ["binary_copy", "bridges", "choices", "due", "erasing", "films", "parameters", "rows"]
