"""How good scores are: splits that do not leak, feature sets, agreement."""
