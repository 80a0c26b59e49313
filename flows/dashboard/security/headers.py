"""What browsers are told of every answer: to run our files alone, and to frame and keep none."""

from starlette.datastructures import MutableHeaders

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}

_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know `frame-ancestors`
    # Other sites learn no address. By `no-referrer` browsers would also conceal the origin of a
    # form, by which a stranger's is known (Fetch, "append a request Origin header").
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}


def add_headers(headers: MutableHeaders, *, is_file: bool) -> None:
    """Add what every answer says; only the pages' own files may be kept by a browser."""
    headers.update(_HEADERS)
    headers["Cache-Control"] = "public, max-age=3600" if is_file else "no-store"
