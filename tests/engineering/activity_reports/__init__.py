"""Tests of activity reports."""
