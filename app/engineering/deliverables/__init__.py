"""Deliverables of a mission: what is ordered beside days, its versions, and what the verification finds."""
