"""A patient's trend as text and as a chart."""
