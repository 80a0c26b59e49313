"""What marks all that is ours at a Prefect server, which a site may share with others."""

TAG = "cxr-severity"
"""Of all deployments, and so of their runs."""
