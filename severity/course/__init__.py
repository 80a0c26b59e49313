"""Courses: the level behind a patient's scores, with its probability."""
