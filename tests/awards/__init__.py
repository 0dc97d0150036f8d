"""Tests of what grants and advances have in common."""
