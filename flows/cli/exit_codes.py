"""The exit codes of the program, for scripts and schedulers."""

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
