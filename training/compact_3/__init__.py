"""How `compact-3` is trained on every labelled film, cross-validated by patient and measured."""
