"""Heads: from a backbone's outputs to points, and the files that they come in."""
