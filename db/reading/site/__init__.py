"""Questions about the site as a whole: what came in, what became of it, and what is wrong."""

__all__ = [
    "alerts",
    "arrivals",
    "balances",
    "diagnosis",
    "monitoring",
    "operations",
    "rejections",
]
