"""What Prefect starts at a site: the scheduled service, or deployments at a server of the site."""

__all__ = [
    "automations",
    "own_server",
    "plan",
    "prefect_yaml",
    "registering",
    "schedules",
    "serving",
    "together",
]
