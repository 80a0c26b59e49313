"""The ledger: sources and what lies in them, who works on what, and what waits."""

__all__ = [
    "claiming",
    "enlisting",
    "lock",
    "places",
    "presence",
    "replaced",
    "runs",
    "sightings",
    "sources",
    "waiting",
]
