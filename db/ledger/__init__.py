"""The ledger: sources and what lies in them, who works on what, and what waits."""

__all__ = [
    "archiving",
    "claiming",
    "enlisting",
    "listings",
    "lock",
    "places",
    "presence",
    "replaced",
    "runs",
    "sightings",
    "sources",
    "waiting",
]
