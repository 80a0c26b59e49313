"""What senders write in headers and sidecars, and what it means: views, body parts, times."""
