"""How fast films are scored, beside the authors' way and the bare network: docs/benchmarks.md."""
