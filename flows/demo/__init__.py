"""The demonstration on simulated films."""
