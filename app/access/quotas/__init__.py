"""Quotas: what a caller may take of the service, by role and kind of subject, from a day on."""
