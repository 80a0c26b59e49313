"""The models of a home folder: described, imported, fetched and loaded."""
