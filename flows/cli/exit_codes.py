"""How the program ends, for scripts and schedulers."""

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
