"""The errors of the shell. Each class states what the caller must do.

FlowsError
├── UsageError      change the request: it, one of its files or a setting cannot be used
├── InboxError      stop, and try again once the inbox can be read
└── ServerError     stop: the Prefect server does not start on this machine
"""


class FlowsError(Exception):
    """Base of every error that `flows` raises on purpose."""


class UsageError(FlowsError):
    """The request, one of its files or a setting cannot be used: trying again does not help."""


class InboxError(FlowsError):
    """The inbox cannot be read. The message holds no secret and no object's name."""


class ServerError(FlowsError):
    """The Prefect server does not start."""
