"""What the others come to: read-only SQL over their models."""
