"""Certificates of service: the certified days of a member, priced, sealed, numbered without a gap, and printed."""
