"""Networks and where they run: from a model input to scores."""
