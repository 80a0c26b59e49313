"""The exit codes of the program, for scripts and schedulers.

``ATTENTION`` ends a command that did its work but found something that a person must see to: the
balance does not hold, images are stuck, a source cannot be seen, a film that was received is lost,
or a control chart is out of its limits.
"""

FAILURE, USAGE, ATTENTION, INTERRUPTED = 1, 2, 3, 130
