"""Decisions of committees on aid files, their simulation, and the sealed record of a meeting."""
