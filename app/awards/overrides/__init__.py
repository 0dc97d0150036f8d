"""Overrides: two persons lift one rule of the money's door, for one firm, one act and a limited time."""
