"""Folders of labelled films, for measuring models and fitting heads."""
