"""Grey images: their pixels, identity, limits, and the way to a network's input."""
