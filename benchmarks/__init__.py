"""Scoring speed, compared with the authors' code and the network alone: docs/benchmarks.md."""
