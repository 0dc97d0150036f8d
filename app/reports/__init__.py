"""Figures over several domains: read-only SQL over their models."""
