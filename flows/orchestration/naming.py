"""What marks our runs at a Prefect server, and what their states are called."""

TAG = "cxr-severity"
"""Of all deployments that are registered, and so of their runs; of runs inside them too, and of
those that a command starts."""

LOST = "Lost"
"""The state of a run that is crashed, and of which nothing more is heard."""

RESTARTING = "Restarting"
"""The state of a lost run that is to start again."""

MOST_RESTARTS = 3
"""Restarts of one run; the next one that is due finds what it left."""
