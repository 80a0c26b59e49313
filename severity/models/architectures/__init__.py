"""Networks as they are trained, in torch, and how they become a description that runs without."""
