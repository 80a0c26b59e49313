"""What Prefect starts at a site: the scheduled service, or deployments at a server of the site."""

__all__ = ["own_server", "serving", "together"]
