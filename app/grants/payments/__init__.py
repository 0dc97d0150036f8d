"""Payments of grants: proposed by one person, approved by another, sent, and recorded as the bank made them."""
