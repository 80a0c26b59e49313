"""The errors of the database. One class: every caller stops, and shows the message."""


class DatabaseError(Exception):
    """The database cannot be used; stop. Nothing half-done was kept.

    The message states no value that the database holds.
    """
