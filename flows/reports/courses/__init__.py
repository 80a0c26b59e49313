"""A patient's course as a table, as JSON and, by `chart`, as a picture."""
