"""How fast images are scored, beside the authors' way and the network alone: docs/benchmarks.md."""
