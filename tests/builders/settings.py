"""Settings that have no default."""

SECRET = "a secret of the tests that is long enough"  # noqa: S105
