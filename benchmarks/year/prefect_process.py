"""The process that keeps the service's own Prefect server; it prints the clients' environment."""

import json
import sys

from flows.deployments.own_server import own_server
from flows.orchestration.environment import configure_prefect
from flows.settings import Settings


def main() -> None:
    """Run the server until the input ends."""
    settings = Settings()
    folder = configure_prefect(settings.home, quiet=True)
    with own_server(folder, settings) as address:
        print(json.dumps(address.variables), flush=True)  # noqa: T201 - read by the benchmark
        sys.stdin.read()


if __name__ == "__main__":
    main()
