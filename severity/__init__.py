"""The pure core: radiographs in, severity scores out. Research use only, not for diagnosis."""
