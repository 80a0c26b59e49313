"""Who may see the dashboard and who may change anything, and what keeps strangers' pages out."""

__all__ = [
    "access",
    "attempts",
    "forms",
    "guard",
    "headers",
    "looks",
    "sessions",
    "sign_in",
    "user",
]
