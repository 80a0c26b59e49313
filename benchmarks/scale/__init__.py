"""A ledger of many years: how large it is, and what claims, questions and passes cost in it."""
