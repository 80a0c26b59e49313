"""The command line, ``cxr-severity``."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; wrong use ends with one clear line and exit code 2."""
    # Imported here: who imports a module of this package must not pay for all commands.
    from flows.cli.app import main as run  # noqa: PLC0415

    run()
