"""The log of the dashboard: requests by their routes, without a patient's key or a query."""

import logging

NAME = "cxr-severity.dashboard"
log = logging.getLogger(NAME)
