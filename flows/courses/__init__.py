"""Courses of a site: computed for whoever is due, by parameters that the site learns."""

__all__ = ["adopting", "bridged", "bridging", "choosing", "learning", "reading", "update"]
