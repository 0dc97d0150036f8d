"""Certificates of service: what certified days come to, sealed, numbered without a gap, and on paper."""
