"""Delays of aid files: how long each step takes."""
