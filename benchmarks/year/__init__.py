"""A year of a site in an hour, under a clock that is moved: see `benchmarks.year.__main__`."""
