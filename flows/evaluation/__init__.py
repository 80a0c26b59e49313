"""Measuring a model on labelled films."""
