"""Signed activity reports: a consultant's days of a month, sealed, signed by the person and then by the lead firm."""
