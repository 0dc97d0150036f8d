"""Meetings with firms: who was met, what was found, what they need, and who follows it up."""
