"""Fitting a head on labelled films, and keeping it as a new model."""
