"""The pages of docs/reference that the program itself is the source of: ``make reference``."""
