"""Payments of awards: proposed by one person, approved by another, sent, and recorded as the bank made them."""
